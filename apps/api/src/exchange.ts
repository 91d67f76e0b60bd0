import type { ServerResponse } from 'node:http';
import type { FrameReader } from '#broker/frame-reader.js';

/**
 * Why an exchange ended before its request did.
 * - `gone`: the client closed the connection, or read nothing for too long
 * - `late`: its deadline passed, and nothing told of it
 * - `stopped`: this server is shutting down and could wait no longer
 */
export type Cut = 'gone' | 'late' | 'stopped';

/**
 * How long after its deadline a request is given up here, ms. The ledger ends it at the deadline; only where Redis is
 * away, or the sweeper has just died, nobody says so in time. Below the two seconds that are promised.
 */
const LATE_MS = 1_500;
/** How long the rest of a request that has ended may take to be read without any progress, ms. */
const REST_MS = 60_000;

export interface ExchangeOptions {
  /** Where the request stands, and its log. */
  readonly reader: FrameReader;
  /** The response. */
  readonly raw: ServerResponse;
  readonly timeoutMs: number;
  /** Ends the request; absent where it goes on without this client. Called at most once, and only once submitted. */
  readonly cancel?: () => void;
}

/** One client's side of a request until its answer is through: the request's log, and whatever can cut it short. */
export class Exchange {
  readonly cut: Promise<Cut>;
  readonly reader: FrameReader;
  readonly timeoutMs: number;
  private settle: (cut: Cut) => void;
  private submitted = false;
  private why: Cut | undefined;
  private timer: NodeJS.Timeout;
  private readonly onClose = (): void => this.cutShort('gone');

  constructor(private readonly options: ExchangeOptions) {
    const { promise, resolve } = Promise.withResolvers<Cut>();
    this.cut = promise;
    this.settle = resolve;
    this.reader = options.reader;
    this.timeoutMs = options.timeoutMs;
    this.timer = setTimeout(() => this.expire(undefined), options.timeoutMs + LATE_MS);
    options.raw.once('close', this.onClose);
    // It left before; nothing will tell of that again.
    if (options.raw.destroyed) this.cutShort('gone');
  }

  get isCut(): boolean {
    return this.why !== undefined;
  }

  /** Its request is kept: it goes on, and can be read, without this client. */
  get goesOn(): boolean {
    return this.options.cancel === undefined;
  }

  /** The request is in the ledger now, or may be. */
  noteSubmitted(): void {
    this.submitted = true;
    // It left while the request was on its way in: a cancel before this would have found nothing.
    if (this.isCut) this.options.cancel?.();
  }

  /** Gives the request up: here, and everywhere unless it is kept. The first reason counts. */
  cutShort(why: Cut): void {
    if (this.isCut) return;
    this.why = why;
    if (this.submitted) this.options.cancel?.();
    this.settle(why);
    this.close();
  }

  /** Stops watching; the request itself, if it still runs, goes on. */
  close(): void {
    clearTimeout(this.timer);
    this.options.raw.off('close', this.onClose);
    this.reader.close();
  }

  /** A client that reads slowly may still be at an answer that ended in time. */
  private expire(lastSeen: string | undefined): void {
    const { status, position } = this.reader;
    if (status.state !== 'ended' || position === lastSeen) return this.cutShort('late');
    this.timer = setTimeout(() => this.expire(position), REST_MS);
  }
}
