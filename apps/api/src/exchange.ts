import type { ServerResponse } from 'node:http';
import type { Broker } from '#broker/broker.js';
import type { FrameReader } from '#broker/frame-reader.js';

/**
 * Why an exchange ended before its request did.
 * - `gone`: the client closed the connection, or read nothing for too long
 * - `late`: its deadline passed, and nothing told of it
 * - `stopped`: this server is shutting down and could wait no longer
 */
export type Cut = 'gone' | 'late' | 'stopped';

/**
 * How long after its deadline a request is given up here, ms. The ledger ends it at the deadline; only with Redis away
 * nobody says so.
 */
const LATE_MS = 2_000;

/** One request between its acceptance and its answer: its log, and whatever can cut it short. */
export class Exchange {
  readonly cut: Promise<Cut>;
  /** Where the request stands, and its log. */
  readonly reader: FrameReader;
  private settle: (cut: Cut) => void;
  private submitted = false;
  private why: Cut | undefined;
  private readonly timer: NodeJS.Timeout;
  private readonly onClose = (): void => this.cutShort('gone');

  constructor(
    readonly id: string,
    private readonly broker: Broker,
    private readonly raw: ServerResponse,
    readonly timeoutMs: number,
  ) {
    const { promise, resolve } = Promise.withResolvers<Cut>();
    this.cut = promise;
    this.settle = resolve;
    this.reader = broker.open(id);
    this.timer = setTimeout(() => this.cutShort('late'), timeoutMs + LATE_MS);
    raw.once('close', this.onClose);
  }

  get isCut(): boolean {
    return this.why !== undefined;
  }

  /** The request is in the ledger now, or may be. */
  noteSubmitted(): void {
    this.submitted = true;
    // It left while the request was on its way in: a cancel before this would have found nothing.
    if (this.isCut) void this.broker.cancel(this.id);
  }

  /** Gives the request up, here and everywhere. The first reason counts. */
  cutShort(why: Cut): void {
    if (this.isCut) return;
    this.why = why;
    if (this.submitted) void this.broker.cancel(this.id);
    this.settle(why);
    this.close();
  }

  /** Stops watching; the request itself, if it still runs, goes on. */
  close(): void {
    clearTimeout(this.timer);
    this.raw.off('close', this.onClose);
    this.reader.close();
  }
}
