import type { Redis } from 'ioredis';
import { partsOfJobId } from '#core/ids.js';
import type { Keys } from './keys.js';
import type { Ledger } from './ledger.js';
import type { Queues } from './queues.js';

/**
 * What is left of a job's lock, ms, when its worker counts as gone. A lock lasts 10 s (`LOCK_MS` of the consumer), which
 * renews it every 2.5 s: so nobody has renewed this one for 6 s.
 */
const GONE_MS = 4_000;

interface StuckJobsOptions {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly ledger: Ledger;
  readonly queues: Queues;
}

/**
 * Looks after jobs that a worker took from BullMQ and died with before its claim, or after the end of its run. No lease
 * tells of them, and BullMQ itself finds them only when their lock has run out and a worker looks for stalled jobs (10
 * to 19 s): until then the attempt waits for nobody, and the job keeps a place of the provider's `concurrency`.
 */
export async function sweepStuckJobs(options: StuckJobsOptions, provider: string): Promise<void> {
  for (const id of await options.queues.abandoned(provider, GONE_MS)) await sweepOne(options, provider, id);
}

async function sweepOne(
  { redis, keys, ledger, queues }: StuckJobsOptions,
  provider: string,
  id: string,
): Promise<void> {
  const job = partsOfJobId(id);
  if (!job) return;
  const { request, attempt, placement } = job;
  const [state, ...current] = await redis.hmget(keys.record(request), 'state', 'attempt', 'placement');
  const isCurrent = current[0] === String(attempt) && current[1] === String(placement);
  // Its lease tells whether somebody runs it.
  if (isCurrent && state === 'running') return;
  const isUnclaimed = isCurrent && state === 'waiting';
  const again = isUnclaimed ? await ledger.replace(request, attempt, placement) : undefined;
  // It was claimed in between.
  if (isUnclaimed && !again) return;
  await queues.forget(request, { provider, attempt, placement });
  // Its turn had come.
  if (again) await queues.addFirst(request, again);
}
