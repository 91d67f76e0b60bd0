import { errors } from '../../libs/core/src/errors.js';
import type { Conversation } from './conversation.js';
import type { Talk } from './converse.js';
import { readAnswers, type RawAnswer } from './read-answers.js';

export interface Judgement {
  /** What each answer was: a status, or an error's code. */
  readonly outcomes: readonly string[];
  /** What no request can excuse. */
  readonly faults: readonly string[];
}

/** Headers that set a deadline: only behind one of these is a 504 the client's own wish. */
const DEADLINE = /timeout/i;
const TUNNEL = /CONNECT/;

/**
 * Looks at all that came back on one connection.
 *
 * @param isStarved the machine is so busy that a 503 may be honest
 */
export function judge(
  { requests, ending }: Conversation,
  { received, end }: Talk,
  isStarved: () => boolean,
): Judgement {
  if (end === 'hung')
    return {
      outcomes: ['hung'],
      faults: [`the connection hangs, behind ${JSON.stringify(received.slice(-200))}`],
    };
  const sent = Buffer.concat(requests).toString('latin1');
  const { answers, rest } = readAnswers(received);
  const mayBeCut = end === 'client' || ending === 'half-closes' || TUNNEL.test(sent);
  // An answer to HEAD does not say which 503 it is.
  const isExcused = (answer: RawAnswer) =>
    answer.status === 504
      ? DEADLINE.test(sent)
      : ['redis_unavailable', '503'].includes(outcomeOf(answer)) && isStarved();
  const faults = answers.flatMap((answer) => faultsOf(answer, isExcused));
  if (!mayBeCut && answers.some(({ whole }) => !whole)) faults.push('an answer was cut off');
  if (!mayBeCut && rest !== '') faults.push(`what is no answer: ${JSON.stringify(rest.slice(0, 200))}`);
  return { outcomes: answers.map(outcomeOf), faults };
}

function faultsOf(answer: RawAnswer, isExcused: (answer: RawAnswer) => boolean): string[] {
  const { status, headers, body, whole } = answer;
  if (status < 200) return [];
  const faults: string[] = [];
  const about = `${outcomeOf(answer)} (${status})`;
  if (status >= 500 && !isExcused(answer)) faults.push(`${about}: ${body.slice(0, 300)}`);
  if (!/^req_\d+_[0-9A-Z]{26}$/.test(headers.get('x-request-id') ?? ''))
    faults.push(`${about} without an id`);
  if (status >= 400 && body !== '' && whole && !isError(answer))
    faults.push(`${about} says ${body.slice(0, 200)}`);
  return faults;
}

/** Is the body an error of the table, all its keys there and nothing else? */
function isError({ status, body, headers }: RawAnswer): boolean {
  try {
    const { error, ...others } = JSON.parse(body) as { error: Record<string, unknown> };
    const names = Object.keys(error).sort().join();
    const row = errors[error['code'] as keyof typeof errors];
    const type = headers.get('content-type');
    return (
      Object.keys(others).length === 0 &&
      names === 'code,message,param,type' &&
      row.status === status &&
      row.type === error['type'] &&
      type === 'application/json; charset=utf-8'
    );
  } catch {
    return false;
  }
}

function outcomeOf({ status, body }: RawAnswer): string {
  if (status < 400) return String(status);
  return /"code":"(\w+)"/.exec(body)?.[1] ?? String(status);
}
