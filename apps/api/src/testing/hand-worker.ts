import { randomUUID } from 'node:crypto';
import { connect, type BrokerLog } from '#broker/connection.js';
import { Consumer } from '#broker/consumer.js';
import { Keys, type InferenceJob } from '#broker/keys.js';
import { Ledger } from '#broker/ledger.js';
import type { ErrorCode, ErrorParams } from '#core/errors.js';
import type { Run } from '#core/ledger/transitions.js';
import { withDeadline } from '../../../../test/support/client.js';

const quiet: BrokerLog = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** A job that was taken from the queue; `done` completes it. */
export interface HandJob {
  readonly request: string;
  readonly attempt: number;
  readonly done: () => void;
}

/**
 * A worker whose every step the test takes itself: it gets real jobs from the queue and writes to the real ledger, but
 * calls no provider.
 */
export class HandWorker {
  private readonly redis: ReturnType<typeof connect>;
  private readonly ledger: Ledger;
  private readonly consumer: Consumer;
  private readonly jobs: { job: InferenceJob; done: () => void }[] = [];
  private readonly unfinished = new Set<() => void>();
  private readonly waiting: (() => void)[] = [];

  constructor(redis: { url: string; prefix: string }, provider: string) {
    const keys = new Keys(redis.prefix, 1);
    this.redis = connect(redis.url, 'patient', quiet);
    this.ledger = new Ledger(this.redis, keys);
    this.consumer = new Consumer({
      provider,
      workerConcurrency: 50,
      connection: this.redis,
      keys,
      log: quiet,
      process: (job) => this.take(job),
    });
    this.consumer.start();
  }

  /** The next job that arrives, not claimed yet. */
  async nextJob(): Promise<{
    readonly request: string;
    readonly attempt: number;
    readonly done: () => void;
  }> {
    for (;;) {
      const next = this.jobs.shift();
      if (next) return { ...next.job, done: next.done };
      await withDeadline(new Promise<void>((resolve) => this.waiting.push(resolve)), 'a job in the queue');
    }
  }

  /** Claims the next job that arrives. */
  async next(): Promise<HandRun> {
    return this.claim(await this.nextJob());
  }

  claim({ request, attempt, done }: HandJob): Promise<HandRun> {
    return claimRun(this.ledger, request, attempt, done);
  }

  /** What the ledger says to a claim of the request, e.g. `done` once it was cancelled. */
  async claimKind(request: string): Promise<string> {
    return (await this.ledger.claim({ request, attempt: 1, token: randomUUID(), worker: 'by-hand' })).kind;
  }

  async close(): Promise<void> {
    for (const done of this.unfinished) done();
    await this.consumer.drain(0);
    this.redis.disconnect();
  }

  private async take(job: InferenceJob): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.unfinished.add(resolve);
    this.jobs.push({ job, done: resolve });
    this.waiting.shift()?.();
    await promise;
    this.unfinished.delete(resolve);
  }
}

async function claimRun(
  ledger: Ledger,
  request: string,
  attempt: number,
  done: () => void,
): Promise<HandRun> {
  const claim = await ledger.claim({ request, attempt, token: randomUUID(), worker: 'by-hand' });
  if (claim.kind !== 'run') throw new Error(`the claim of ${request} was answered ${claim.kind}`);
  return new HandRun(ledger, request, claim, done);
}

/** One claimed run. */
export class HandRun {
  private seq = 0;

  constructor(
    private readonly ledger: Ledger,
    readonly request: string,
    readonly claim: Run,
    readonly done: () => void,
  ) {}

  /** Appends a frame; the reply says whether this run still holds the request. */
  append(text: string): Promise<boolean> {
    return this.ledger.append({ ...this.at(), bytes: Buffer.from(text) });
  }

  async complete(last: string): Promise<void> {
    const { request, epoch, seq } = this.at();
    const sealed = await this.ledger.seal({
      request,
      guard: { kind: 'epoch', epoch },
      outcome: { kind: 'completed' },
      last: { seq, bytes: Buffer.from(last) },
    });
    if (!sealed) throw new Error('the seal was refused');
    this.done();
  }

  async fail(code: ErrorCode, params: ErrorParams = {}): Promise<void> {
    const { request, epoch } = this.at();
    const sealed = await this.ledger.seal({
      request,
      guard: { kind: 'epoch', epoch },
      outcome: { kind: 'failed', code, params },
    });
    if (!sealed) throw new Error('the seal was refused');
    this.done();
  }

  /** Another worker runs the same attempt, after this one was lost: handed back here, to not wait for its lease. */
  async takeOver(): Promise<HandRun> {
    await this.ledger.release(this.request, this.claim.epoch);
    return claimRun(this.ledger, this.request, this.claim.attempt, this.done);
  }

  /** Is the request this run's still? Asked as a worker asks each second. */
  async renew(): Promise<string> {
    const [reply] = await this.ledger.renew([{ request: this.request, epoch: this.claim.epoch }]);
    return String(reply);
  }

  private at(): { request: string; epoch: number; seq: number } {
    this.seq += 1;
    return { request: this.request, epoch: this.claim.epoch, seq: this.seq };
  }
}
