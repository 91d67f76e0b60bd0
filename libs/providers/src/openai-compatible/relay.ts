import { readMember, rewriteBody } from '#core/body.js';
import { ENDPOINTS } from '#core/endpoint.js';
import type { Received } from '#core/estimate-tokens.js';
import type { CallFacts } from '#core/failure.js';
import { askedChoices, tooFewChoices } from '../choices/asked-choices.js';
import type { AnswerLimits } from '../http/answer-limits.js';
import { relayAnswer } from '../http/answer-stream.js';
import type { Exchange } from '../http/exchange.js';
import { readBody } from '../http/read-body.js';
import { findError, toStatusFacts } from '../http/upstream-error.js';
import { isRecord, parseJson } from '../json.js';
import type { CallEnd, ProviderCall, ProviderFrame } from '../provider.js';
import { ChatStream } from './chat-stream.js';
import { countTextBytes, readUsage } from './chunk.js';
import { StopWords } from './stop-words.js';

export interface RelayContext {
  readonly exchange: Exchange;
  readonly call: ProviderCall;
  /** When the call began, on the `performance.now` clock: the timers count from here. */
  readonly startedAt: number;
  readonly limits: AnswerLimits;
  readonly secrets: readonly string[];
  /** Those that the upstream leaves at the end of a text. */
  readonly stopWords: readonly string[];
}

/** Passes on a streamed answer whose head was 200. */
export function relayStream(context: RelayContext): AsyncGenerator<ProviderFrame, CallEnd, void> {
  const { exchange, call, startedAt, limits, secrets, stopWords } = context;
  const chat = new ChatStream({
    includeUsage: call.includeUsage,
    continuousUsage: call.includeUsage && asksForContinuousUsage(call.body),
    choices: askedChoices(call),
    secrets,
    stopWords,
    maxEventLength: limits.eventLength,
    maxStreamBytes: limits.streamBytes,
  });
  return relayAnswer(chat, { exchange, startedAt, timeouts: call.timeouts });
}

/** An option of vLLM's. */
function asksForContinuousUsage(body: Buffer): boolean {
  const options = parseJson(Buffer.from(readMember(body, 'stream_options') ?? 'null'));
  return isRecord(options) && options['continuous_usage_stats'] === true;
}

/** Passes on an answer without `stream` whose head was 200: one frame, or none where it is not an answer. */
export async function* relayBody(context: RelayContext): AsyncGenerator<ProviderFrame, CallEnd, void> {
  const { exchange, call, startedAt, limits, secrets, stopWords } = context;
  const read = await readBody(exchange, limits.bodyBytes, startedAt + call.timeouts.responseMs);
  if (read.kind === 'aborted') return { ok: false, aborted: true, phase: 'headers' };
  const fail = (facts: CallFacts): CallEnd => ({ ok: false, aborted: false, phase: 'headers', facts });
  if (read.kind === 'failed') return fail(read.facts);
  const value = parseJson(read.bytes);
  if (!isRecord(value)) return fail({ kind: 'malformed', reason: 'the body is not a JSON object' });
  const error = findError(value);
  if (error) return fail(toStatusFacts(error, secrets, { status: 200 }));
  const { answer } = ENDPOINTS[call.endpoint];
  const list = value[answer];
  if (!Array.isArray(list) || list.length === 0) {
    return fail({ kind: 'malformed', reason: `the body has no ${answer}` });
  }
  const choices = askedChoices(call);
  if (answer === 'choices' && list.length < choices) {
    return fail({ kind: 'malformed', reason: tooFewChoices(list.length, choices) });
  }
  const trimmed = stopWords.length > 0 ? new StopWords(stopWords).take(list) : undefined;
  const bytes = trimmed
    ? rewriteBody(read.bytes, { set: { [answer]: JSON.stringify(trimmed) } })
    : read.bytes;
  yield { bytes, output: true };
  const usage = readUsage(value['usage']);
  return { ok: true, ...(usage ? { usage } : { received: toReceived(list) }) };
}

/** A whole answer as one delta for each choice; what is not made of tokens has none. */
function toReceived(list: readonly unknown[]): Received {
  const said = list
    .filter(isRecord)
    .map(({ message, text }) => (typeof text === 'string' ? { content: text } : message))
    .filter(isRecord);
  const textBytes = said.reduce((sum, message) => sum + countTextBytes(message), 0);
  return { deltas: said.length, textBytes };
}
