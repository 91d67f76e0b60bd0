import type { Redis } from 'ioredis';
import type { BrokerLog } from './connection.js';

/**
 * How long an accepted request is kept, ms. While its disk is busy Redis answers before it has written, for up to 2 s,
 * and one that is killed then comes back without the request.
 */
const KEEP_MS = 3_000;
/** Prompts kept at most, bytes; above it the oldest go first. */
const KEEP_BYTES = 32 * 1024 * 1024;

interface Accepted {
  readonly id: string;
  /** It goes on without its client. */
  readonly isKept: boolean;
  readonly bytes: number;
  /** Sends the same accept, which is of no effect where Redis still has the request. */
  readonly send: () => Promise<unknown>;
}

interface Options {
  /** The connection that accepts are sent on. */
  readonly redis: Redis;
  /** Does its client still wait for this request? */
  readonly isRead: (id: string) => boolean;
  readonly log: BrokerLog;
}

/** Gives Redis the requests again that it took just before its connection was lost. */
export class RecentAccepts {
  private recent: (Accepted & { readonly at: number })[] = [];
  private bytes = 0;
  /** Those of the last lost connection. */
  private unsure: readonly Accepted[] = [];

  constructor(private readonly options: Options) {
    options.redis.on('close', () => this.setAside());
    options.redis.on('ready', () => void this.sendAgain());
  }

  note(accepted: Accepted): void {
    const at = performance.now();
    this.recent.push({ ...accepted, at });
    this.bytes += accepted.bytes;
    this.prune();
  }

  /** Lets go of what Redis must have written by now. */
  prune(): void {
    const now = performance.now();
    for (let [oldest] = this.recent; oldest; [oldest] = this.recent) {
      if (now - oldest.at <= KEEP_MS && this.bytes <= KEEP_BYTES) return;
      this.recent.shift();
      this.bytes -= oldest.bytes;
    }
  }

  private setAside(): void {
    this.prune();
    // A connection that was not even made lost nothing.
    if (this.recent.length > 0) this.unsure = this.recent;
    this.recent = [];
    this.bytes = 0;
  }

  private async sendAgain(): Promise<void> {
    const wanted = this.unsure.filter(({ id, isKept }) => isKept || this.options.isRead(id));
    this.unsure = [];
    const sent = await Promise.allSettled(wanted.map(({ send }) => send()));
    const failed = sent.find((each) => each.status === 'rejected');
    if (failed) this.options.log.warn({ reason: String(failed.reason) }, 'could not send requests again');
  }
}
