import { setTimeout as delay } from 'node:timers/promises';
import { shardOf } from '#core/ids.js';
import type { AppendArgs } from '#core/ledger/transitions.js';

/** Most appends in one command, and most bytes of frames before the last of them: bounds how long Redis is busy with it. */
const BATCH_COUNT = 200;
const BATCH_BYTES = 256 * 1024;
/**
 * Pause after a command while several appends wait, ms: then there are more of them, and each command wakes up three
 * processes. With 100 streams of 50 events a second it takes a seventh off the CPU of an event; nobody sees it.
 */
const PAUSE_MS = 4;

/** Sends appends of one shard as one command, which Redis takes in their order, and resolves with a reply for each. */
type SendAppends = (appends: readonly AppendArgs[]) => Promise<readonly (boolean | Error)[]>;

interface Waiting {
  readonly args: AppendArgs;
  readonly resolve: (accepted: boolean) => void;
  readonly reject: (error: unknown) => void;
}

/** What waits to be sent of one shard, and whether somebody sends it. */
interface Shard {
  waiting: Waiting[];
  sending: boolean;
}

/**
 * Lets the appends of different requests travel together: one command under way per shard, and what is asked for
 * meanwhile, or in the same turn of the event loop, goes in the next. So a single stream waits for nobody, and the more
 * there is to do, the fewer commands it takes.
 */
export class Appender {
  private readonly shards = new Map<number, Shard>();

  constructor(
    private readonly send: SendAppends,
    private readonly pause: () => Promise<unknown> = () => delay(PAUSE_MS),
  ) {}

  /** Resolves or rejects as this append does. Appends of one request are sent in the order in which they were asked for. */
  async append(args: AppendArgs): Promise<boolean> {
    const shard = this.shard(shardOf(args.request) ?? 0);
    const { promise, resolve, reject } = Promise.withResolvers<boolean>();
    shard.waiting.push({ args, resolve, reject });
    if (!shard.sending) {
      shard.sending = true;
      setImmediate(() => void this.sendAll(shard));
    }
    return promise;
  }

  private shard(index: number): Shard {
    const known = this.shards.get(index);
    if (known) return known;
    const shard = { waiting: [], sending: false };
    this.shards.set(index, shard);
    return shard;
  }

  private async sendAll(shard: Shard): Promise<void> {
    while (shard.waiting.length > 0) {
      const batch = takeBatch(shard);
      const isFull = shard.waiting.length > 0;
      await this.sendSome(batch);
      if (!isFull && shard.waiting.length > 1) await this.pause();
    }
    shard.sending = false;
  }

  private async sendSome(batch: readonly Waiting[]): Promise<void> {
    try {
      const replies = await this.send(batch.map(({ args }) => args));
      batch.forEach(({ resolve, reject }, i) => {
        const reply = replies[i] ?? new Error('Redis did not answer this append');
        if (reply instanceof Error) reject(reply);
        else resolve(reply);
      });
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }
}

function takeBatch(shard: Shard): Waiting[] {
  let bytes = 0;
  let count = 0;
  for (const { args } of shard.waiting) {
    if (count >= BATCH_COUNT || bytes >= BATCH_BYTES) break;
    bytes += args.bytes.length;
    count += 1;
  }
  const batch = shard.waiting.slice(0, count);
  shard.waiting = shard.waiting.slice(count);
  return batch;
}
