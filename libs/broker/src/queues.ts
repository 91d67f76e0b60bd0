import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { jobId } from '#core/ids.js';
import type { Placed } from '#core/ledger/transitions.js';
import { queueName, type InferenceJob, type Keys } from './keys.js';

/** BullMQ keeps nothing of a finished job: what became of the request is in the ledger. */
const JOB_OPTIONS = { removeOnComplete: true, removeOnFail: true, attempts: 1 } as const;

/** Each queue's event stream is read by nobody here; BullMQ writes it all the same, so it is kept short. */
const EVENTS = { streams: { events: { maxLen: 100 } } };

/** What a job's id and queue are made of. */
export type JobName = Pick<Placed, 'attempt' | 'placement' | 'provider'>;

/** The providers' queues, from the side that puts jobs in. A job only says that someone should look at an attempt. */
export class Queues {
  private readonly queues = new Map<string, Queue<InferenceJob>>();

  constructor(
    private readonly redis: Redis,
    private readonly keys: Keys,
    private readonly onError: (error: Error) => void,
  ) {}

  /** Adds the job of a placement, due after its `delayMs`; a second time with the same placement changes nothing. */
  async add(request: string, placed: Placed): Promise<void> {
    await this.put(request, placed, {});
  }

  /** The same at the head of the queue: for a request that had its turn already. */
  async addFirst(request: string, placed: Placed): Promise<void> {
    await this.put(request, placed, { lifo: true });
  }

  /** Does it exist in any state? One that is not yet due does. */
  async has(request: string, { provider, attempt, placement }: JobName): Promise<boolean> {
    return (await this.redis.exists(this.of(provider).toKey(jobId(request, attempt, placement)))) === 1;
  }

  /** Ids of the jobs that workers have taken, and whose locks are gone within `withinMs`: nobody renews them. */
  async abandoned(provider: string, withinMs: number): Promise<string[]> {
    const queue = this.of(provider);
    const ids = await this.redis.lrange(queue.toKey('active'), 0, -1);
    if (ids.length === 0) return [];
    const locks = this.redis.pipeline();
    for (const id of ids) locks.pttl(`${queue.toKey(id)}:lock`);
    const left = (await locks.exec()) ?? [];
    return ids.filter((_, i) => Number(left[i]?.[1] ?? withinMs) < withinMs);
  }

  /**
   * Removes the job of a worker that is gone or frozen, lock and all, so that the provider's `concurrency` has its
   * place back now and not when BullMQ finds the job stalled (7 to 19 s). The ledger has fenced that worker already.
   */
  async forget(request: string, { provider, attempt, placement }: JobName): Promise<void> {
    const queue = this.of(provider);
    const id = jobId(request, attempt, placement);
    await this.redis.del(`${queue.toKey(id)}:lock`);
    await queue.remove(id);
  }

  /** Calls at once over all workers of the provider. */
  async setConcurrency(provider: string, concurrency: number): Promise<void> {
    await this.of(provider).setGlobalConcurrency(concurrency);
  }

  async close(): Promise<void> {
    await Promise.all([...this.queues.values()].map((queue) => queue.close()));
  }

  private async put(
    request: string,
    { provider, attempt, placement, delayMs }: Placed,
    turn: { lifo?: true },
  ): Promise<void> {
    const id = { jobId: jobId(request, attempt, placement) };
    const options = { ...JOB_OPTIONS, ...turn, ...id, ...(delayMs > 0 && { delay: delayMs }) };
    await this.of(provider).add('infer', { v: 1, request, attempt }, options);
  }

  private of(provider: string): Queue<InferenceJob> {
    const known = this.queues.get(provider);
    if (known) return known;
    const queue = new Queue<InferenceJob>(queueName(provider), {
      connection: this.redis,
      prefix: this.keys.queuePrefix(provider),
      skipVersionCheck: true,
      ...EVENTS,
    });
    queue.on('error', (error) => {
      // A lost connection says so itself, once; this would say it at each try to connect.
      if (this.redis.status === 'ready') this.onError(error);
    });
    this.queues.set(provider, queue);
    return queue;
  }
}
