import type { Ledger } from './ledger.js';

const AGAIN_MS = 500;
/**
 * How long Redis must have denied to know a request before it is certain that none is coming, ms: what was sent on a
 * connection that is lost may be read after what was sent on the next one. Its job is not added before 2 s.
 */
const UNKNOWN_MS = 1_500;
/** Under way at once when Redis is back. */
const BATCH = 100;

interface CancelsOptions {
  readonly ledger: Pick<Ledger, 'cancel'>;
  /** Does Redis answer? While it does not, each cancel would only fail again. */
  readonly isAlive: () => boolean;
}

/** A cancel that Redis has not taken yet. */
interface Pending {
  /** Redis may have the request although it never said so; else it is there. */
  readonly isDoubtful: boolean;
  /** Since when Redis has denied to know it, by `performance.now()`. */
  readonly deniedAt?: number;
}

/** The cancels of this process: each is sent until Redis has taken it, however long it is away. */
export class Cancels {
  private readonly pending = new Map<string, Pending>();
  private timer: NodeJS.Timeout | undefined;
  private sending = false;

  constructor(private readonly options: CancelsOptions) {}

  start(): void {
    this.timer = setInterval(() => void this.sendAgain(), AGAIN_MS);
  }

  /** Resolves after a last try. */
  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.sendAgain();
  }

  /** Resolves once Redis has taken it, or failed to. Never rejects. */
  async cancel(request: string): Promise<void> {
    this.pending.set(request, { isDoubtful: false });
    await this.send(request);
  }

  /** Takes note of a request that Redis may have, without anybody who waits for it. */
  doubt(request: string): void {
    this.pending.set(request, { isDoubtful: true });
  }

  /** One round, never twice at once. */
  async sendAgain(): Promise<void> {
    if (this.sending || this.pending.size === 0 || !this.options.isAlive()) return;
    this.sending = true;
    await Promise.all([...this.pending.keys()].slice(0, BATCH).map((request) => this.send(request)));
    this.sending = false;
  }

  private async send(request: string): Promise<void> {
    const cancelled = await this.options.ledger.cancel(request).catch(() => undefined);
    const pending = this.pending.get(request);
    if (cancelled === undefined || !pending) return;
    const { isDoubtful, deniedAt = performance.now() } = pending;
    const isOver = cancelled || !isDoubtful || performance.now() - deniedAt >= UNKNOWN_MS;
    // At the end of the line, so that those behind a batch of unknown ones have their turn.
    this.pending.delete(request);
    if (!isOver) this.pending.set(request, { isDoubtful, deniedAt });
  }
}
