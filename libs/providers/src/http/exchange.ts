import type { Dispatcher } from 'undici';
import type { CallFacts } from '#core/failure.js';

export type ResponseHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** What happens on the wire, in order. After `end`, `error`, `timeout` or `aborted` there is nothing more. */
export type ExchangeEvent =
  | { readonly kind: 'head'; readonly status: number; readonly headers: ResponseHeaders }
  | { readonly kind: 'data'; readonly bytes: Buffer }
  | { readonly kind: 'end' }
  | { readonly kind: 'error'; readonly code: string }
  | { readonly kind: 'timeout' }
  | { readonly kind: 'aborted' };

/** Bytes read ahead of a slow consumer before the upstream is made to wait. */
const MAX_BUFFERED_BYTES = 1024 * 1024;

/** How long the rest of an answer whose [DONE] was read may take; then the socket is given up, not reused. */
const RELEASE_GRACE_MS = 250;

/**
 * One HTTP request and its response, as events that are pulled with a deadline. It sits directly on `dispatch`
 * because the phase of a failure is only visible there: `onRequestStart` is the moment before the first byte goes
 * out. Closing it, or its signal, destroys the socket at once, or before it is used where it is still connecting.
 */
export class Exchange implements Dispatcher.DispatchHandler {
  /** How far the call has come as far as HTTP knows. */
  phase: 'not_sent' | 'possibly_accepted' | 'headers' = 'not_sent';
  private state: 'open' | 'released' | 'over' = 'open';
  private readonly events: ExchangeEvent[] = [];
  private bufferedBytes = 0;
  private wake: ((event: ExchangeEvent) => void) | undefined;
  /** When the wait under way is over, and when the timer fires: one timer for many waits, each longer than the last. */
  private wakeAt = Infinity;
  private timerAt = Infinity;
  private timer: NodeJS.Timeout | undefined;
  private controller: Dispatcher.DispatchController | undefined;
  private readonly onAbort = () => {
    this.destroy();
    this.wake?.({ kind: 'aborted' });
  };

  constructor(
    dispatcher: Dispatcher,
    options: Dispatcher.DispatchOptions,
    private readonly signal: AbortSignal,
  ) {
    if (signal.aborted) {
      this.state = 'over';
      return;
    }
    signal.addEventListener('abort', this.onAbort, { once: true });
    // Our own timers bound every wait; undici's would end a slow answer with an error of their own.
    dispatcher.dispatch({ ...options, headersTimeout: 0, bodyTimeout: 0 }, this);
  }

  get aborted(): boolean {
    return this.signal.aborted;
  }

  /** The next event, or `timeout` at `deadlineAt` (on the `performance.now` clock). One caller at a time. */
  next(deadlineAt: number): Promise<ExchangeEvent> {
    if (this.signal.aborted) return Promise.resolve({ kind: 'aborted' });
    const remainingMs = deadlineAt - performance.now();
    // Before the queue: an upstream that sends without pause would otherwise never run out of time.
    if (remainingMs <= 0) return Promise.resolve({ kind: 'timeout' });
    const queued = this.events.shift();
    if (queued) return Promise.resolve(this.take(queued));
    this.wakeAt = deadlineAt;
    if (deadlineAt < this.timerAt) this.setTimer(remainingMs);
    return new Promise((resolve) => {
      this.wake = (event) => {
        this.wake = undefined;
        resolve(event);
      };
    });
  }

  /** Gives up: destroys the socket unless the answer was read to its end. */
  close(): void {
    if (this.state === 'open') this.destroy();
  }

  /** The answer is complete: lets the socket be reused if the rest comes soon, and closes it if not. */
  release(): void {
    if (this.state !== 'open') return;
    this.state = 'released';
    this.controller?.resume();
    setTimeout(() => this.destroy(), RELEASE_GRACE_MS).unref();
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
    if (this.state === 'over') controller.abort(new Error('The call was given up before it was sent.'));
    else this.phase = 'possibly_accepted';
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: ResponseHeaders): void {
    if (status < 200) return;
    this.phase = 'headers';
    // A copy of the head, which would be kept as long as the answer lasts.
    controller.rawHeaders = null;
    this.emit({ kind: 'head', status, headers });
  }

  onResponseData(controller: Dispatcher.DispatchController, bytes: Buffer): void {
    if (this.state !== 'open') return;
    this.bufferedBytes += bytes.length;
    if (this.bufferedBytes > MAX_BUFFERED_BYTES) controller.pause();
    this.emit({ kind: 'data', bytes });
  }

  onResponseEnd(): void {
    this.finish({ kind: 'end' });
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    this.finish({ kind: 'error', code: errorCode(error) });
  }

  private finish(event: ExchangeEvent): void {
    if (this.state === 'open') this.emit(event);
    this.state = 'over';
    this.clearTimer();
    this.signal.removeEventListener('abort', this.onAbort);
  }

  private emit(event: ExchangeEvent): void {
    if (this.wake) this.wake(this.take(event));
    else this.events.push(event);
  }

  private take(event: ExchangeEvent): ExchangeEvent {
    if (event.kind === 'data') {
      this.bufferedBytes -= event.bytes.length;
      if (this.controller?.paused && this.bufferedBytes <= MAX_BUFFERED_BYTES / 2) this.controller.resume();
    }
    return event;
  }

  private setTimer(ms: number): void {
    clearTimeout(this.timer);
    this.timerAt = performance.now() + ms;
    this.timer = setTimeout(() => this.checkTime(), ms);
  }

  private clearTimer(): void {
    clearTimeout(this.timer);
    this.timerAt = Infinity;
  }

  /** The wait that the timer was set for may be over, and a later one under way. */
  private checkTime(): void {
    this.timerAt = Infinity;
    if (!this.wake) return;
    const remainingMs = this.wakeAt - performance.now();
    if (remainingMs <= 0) this.wake({ kind: 'timeout' });
    else this.setTimer(remainingMs);
  }

  private destroy(): void {
    if (this.state === 'over') return;
    this.state = 'over';
    this.events.length = 0;
    this.clearTimer();
    this.signal.removeEventListener('abort', this.onAbort);
    this.controller?.abort(new Error('The call was given up.'));
  }
}

/** What a broken connection means for the call: `code` is as the event gave it. */
export function toConnectionFacts(code: string, phase: Exchange['phase']): CallFacts {
  if (phase === 'not_sent') return { kind: 'connect', code };
  if (PROTOCOL_CODES.has(code)) return { kind: 'malformed', reason: 'the response is not valid HTTP' };
  return { kind: 'disconnect', code };
}

/** The parser's errors come with their class's name alone. */
const PROTOCOL_CODES: ReadonlySet<string> = new Set(['HTTPParserError', 'UND_ERR_HEADERS_OVERFLOW']);

/** The system's names where undici has its own: the codes appear in the attempts trail. */
const SYSTEM_CODES: Readonly<Record<string, string>> = {
  UND_ERR_SOCKET: 'ECONNRESET',
  UND_ERR_CONNECT_TIMEOUT: 'ETIMEDOUT',
};

function errorCode(error: Error): string {
  const isCoded = 'code' in error && typeof error.code === 'string' && error.name !== 'HTTPParserError';
  const code = isCoded ? String(error.code) : error.name;
  return SYSTEM_CODES[code] ?? code;
}
