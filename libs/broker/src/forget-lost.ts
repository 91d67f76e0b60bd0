import type { Redis } from 'ioredis';
import type { Keys } from './keys.js';

const TICKETS_AT_ONCE = 1_000;

/**
 * Takes requests that Redis has forgotten out of their shard's indexes: with everything of ours away for an hour after
 * their deadlines, their records expired. Otherwise they would be due for ever, and fill their provider's queue.
 * Outside of a script, since an id never comes back.
 */
export async function forgetLost(
  redis: Redis,
  index: ReturnType<Keys['shard']>,
  ids: readonly string[],
): Promise<void> {
  if (ids.length === 0) return;
  // Only the record knew the ticket.
  const lost = new Set(ids);
  let cursor = '0';
  do {
    const [next, rows] = await redis.zscan(index.waiting, cursor, 'COUNT', TICKETS_AT_ONCE);
    const tickets = rows.filter((row, i) => i % 2 === 0 && lost.has(requestOf(row)));
    if (tickets.length > 0) await redis.zrem(index.waiting, ...tickets);
    cursor = next;
  } while (cursor !== '0');
  const { unplaced, leases, waits, orphans, retrying, deadlines } = index;
  // The deadlines last: they say that there is something to forget.
  for (const key of [unplaced, leases, waits, orphans, retrying, deadlines]) await redis.zrem(key, ...ids);
}

/** Of a ticket, `<provider>|<ms>|<id>`. */
export function requestOf(ticket: string): string {
  return ticket.slice(ticket.lastIndexOf('|') + 1);
}
