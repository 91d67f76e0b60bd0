import { setTimeout as delay } from 'node:timers/promises';
import { WaitingError, Worker, type Job } from 'bullmq';
import type { Redis } from 'ioredis';
import type { BrokerLog } from './connection.js';
import { ErrorBreaker } from './error-breaker.js';
import { queueName, type InferenceJob, type Keys } from './keys.js';

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

/** How long a job is its worker's, ms; renewed at half of it. stuck-jobs.ts counts on it. */
const LOCK_MS = 10_000;
/** How long BullMQ may take to close its connections. */
const CLOSE_MS = 2_000;

/**
 * Takes one provider's jobs from BullMQ, which delivers at least once and decides nothing: jobs never fail and return
 * nothing, so no text of a request reaches BullMQ's keys.
 */
export class Consumer {
  private readonly worker: Worker<InferenceJob>;
  private readonly active = new Set<Promise<void>>();
  private draining = false;

  constructor(private readonly options: ConsumerOptions) {
    const { provider, keys, log } = options;
    // BullMQ hands over the abort signal only to a plain function of three parameters.
    const processor = (job: Job<InferenceJob>, token: string | undefined, signal: AbortSignal | undefined) =>
      this.track(this.take(job, token, signal));
    this.worker = new Worker<InferenceJob>(queueName(provider), processor, {
      connection: options.connection,
      prefix: keys.queuePrefix(provider),
      concurrency: options.workerConcurrency,
      autorun: false,
      lockDuration: LOCK_MS,
      stalledInterval: 5_000,
      // The ledger counts starts; BullMQ failing a job would only lose it.
      maxStalledCount: Number.MAX_SAFE_INTEGER,
      drainDelay: 1,
      // Its default of 15 s is how long a worker would look away after Redis was gone.
      runRetryDelay: 500,
      skipVersionCheck: true,
    });
    const breaker = new ErrorBreaker({
      pause: () => void this.worker.pause(true),
      resume: () => {
        if (!this.draining) void this.worker.resume();
      },
      report: (reason, errors) => log.warn({ provider, reason, errors }, 'the queue gives errors; pausing'),
    });
    this.worker.on('error', (error) => breaker.failed(error));
  }

  start(): void {
    // Errors of the loop arrive as `error` events.
    this.worker
      .run()
      .catch((error: unknown) => this.options.log.error({ error: String(error) }, 'queue loop ended'));
  }

  /**
   * Takes no more jobs, lets those in hand finish for at most `drainMs`, then aborts them with reason `drain`, and
   * waits for each to end.
   */
  async drain(drainMs: number): Promise<void> {
    this.draining = true;
    await this.worker.pause(true);
    const abort = setTimeout(() => this.worker.cancelAllJobs('drain'), drainMs);
    await Promise.allSettled(this.active);
    clearTimeout(abort);
    await this.closeWorker();
  }

  /** With nothing in hand. Right after its connection was cut, BullMQ's close may reject, or never come back. */
  private async closeWorker(): Promise<void> {
    const late = new AbortController();
    const closed = this.worker.close().catch((error: unknown) => String(error));
    const reason = await Promise.race([closed, delay(CLOSE_MS, 'no end', { signal: late.signal })]);
    late.abort();
    if (reason !== undefined) this.options.log.warn({ reason }, 'the queue did not close well');
  }

  private async take(
    job: Job<InferenceJob>,
    token: string | undefined,
    signal = new AbortController().signal,
  ): Promise<void> {
    if (!this.draining) {
      const { promise: isLetGo, resolve: letGo } = Promise.withResolvers<void>();
      const processed = this.options.process(job.data, { signal, letGo });
      void this.track(processed);
      return Promise.race([processed, isLetGo]);
    }
    // Not looked at yet, so the job itself goes back, to the head of its queue.
    await job.moveToWait(token);
    throw new WaitingError();
  }

  private async track(taken: Promise<void>): Promise<void> {
    this.active.add(taken);
    try {
      await taken;
    } finally {
      this.active.delete(taken);
    }
  }
}
