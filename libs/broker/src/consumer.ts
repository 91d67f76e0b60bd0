import { setTimeout as delay } from 'node:timers/promises';
import { Job, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import type { BrokerLog } from './connection.js';
import { queueName, type InferenceJob, type Keys } from './keys.js';
import { Slots } from './slots.js';

export interface ConsumerOptions {
  readonly provider: string;
  /** Jobs at once in this process. */
  readonly workerConcurrency: number;
  /** A patient connection; BullMQ opens a second one, for blocking, from it. */
  readonly connection: Redis;
  readonly keys: Keys;
  readonly log: BrokerLog;
  /** Looks at one attempt. Must not reject. */
  readonly process: (job: InferenceJob, control: JobControl) => Promise<void>;
}

export interface JobControl {
  /** Aborts, with reason `drain`, when this process has to go. */
  readonly signal: AbortSignal;
  /**
   * The job has served its purpose: BullMQ may take it off its queue, in one write with what the ledger was just sent
   * and after it, while the rest is waited for.
   */
  readonly letGo: () => void;
}

/** How long a job is its worker's, ms. stuck-jobs.ts counts on it, and on its being renewed. */
const LOCK_MS = 10_000;
const RENEW_MS = 2_500;
/** Pause after an error of the queue, ms: a Redis that takes no writes would be asked thousands of times a second. */
const ERROR_PAUSE_MS = 500;
/** One error of the queue in this time is told, ms. */
const TOLD_MS = 10_000;
/** How long BullMQ may take to close its connections. */
const CLOSE_MS = 2_000;

/** A job that BullMQ has handed to us, and the token of its lock. */
interface HeldJob {
  readonly job: Job<InferenceJob>;
  readonly token: string;
}

/** As BullMQ answers a completion; empty where no job waits. */
type NextJob = [data?: Parameters<typeof Job.fromJSON>[1], id?: string];

/**
 * Takes one provider's jobs from BullMQ, which delivers at least once and decides nothing: jobs never fail and return
 * nothing, so no text of a request reaches BullMQ's keys.
 *
 * The jobs are fetched by hand (`getNextJob`, `moveToCompleted`): BullMQ's own loop begins with one job per round trip
 * to Redis, whatever waits; this one begins with each job as it comes.
 */
export class Consumer {
  private readonly worker: Worker<InferenceJob>;
  private readonly slots: Slots;
  private readonly held = new Set<HeldJob>();
  /** All that must be over before the connections are closed. */
  private readonly active = new Set<Promise<void>>();
  private readonly stop = new AbortController();
  private listening: Promise<void> | undefined;
  private renewal: NodeJS.Timeout | undefined;
  private draining = false;
  /** When an error was last told, by `performance.now()`. */
  private toldAt = -Infinity;

  constructor(private readonly options: ConsumerOptions) {
    const { provider, keys } = options;
    this.slots = new Slots(options.workerConcurrency);
    this.worker = new Worker<InferenceJob>(queueName(provider), null, {
      connection: options.connection,
      prefix: keys.queuePrefix(provider),
      lockDuration: LOCK_MS,
      stalledInterval: 5_000,
      // The ledger counts starts; BullMQ failing a job would only lose it.
      maxStalledCount: Number.MAX_SAFE_INTEGER,
      drainDelay: 1,
      skipVersionCheck: true,
    });
    this.worker.on('error', (error) => this.note(error));
  }

  start(): void {
    this.renewal = setInterval(() => void this.renewLocks(), RENEW_MS);
    // Errors of the checker arrive as `error` events.
    void this.worker.startStalledCheckTimer();
    this.listening = this.listen();
  }

  /**
   * Takes no more jobs, lets those in hand finish for at most `drainMs`, then aborts them with reason `drain`, and
   * waits for each to end.
   */
  async drain(drainMs: number): Promise<void> {
    this.draining = true;
    this.slots.close();
    const abort = setTimeout(() => this.stop.abort('drain'), drainMs);
    while (this.active.size > 0) await Promise.all(this.active);
    clearTimeout(abort);
    clearInterval(this.renewal);
    // Ends the wait for a job; one that came at this very moment is found by the sweeper.
    await this.closeWorker();
    await this.listening;
  }

  /** Waits for jobs, one at a time; a job that ends brings the next one along if there is one. */
  private async listen(): Promise<void> {
    for (let count = 0; await this.slots.take(); count += 1) {
      const token = `${this.worker.id}:${count}`;
      const job = await this.worker.getNextJob(token).catch(async (error: unknown) => {
        this.note(error);
        await delay(ERROR_PAUSE_MS);
      });
      if (job) this.begin({ job, token });
      else this.slots.give();
    }
  }

  /** With a slot taken. */
  private begin(held: HeldJob): void {
    void this.track(this.draining ? this.putBack(held) : this.process(held));
  }

  private async process(held: HeldJob): Promise<void> {
    const { job, token } = held;
    this.held.add(held);
    const { promise: isLetGo, resolve: letGo } = Promise.withResolvers<void>();
    const processed = this.options.process(job.data, { signal: this.stop.signal, letGo });
    void this.track(processed);
    await Promise.race([processed, isLetGo]);
    this.held.delete(held);
    const next = await this.complete(held);
    if (next) this.begin({ job: next, token });
    else this.slots.give();
  }

  /** Takes the job off its queue; the answer is the next one, if there is one. */
  private async complete({ job, token }: HeldJob): Promise<Job<InferenceJob> | undefined> {
    try {
      const reply: unknown = await job.moveToCompleted(undefined, token, !this.draining);
      const [data, id] = (Array.isArray(reply) ? reply : []) as NextJob;
      return data && Job.fromJSON<InferenceJob>(this.worker, data, id);
    } catch (error) {
      // It was forgotten, or Redis takes no writes: what became of the request is in the ledger.
      if (!isForgotten(error)) this.note(error);
      return undefined;
    }
  }

  /** Not looked at yet, so the job itself goes back, to the head of its queue. */
  private async putBack({ job, token }: HeldJob): Promise<void> {
    await job.moveToWait(token).catch((error: unknown) => this.note(error));
  }

  private async renewLocks(): Promise<void> {
    const held = [...this.held];
    if (held.length === 0) return;
    const ids = held.map(({ job }) => job.id ?? '');
    const tokens = held.map(({ token }) => token);
    // One that was lost is the ledger's to judge.
    await this.worker.extendJobLocks(ids, tokens, LOCK_MS).catch((error: unknown) => this.note(error));
  }

  /** What fails is tried again, or is the sweeper's to find. A lost connection says so itself. */
  private note(error: unknown): void {
    const now = performance.now();
    if (this.options.connection.status !== 'ready' || now - this.toldAt < TOLD_MS) return;
    this.toldAt = now;
    const { provider, log } = this.options;
    log.warn({ provider, reason: error instanceof Error ? error.message : error }, 'the queue gives errors');
  }

  /** With nothing in hand. Right after its connection was cut, BullMQ's close may reject, or never come back. */
  private async closeWorker(): Promise<void> {
    const late = new AbortController();
    const closed = this.worker.close().catch((error: unknown) => String(error));
    const reason = await Promise.race([closed, delay(CLOSE_MS, 'no end', { signal: late.signal })]);
    late.abort();
    if (reason !== undefined) this.options.log.warn({ reason }, 'the queue did not close well');
  }

  private async track(work: Promise<void>): Promise<void> {
    this.active.add(work);
    try {
      await work;
    } finally {
      this.active.delete(work);
    }
  }
}

/** BullMQ has a code for each way in which a job may not be ours any more. */
function isForgotten(error: unknown): boolean {
  return error instanceof Error && 'code' in error && typeof error.code === 'number';
}
