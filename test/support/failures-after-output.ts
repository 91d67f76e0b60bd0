import { stream } from './upstream-behaviours.js';
import type { Behaviour } from './upstream-behaviours.js';
import { done, dropHere, event, finish, hangOn, raw, role, tokens, usage } from './upstream-steps.js';
import type { Step } from './upstream-steps.js';

/** What the client has read when it happens. */
export const SAID = 'one two three';

/** One way in which a stream fails after output. */
interface LateFailure {
  readonly cause: string;
  readonly behaviour: Behaviour;
  readonly code: 'stream_interrupted' | 'upstream_truncated';
  /** Nothing more comes: needs short timers. */
  readonly silent?: true;
}

const FINISHED_CHOICE = { index: 0, delta: {}, finish_reason: 'stop' };
/** A whole finish but for its end: who took it for one would report `stop`. */
const HALF_FINISH = JSON.stringify({ choices: [FINISHED_CHOICE] }).slice(0, -1);

const broken: readonly (readonly [string, ...Step[]])[] = [
  ['a closed connection', dropHere()],
  ['a reset connection', dropHere({ reset: true })],
  ['a connection closed behind the counts', usage(), dropHere()],
  ['an error object', event({ error: { message: 'x' } }), done()],
  ['an error object with a finish', event({ error: { message: 'x' }, choices: [FINISHED_CHOICE] }), done()],
  ['an error as text', event({ error: 'x' }), done()],
  ['an error event', event({ message: 'x' }, 'error'), done()],
  ['an error of a rate limit', event({ error: { message: 'x', code: 429 } }), done()],
  ['bad JSON', event('{"choices":[{'), finish(), done()],
  ['JSON that is no object', event('[1]'), finish(), done()],
  ['a line above 1 MiB', raw(`data: ${'x'.repeat(1_200_000)}\n\n`)],
];

const truncated: readonly (readonly [string, ...Step[]])[] = [
  ['an end without finish'],
  ['[DONE] without finish', done()],
  ['counts and [DONE] without finish', usage(), done()],
  ['a web page and an end', raw('<!doctype html>\n<p>Bad gateway</p>\n\n')],
  ['an end inside the finish', raw(`data: ${HALF_FINISH}`)],
];

export const lateFailures: readonly LateFailure[] = [
  ...broken.map(([cause, ...steps]) => ({
    cause,
    behaviour: late(...steps),
    code: 'stream_interrupted' as const,
  })),
  { cause: 'silence', behaviour: late(hangOn()), code: 'stream_interrupted', silent: true },
  ...truncated.map(([cause, ...steps]) => ({
    cause,
    behaviour: late(...steps),
    code: 'upstream_truncated' as const,
  })),
];

function late(...steps: readonly Step[]): Behaviour {
  return stream(role(), tokens(SAID), ...steps);
}
