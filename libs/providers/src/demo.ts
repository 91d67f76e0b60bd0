import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { readMember } from '#core/body.js';
import { ENDPOINTS, type Endpoint } from '#core/endpoint.js';
import type { CallFacts } from '#core/failure.js';
import { DEMO_MODELS } from '#core/route.js';
import type {
  CallEnd,
  CallTimeouts,
  Discovery,
  Provider,
  ProviderCall,
  ProviderFrame,
  Usage,
} from './provider.js';
import { demoBody, demoChunk, demoWords } from './demo-answer.js';
import { demoEmbeddings } from './demo-embeddings.js';

export interface DemoOptions {
  /** Names an answer. Default: `chatcmpl-` and a random UUID. */
  readonly createId?: (() => string) | undefined;
  /** Unix time in ms. Default: the system's clock. */
  readonly now?: (() => number) | undefined;
  /** Before each word, ms. Default: 25. */
  readonly wordDelayMs?: number | undefined;
  /** Before the first word of `demo-slow`, ms. Default: 3000. */
  readonly slowFirstWordMs?: number | undefined;
  /** Before each later word of `demo-slow`, ms. Default: 400. */
  readonly slowWordDelayMs?: number | undefined;
}

type DemoModel = (typeof DEMO_MODELS)[number];

/** Words of `demo-cut` before it breaks off. */
const CUT_AFTER_WORDS = 5;

/** More answers at once are refused, as a real provider would. */
const MAX_CHOICES = 8;

type Timer = Extract<CallFacts, { kind: 'timeout' }>['timer'];

/** How a word was waited for. */
type Wait = 'elapsed' | 'aborted' | 'timeout';

/**
 * A provider that needs nothing: canned answers that say they are canned, and the common failures on demand. It is
 * what a fresh installation answers with, so timers, cancel, usage and errors behave as with a real upstream.
 */
export class DemoProvider implements Provider {
  constructor(private readonly options: DemoOptions = {}) {}

  async *infer(call: ProviderCall, signal: AbortSignal): AsyncGenerator<ProviderFrame, CallEnd, void> {
    if (signal.aborted) return { ok: false, aborted: true, phase: 'not_sent' };
    const model = DEMO_MODELS.find((name) => name === call.model) ?? 'demo';
    const choices = Number(readMember(call.body, 'n') ?? 1) || 1;
    const facts = refuse(call.endpoint, model, choices);
    if (facts) return { ok: false, aborted: false, phase: 'headers', facts };
    if (call.endpoint === 'embeddings') return yield* demoEmbeddings(call.body);
    const words = demoWords(model);
    const answer = {
      endpoint: call.endpoint,
      id: this.options.createId?.() ?? `chatcmpl-${randomUUID()}`,
      created: Math.floor((this.options.now?.() ?? Date.now()) / 1000),
      model,
      choices,
    };
    const usage = countTokens(call.body, words.length * choices);
    const run = { call, signal, answer, words, usage };
    return yield* call.stream ? this.stream(run) : this.respond(run);
  }

  discover(): Promise<Discovery> {
    return Promise.resolve({ models: DEMO_MODELS, credential: 'ok' });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  private async *stream(run: DemoRun): AsyncGenerator<ProviderFrame, CallEnd, void> {
    const { call, signal, answer, words, usage } = run;
    const endAt = performance.now() + (call.timeouts.streamMs ?? Infinity);
    const indexes = Array.from({ length: answer.choices }, (_, index) => index);
    const event = (chunk: object): Buffer => Buffer.from(`data: ${JSON.stringify(chunk)}\n\n`);
    const chunk = (index: number, delta: { role?: string; content?: string }, finish: string | null) =>
      event(demoChunk(answer, [{ index, delta, finish_reason: finish }], call.includeUsage));
    for (const index of call.endpoint === 'chat' ? indexes : []) {
      yield { bytes: chunk(index, { role: 'assistant', content: '' }, null), output: false };
    }
    const received = { deltas: 0, textBytes: 0 };
    for (const [position, word] of words.entries()) {
      const isFirst = position === 0;
      const phase = isFirst ? 'headers' : 'visible';
      const { timer, limitMs } = nextTimer(call.timeouts, isFirst, endAt - performance.now());
      const wait = await pause(this.delayMs(answer.model, isFirst), limitMs, signal);
      const partly = isFirst ? {} : { received };
      if (wait === 'aborted') return { ok: false, aborted: true, phase, ...partly };
      if (wait === 'timeout') return { ...timedOut(phase, timer), ...partly };
      if (isCut(answer.model, position)) return { ...disconnected(phase), ...partly };
      for (const index of indexes) {
        received.deltas++;
        received.textBytes += Buffer.byteLength(word);
        yield { bytes: chunk(index, { content: word }, null), output: true };
        if (signal.aborted) return { ok: false, aborted: true, phase: 'visible', received };
      }
    }
    for (const index of indexes) yield { bytes: chunk(index, {}, 'stop'), output: false };
    if (call.includeUsage) yield { bytes: event(demoChunk(answer, [], usage)), output: false };
    yield { bytes: Buffer.from('data: [DONE]\n\n'), output: false };
    return { ok: true, usage };
  }

  private async *respond(run: DemoRun): AsyncGenerator<ProviderFrame, CallEnd, void> {
    const { call, signal, answer, words, usage } = run;
    const isWhole = !isCut(answer.model, words.length);
    const shownWords = isWhole ? words.length : CUT_AFTER_WORDS;
    const totalMs = this.delayMs(answer.model, true) + (shownWords - 1) * this.delayMs(answer.model, false);
    const wait = await pause(totalMs, call.timeouts.responseMs, signal);
    if (wait === 'aborted') return { ok: false, aborted: true, phase: 'possibly_accepted' };
    if (wait === 'timeout') return timedOut('possibly_accepted', 'response');
    if (!isWhole) return disconnected('headers');
    yield { bytes: Buffer.from(JSON.stringify(demoBody(answer, words.join(''), usage))), output: true };
    return { ok: true, usage };
  }

  private delayMs(model: DemoModel, isFirst: boolean): number {
    const { wordDelayMs = 25, slowFirstWordMs = 3_000, slowWordDelayMs = 400 } = this.options;
    if (model !== 'demo-slow') return wordDelayMs;
    return isFirst ? slowFirstWordMs : slowWordDelayMs;
  }
}

/** One answer on its way. */
interface DemoRun {
  readonly call: ProviderCall;
  readonly signal: AbortSignal;
  readonly answer: {
    readonly endpoint: Endpoint;
    readonly id: string;
    readonly created: number;
    readonly model: DemoModel;
    readonly choices: number;
  };
  readonly words: readonly string[];
  readonly usage: Usage;
}

function refuse(endpoint: Endpoint, model: DemoModel, choices: number): CallFacts | undefined {
  if (endpoint === 'moderations' || endpoint === 'rerank') {
    const message = `The built-in demo provider has no ${ENDPOINTS[endpoint].path}; connect a real one.`;
    return { kind: 'status', status: 400, type: 'invalid_request_error', message };
  }
  if (model === 'demo-fail') {
    return { kind: 'status', status: 503, type: 'server_error', message: 'demo-fail always fails.' };
  }
  if (model === 'demo-429') {
    const message = 'demo-429 is always busy.';
    return { kind: 'status', status: 429, type: 'rate_limit_error', message, retryAfterMs: 2_000 };
  }
  if (Number.isInteger(choices) && choices >= 1 && choices <= MAX_CHOICES) return undefined;
  const message = `n must be an integer from 1 to ${MAX_CHOICES}.`;
  return { kind: 'status', status: 400, type: 'invalid_request_error', param: 'n', message };
}

function isCut(model: DemoModel, position: number): boolean {
  return model === 'demo-cut' && position >= CUT_AFTER_WORDS;
}

/** A rough but steady count: four bytes of the body to a prompt token, a word to a completion token. */
function countTokens(body: Buffer, completionTokens: number): Usage {
  return { promptTokens: Math.ceil(body.length / 4), completionTokens };
}

/** What bounds the wait for the next word. */
function nextTimer(
  { firstTokenMs, idleMs }: CallTimeouts,
  isFirst: boolean,
  restMs: number,
): { timer: Timer; limitMs: number } {
  const limitMs = isFirst ? firstTokenMs : idleMs;
  if (restMs <= limitMs) return { timer: 'stream', limitMs: Math.max(0, restMs) };
  return { timer: isFirst ? 'first_token' : 'idle', limitMs };
}

/** Waits, but not beyond the call's timer and not a moment beyond the signal. */
async function pause(delayMs: number, limitMs: number, signal: AbortSignal): Promise<Wait> {
  try {
    await sleep(Math.min(delayMs, limitMs), undefined, { signal });
    return delayMs < limitMs ? 'elapsed' : 'timeout';
  } catch {
    return 'aborted';
  }
}

function timedOut(phase: 'possibly_accepted' | 'headers' | 'visible', timer: Timer): CallEnd {
  return { ok: false, aborted: false, phase, facts: { kind: 'timeout', timer } };
}

function disconnected(phase: 'headers' | 'visible'): CallEnd {
  return { ok: false, aborted: false, phase, facts: { kind: 'disconnect', code: 'ECONNRESET' } };
}
