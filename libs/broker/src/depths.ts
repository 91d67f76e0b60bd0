import type { Redis } from 'ioredis';
import type { Keys } from './keys.js';

/** Attempts that wait for a worker of one provider. */
export interface Depth {
  readonly provider: string;
  readonly waiting: number;
  /** When the one at the head entered the queue, ms by Redis's clock. */
  readonly oldestAt: number;
}

/** The queues that are not empty, over all shards. */
export async function readDepths(redis: Redis, keys: Keys): Promise<Depth[]> {
  const byProvider = new Map<string, Depth>();
  for (let shard = 0; shard < keys.shards; shard++) {
    for (const depth of await readShard(redis, keys.shard(shard).waiting)) {
      const { waiting = 0, oldestAt = Infinity } = byProvider.get(depth.provider) ?? {};
      byProvider.set(depth.provider, {
        provider: depth.provider,
        waiting: waiting + depth.waiting,
        oldestAt: Math.min(oldestAt, depth.oldestAt),
      });
    }
  }
  return [...byProvider.values()];
}

/** Tickets are `<provider>|<ms>|<id>`, so a provider's stand together and in order. */
async function readShard(redis: Redis, waiting: string): Promise<Depth[]> {
  const rows: Depth[] = [];
  for (let from = '-'; ;) {
    const [ticket] = await redis.zrangebylex(waiting, from, '+', 'LIMIT', 0, 1);
    if (ticket === undefined) return rows;
    const [provider = '', oldestAt] = ticket.split('|');
    from = `(${provider}|~`;
    const count = await redis.zlexcount(waiting, `[${provider}|`, from);
    rows.push({ provider, waiting: count, oldestAt: Number(oldestAt) });
  }
}
