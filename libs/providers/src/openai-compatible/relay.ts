import { readMember, rewriteBody } from '#core/body.js';
import { ENDPOINTS } from '#core/endpoint.js';
import type { Received } from '#core/estimate-tokens.js';
import type { CallFacts } from '#core/failure.js';
import type { Exchange } from '../http/exchange.js';
import { readBody } from '../http/read-body.js';
import { findError, toStatusFacts } from '../http/upstream-error.js';
import { isRecord, parseJson } from '../json.js';
import type { CallEnd, ProviderCall, ProviderFrame } from '../provider.js';
import { ChatStream, type ChatStep } from './chat-stream.js';
import { countTextBytes, readUsage } from './chunk.js';
import { StopWords } from './stop-words.js';

/** Bounds on what an upstream may send. */
export interface AnswerLimits {
  /** Longest line or event of a stream, in UTF-16 units. Default: 1 MiB. */
  readonly eventLength: number;
  /** Longest stream, bytes. Default: 64 MiB. */
  readonly streamBytes: number;
  /** Longest answer without `stream`, bytes. Default: 32 MiB. */
  readonly bodyBytes: number;
}

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

const DONE: ProviderFrame = { bytes: Buffer.from('data: [DONE]\n\n'), output: false };

/** Passes on a streamed answer whose head was 200. */
export async function* relayStream(context: RelayContext): AsyncGenerator<ProviderFrame, CallEnd, void> {
  const { exchange, call, startedAt, limits, secrets, stopWords } = context;
  const chat = new ChatStream({
    includeUsage: call.includeUsage,
    continuousUsage: call.includeUsage && asksForContinuousUsage(call.body),
    secrets,
    stopWords,
    maxEventLength: limits.eventLength,
    maxStreamBytes: limits.streamBytes,
  });
  const usage = () => (chat.usage ? { usage: chat.usage } : {});
  const received = () => (chat.received.deltas > 0 ? { received: chat.received } : {});
  const counted = () => ({ ...received(), ...usage() });
  const phase = () => (chat.outputSeen ? 'visible' : 'headers');
  const firstTokenAt = startedAt + call.timeouts.firstTokenMs;
  const endAt = startedAt + (call.timeouts.streamMs ?? Infinity);
  const ended = (facts: CallFacts | undefined): CallEnd => {
    const so = { ok: false, phase: phase(), ...counted() } as const;
    return facts ? { ...so, aborted: false, facts } : { ...so, aborted: true };
  };
  for (;;) {
    const nextAt = chat.outputSeen ? performance.now() + call.timeouts.idleMs : firstTokenAt;
    const event = await exchange.next(Math.min(nextAt, endAt));
    const { frames, end } = takeAll(chat.take(event, endAt <= nextAt ? 'stream' : undefined));
    if (end?.kind === 'complete') {
      exchange.release();
      yield { ...joined([...frames, DONE]), last: true };
      return { ok: true, ...(chat.usage ? usage() : received()) };
    }
    if (frames.length > 0) {
      yield joined(frames);
      // How the stream ended may be known already; that it was cancelled comes first.
      if (exchange.aborted) return ended(undefined);
    }
    if (end) return ended(end.kind === 'failed' ? end.facts : undefined);
  }
}

/** An option of vLLM's. */
function asksForContinuousUsage(body: Buffer): boolean {
  const options = parseJson(Buffer.from(readMember(body, 'stream_options') ?? 'null'));
  return isRecord(options) && options['continuous_usage_stats'] === true;
}

type Frames = readonly ProviderFrame[];

/** What one read brought: its frames, and how the stream ended if it did. */
function takeAll(steps: Iterable<ChatStep>): { frames: Frames; end?: Exclude<ChatStep, { kind: 'frame' }> } {
  const frames: ProviderFrame[] = [];
  for (const step of steps) {
    if (step.kind !== 'frame') return { frames, end: step };
    frames.push(step.frame);
  }
  return { frames };
}

/** Frames that came together travel together: each step from here to the ledger costs more than its bytes. */
function joined(frames: Frames): ProviderFrame {
  const [first] = frames;
  if (first && frames.length === 1) return first;
  return {
    bytes: Buffer.concat(frames.map(({ bytes }) => bytes)),
    output: frames.some(({ output }) => output),
  };
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
