import type { Redis } from 'ioredis';
import { partsOfJobId } from '#core/ids.js';
import type { Keys } from './keys.js';
import type { Ledger } from './ledger.js';
import type { Queues } from './queues.js';

/** How long a job may lie with a worker that does not run it, ms: as long as a lease, after which a run is lost, too. */
const STUCK_MS = 5_000;

interface StuckJobsOptions {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly ledger: Ledger;
  readonly queues: Queues;
  /** Default: `STUCK_MS`. */
  readonly stuckMs?: number;
}

/**
 * Jobs that a worker took from BullMQ and died with before its claim, or after the end of its run. No lease tells of
 * them, and BullMQ itself finds them only when its lock has run out (7 to 19 s): until then the attempt waits for
 * nobody, and the job keeps a place of the provider's `concurrency`.
 */
export class StuckJobs {
  /** Since when each job lies with a worker without a run that we know of, by this process's monotonic clock. */
  private readonly idle = new Map<string, { readonly since: number; readonly isOver: boolean }>();

  constructor(private readonly options: StuckJobsOptions) {}

  /** One look at the queues of these providers; what is stuck is placed again, or forgotten where it is over. */
  async sweep(providers: readonly string[]): Promise<void> {
    const { queues, stuckMs = STUCK_MS } = this.options;
    const now = performance.now();
    const active = new Map<string, string>();
    for (const provider of providers)
      for (const id of await queues.active(provider)) active.set(id, provider);
    for (const id of this.idle.keys()) if (!active.has(id)) this.idle.delete(id);
    for (const [id, provider] of active) {
      const idle = this.idle.get(id);
      if (!idle) this.idle.set(id, { since: now, isOver: false });
      else if (now - idle.since >= stuckMs) await this.look(id, provider, idle.isOver);
    }
  }

  private async look(id: string, provider: string, wasOver: boolean): Promise<void> {
    const { redis, keys, ledger, queues } = this.options;
    this.idle.delete(id);
    const job = partsOfJobId(id);
    if (!job) return;
    const { request, attempt, placement } = job;
    const [state, ...current] = await redis.hmget(keys.record(request), 'state', 'attempt', 'placement');
    const isCurrent = current[0] === String(attempt) && current[1] === String(placement);
    // Its lease tells whether somebody runs it.
    if (isCurrent && state === 'running') return;
    if (isCurrent && state === 'waiting') {
      const again = await ledger.replace(request, attempt, placement);
      // It was claimed in between.
      if (!again) return;
      await queues.forget(request, { provider, attempt, placement });
      // Its turn had come.
      await queues.addFirst(request, again);
    } else if (wasOver) {
      await queues.forget(request, { provider, attempt, placement });
    } else {
      // Over, or moved on, maybe this very moment: its worker may be about to complete the job.
      this.idle.set(id, { since: performance.now(), isOver: true });
    }
  }
}
