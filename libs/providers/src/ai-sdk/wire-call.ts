import { setImmediate } from 'node:timers/promises';
import type { Dispatcher } from 'undici';
import type { CallFacts } from '#core/failure.js';
import { retryAfterMs } from '#core/retry-after.js';
import type { AnswerLimits } from '../http/answer-limits.js';
import { Exchange, toConnectionFacts, type ResponseHeaders } from '../http/exchange.js';
import { mediaType } from '../http/call-headers.js';
import { readErrorBody } from '../http/read-body.js';
import { notAnAnswer } from '../http/read-refusal.js';
import { findError, toStatusFacts } from '../http/upstream-error.js';
import { isRecord } from '../json.js';
import type { CallTimeouts } from '../provider.js';
import { KINDS, type AiSdkKind } from './kinds.js';
import { readRefusal } from './refusal.js';

export interface WireOptions {
  readonly kind: AiSdkKind;
  readonly dispatcher: Dispatcher;
  /** Scheme, host and port: nothing else is called. */
  readonly origin: string;
  /** Win over those of the AI SDK, which signs none of them. */
  readonly headers: Readonly<Record<string, string>>;
  readonly stream: boolean;
  readonly timeouts: CallTimeouts;
  readonly limits: AnswerLimits;
  readonly secrets: readonly string[];
}

/** Why the AI SDK's `fetch` was given nothing; what really happened is in `WireCall.facts`. */
class CallOver extends Error {}

/**
 * One call of the AI SDK, on our own connections: it is given a `fetch`, and what HTTP does under it is kept as facts,
 * so that timers, phases and refusals are those of every other provider, whatever the AI SDK makes of them.
 */
export class WireCall {
  /** Why the call came to nothing, as HTTP saw it. */
  facts: CallFacts | undefined;
  /** Set by the reader: from then on the idle timer runs. */
  outputSeen = false;
  private readonly startedAt = performance.now();
  private exchange: Exchange | undefined;
  private answered = false;
  private closed = false;
  private bytes = 0;
  private bytesSincePart = 0;

  constructor(
    private readonly options: WireOptions,
    private readonly signal: AbortSignal,
  ) {}

  /** How far the call has come; a second request of the same call is not less than the first. */
  get phase(): 'not_sent' | 'possibly_accepted' | 'headers' | 'visible' {
    if (this.outputSeen) return 'visible';
    if (this.answered) return 'headers';
    return this.exchange?.phase ?? 'not_sent';
  }

  /** For the AI SDK. Throws for everything but an answer. */
  readonly fetch = async (input: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const url = new URL(input instanceof Request ? input.url : input);
    if (url.origin !== this.options.origin) throw new TypeError('A call to another host than configured.');
    const exchange = new Exchange(this.options.dispatcher, this.request(url, init), this.signal);
    this.exchange = exchange;
    // Embeddings may need several calls, each with an answer of its own.
    this.bytes = 0;
    const head = await exchange.next(this.deadlineAt());
    if (head.kind === 'timeout') throw this.over({ kind: 'timeout', timer: this.timer() });
    if (head.kind === 'error') throw this.over(toConnectionFacts(head.code, exchange.phase));
    if (head.kind !== 'head') throw this.over(undefined);
    this.answered = true;
    const facts = await this.refusalOf(exchange, head);
    if (facts) throw this.over(facts);
    return new Response(this.bodyOf(exchange), { status: head.status, headers: toHeaders(head.headers) });
  };

  /** A part of the answer was whole. */
  notePart(): void {
    this.bytesSincePart = 0;
  }

  /** The answer is complete: the socket may be used again if the rest comes soon. */
  release(): void {
    this.exchange?.release();
  }

  /** Gives up: destroys the socket unless the answer was read to its end. */
  close(): void {
    this.closed = true;
    this.exchange?.close();
  }

  private request(url: URL, { method = 'GET', headers, body }: RequestInit): Dispatcher.DispatchOptions {
    if (body !== undefined && body !== null && typeof body !== 'string') {
      throw new TypeError('Only a text can be sent.');
    }
    return {
      origin: url.origin,
      path: url.pathname + url.search,
      method,
      headers: { ...Object.fromEntries(new Headers(headers)), ...this.options.headers },
      body: body ?? null,
    };
  }

  private over(facts: CallFacts | undefined): CallOver {
    this.facts ??= facts;
    return new CallOver('The call is over.');
  }

  /** Why the head (and, where it helps, the body) is no answer; undefined where the answer follows. */
  private async refusalOf(
    exchange: Exchange,
    { status, headers }: { readonly status: number; readonly headers: ResponseHeaders },
  ): Promise<CallFacts | undefined> {
    const { kind, secrets, stream } = this.options;
    const malformed = (reason: string): CallFacts => ({ kind: 'malformed', reason });
    if (status >= 400) {
      const refusal = readRefusal(kind, { status, headers, body: await readErrorBody(exchange) });
      const waitMs = retryAfterMs(headers, Date.now()) ?? refusal.waitMs;
      return toStatusFacts(refusal.error, secrets, { status: refusal.status, waitMs });
    }
    const facts = notAnAnswer({ status, headers });
    if (facts) return facts;
    if (status !== 200) return malformed(`a response with the status ${status}`);
    const type = mediaType(headers);
    const wanted = stream ? KINDS[kind].streamType : 'application/json';
    if (type === undefined || type === wanted) return undefined;
    if (!stream || type !== 'application/json') return malformed('the response has another content type');
    const value = await readErrorBody(exchange);
    const error = isRecord(value) ? findError(value) : undefined;
    return error ? toStatusFacts(error, secrets, { status }) : malformed('the response is not a stream');
  }

  private bodyOf(exchange: Exchange): ReadableStream<Uint8Array> {
    return new ReadableStream<Uint8Array>(
      { pull: (controller) => this.pull(exchange, controller), cancel: () => exchange.close() },
      { highWaterMark: 0 },
    );
  }

  private async pull(
    exchange: Exchange,
    controller: ReadableStreamDefaultController<Uint8Array>,
  ): Promise<void> {
    for (;;) {
      // What was read last is on its way through the AI SDK: whether it was output decides on the next timer.
      if (!this.outputSeen) await setImmediate();
      // Nobody reads on, and a wait would only keep its timer.
      if (this.closed) return;
      const timer = this.timer();
      const event = await exchange.next(this.deadlineAt());
      switch (event.kind) {
        case 'head':
          break;
        case 'data': {
          const facts = this.count(event.bytes.length);
          if (facts) controller.error(this.over(facts));
          else controller.enqueue(event.bytes);
          return;
        }
        case 'end':
          controller.close();
          return;
        case 'timeout':
          // The output that ends this one came while we waited.
          if (timer === 'first_token' && this.outputSeen) break;
          controller.error(this.over({ kind: 'timeout', timer }));
          return;
        case 'error':
          controller.error(this.over(toConnectionFacts(event.code, 'headers')));
          return;
        case 'aborted':
          controller.error(this.over(undefined));
          return;
      }
    }
  }

  private count(bytes: number): CallFacts | undefined {
    const { limits, stream } = this.options;
    this.bytes += bytes;
    this.bytesSincePart += bytes;
    const malformed = (reason: string): CallFacts => ({ kind: 'malformed', reason });
    if (!stream) return this.bytes > limits.bodyBytes ? malformed('the body is too long') : undefined;
    if (this.bytes > limits.streamBytes) return malformed('the stream is too long');
    return this.bytesSincePart > limits.eventLength ? malformed('an event is too long') : undefined;
  }

  private timer(): 'response' | 'first_token' | 'idle' | 'stream' {
    const { stream, timeouts } = this.options;
    if (!stream) return 'response';
    const endAt = this.startedAt + (timeouts.streamMs ?? Infinity);
    if (endAt <= this.pieceDeadlineAt()) return 'stream';
    return this.outputSeen ? 'idle' : 'first_token';
  }

  /** On the `performance.now` clock. */
  private deadlineAt(): number {
    const { stream, timeouts } = this.options;
    if (!stream) return this.startedAt + timeouts.responseMs;
    return Math.min(this.pieceDeadlineAt(), this.startedAt + (timeouts.streamMs ?? Infinity));
  }

  private pieceDeadlineAt(): number {
    const { firstTokenMs, idleMs } = this.options.timeouts;
    return this.outputSeen ? performance.now() + idleMs : this.startedAt + firstTokenMs;
  }
}

function toHeaders(headers: ResponseHeaders): Headers {
  const list = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    for (const one of [value ?? []].flat()) list.append(name, one);
  }
  return list;
}
