import type { Redis } from 'ioredis';
import { Keys, queueName } from '#broker/keys.js';
import type { UsageRow } from './history.js';

const PREFIX = 'spillway';
const PAGE = 5_000;
/** Sets of a shard that hold requests only while they are under way. */
const INDEXES = [
  'deadlines',
  'unplaced',
  'leases',
  'waits',
  'orphans',
  'waiting',
  'retrying',
  'unsettled',
] as const;
/** Where BullMQ keeps jobs that are not done; its names. */
const JOB_LISTS = ['wait', 'active', 'paused'] as const;
const JOB_SETS = ['delayed', 'prioritized', 'waiting-children', 'failed', 'completed'] as const;

const keys = new Keys(PREFIX, 1);

/** How much is in each place that should be empty once every request has ended. */
export async function readLeftovers(
  redis: Redis,
  providers: readonly string[],
): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const index of INDEXES) counts[index] = await redis.zcard(`${PREFIX}:{0}:${index}`);
  for (const provider of providers) {
    const key = (name: string) => `${keys.queuePrefix(provider)}:${queueName(provider)}:${name}`;
    for (const list of JOB_LISTS) counts[`${provider}/${list}`] = await redis.llen(key(list));
    for (const set of JOB_SETS) counts[`${provider}/${set}`] = await redis.zcard(key(set));
  }
  counts['unfinished requests'] = await countUnfinished(redis);
  return counts;
}

/** Records whose state says that their request has not ended. */
async function countUnfinished(redis: Redis): Promise<number> {
  let unfinished = 0;
  let cursor = '0';
  do {
    const [next, records] = await redis.scan(cursor, 'MATCH', `${PREFIX}:{0}:req:*`, 'COUNT', 1_000);
    const states = await Promise.all(records.map((record) => redis.hget(record, 'state')));
    // One that expired meanwhile had ended.
    unfinished += states.filter((state) => state !== null && state !== 'ended').length;
    cursor = next;
  } while (cursor !== '0');
  return unfinished;
}

/** Every usage row, oldest first. */
export async function readUsage(redis: Redis): Promise<UsageRow[]> {
  return (await readStream(redis, keys.shard(0).usage)).map((fields) => {
    const usage = JSON.parse(fields.get('usage') ?? '{}') as { outcome?: string };
    return {
      request: fields.get('request') ?? '',
      epoch: Number(fields.get('epoch')),
      outcome: usage.outcome ?? fields.get('outcome') ?? '',
    };
  });
}

/** The requests that have a dead letter. */
export async function readDead(redis: Redis): Promise<string[]> {
  return (await readStream(redis, keys.shard(0).dead)).map((fields) => fields.get('request') ?? '');
}

async function readStream(redis: Redis, key: string): Promise<Map<string, string>[]> {
  const rows: Map<string, string>[] = [];
  for (let from = '-'; ;) {
    const page = await redis.xrange(key, from, '+', 'COUNT', PAGE);
    for (const [, flat] of page) {
      const pairs = flat.flatMap((name, at): [string, string][] =>
        at % 2 === 0 ? [[name, flat[at + 1] ?? '']] : [],
      );
      rows.push(new Map(pairs));
    }
    const last = page.at(-1)?.[0];
    if (page.length < PAGE || last === undefined) return rows;
    from = `(${last}`;
  }
}
