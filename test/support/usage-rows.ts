import type { Redis } from 'ioredis';
import { Keys } from '#broker/keys.js';
import { eventually } from './client.js';

/** A usage row as it stands in the stream. */
export interface UsageRow {
  /** `<request>-<epoch>`: what its upstream call carried as `x-request-id`. */
  readonly call: string;
  readonly application: string;
  /** The row's own JSON. */
  readonly usage: Readonly<Record<string, unknown>> & { readonly outcome: string };
}

/** Every row there is, oldest first, once there are at least this many. */
export async function waitForUsageRows(redis: Redis, count: number): Promise<readonly UsageRow[]> {
  const key = new Keys('spillway', 1).shard(0).usage;
  const read = async () => {
    const entries = await redis.xrange(key, '-', '+');
    return entries.length < count ? undefined : entries.map(([, pairs]) => toRow(pairs));
  };
  return eventually(read, `${count} usage rows`);
}

function toRow(pairs: readonly string[]): UsageRow {
  const field = (name: string) =>
    pairs[pairs.findIndex((each, at) => at % 2 === 0 && each === name) + 1] ?? '';
  return {
    call: `${field('request')}-${field('epoch')}`,
    application: field('application'),
    usage: JSON.parse(field('usage')) as UsageRow['usage'],
  };
}
