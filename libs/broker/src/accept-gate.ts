import type { Redis } from 'ioredis';
import { SpillwayError } from '#core/errors.js';
import type { AcceptReply, NewRequest } from '#core/ledger/transitions.js';
import { connect, type BrokerLog } from './connection.js';
import type { Ledger } from './ledger.js';
import { MemoryWatch } from './memory-watch.js';
import { Pulse } from './pulse.js';
import { RecentAccepts } from './recent-accepts.js';
import { refusalOf } from './refusal.js';

const CANCEL_AGAIN_MS = 500;
/** How long a new request waits for a Redis that has just fallen silent, ms: its client is to have its 503 within 300. */
const PATIENCE_MS = 250;
/**
 * How long Redis must have denied to know a request before it is certain that none is coming, ms: what was sent on a
 * connection that is lost may be read after what was sent on the next one. Its job is not added before 2 s.
 */
const UNKNOWN_MS = 1_500;
/** Cancels under way at once. */
const CANCEL_BATCH = 100;

type Passing = Pick<NewRequest, 'id' | 'body'>;

interface GateOptions {
  readonly url: string;
  /** The connection that accepts are sent on. */
  readonly redis: Redis;
  readonly ledger: Pick<Ledger, 'cancel'>;
  /** Does anybody here still wait for this request? */
  readonly isRead: (request: string) => boolean;
  readonly log: BrokerLog;
}

/**
 * The way of every new request into Redis: closed while Redis is away or nearly full, and the one place that knows
 * which requests Redis may have taken although it never said so.
 */
export class AcceptGate {
  private readonly redis: Redis;
  private readonly pulse: Pulse;
  private readonly memory: MemoryWatch;
  private readonly recent: RecentAccepts;
  /** Requests that may be in Redis, without anybody who waits for them; and since when Redis has denied it. */
  private readonly doubtful = new Map<string, number | undefined>();
  private timer: NodeJS.Timeout | undefined;
  private cancelling = false;

  constructor(private readonly options: GateOptions) {
    this.redis = connect(options.url, 'pulse', options.log);
    this.pulse = new Pulse(this.redis);
    this.memory = new MemoryWatch(this.redis, options.log);
    const { redis, isRead, log } = options;
    this.recent = new RecentAccepts({ redis, isWanted: isRead, log });
    this.pulse.whenBack(() => void this.cancelDoubtful());
  }

  /** Resolves once Redis has answered, and said how full it is. */
  async start(): Promise<void> {
    await this.pulse.start();
    await this.memory.start();
    this.timer = setInterval(() => {
      this.recent.prune();
      void this.cancelDoubtful();
    }, CANCEL_AGAIN_MS);
  }

  stop(): void {
    clearInterval(this.timer);
    this.pulse.stop();
    this.memory.stop();
    this.redis.disconnect();
  }

  /** Does Redis answer? */
  get isAlive(): boolean {
    return this.pulse.isBeating && this.options.redis.status === 'ready';
  }

  /**
   * Sends an accept, unless Redis is known to be away or nearly full.
   *
   * @throws {SpillwayError} `redis_unavailable`, within 300 ms: the request is not in the
   * ledger, or is cancelled as soon as Redis answers again
   */
  async pass(request: Passing, accept: () => Promise<AcceptReply>): Promise<AcceptReply> {
    const patientUntil = performance.now() + PATIENCE_MS;
    // What is not sent cannot have been accepted: nothing to cancel, for each of these, when Redis is back.
    if (!(await this.becomesAlive())) throw unavailable('Redis does not answer');
    const { fullPercent } = this.memory;
    if (fullPercent !== undefined) throw unavailable(`Redis is ${fullPercent} % full`);
    try {
      const reply = await this.pulse.guard(accept(), patientUntil - performance.now());
      const { id, body } = request;
      if (reply.kind === 'accepted') this.recent.note({ id, bytes: body.length, send: accept });
      return reply;
    } catch (error) {
      if (refusalOf(error) === undefined) this.doubtful.set(request.id, undefined);
      throw unavailable(describe(error), error);
    }
  }

  /**
   * Asks for what may be asked again.
   *
   * @throws {SpillwayError} `redis_unavailable`, as fast as `pass`: what was asked for may have happened
   */
  async ask<T>(send: () => Promise<T>): Promise<T> {
    const patientUntil = performance.now() + PATIENCE_MS;
    if (!(await this.becomesAlive())) throw unavailable('Redis does not answer');
    try {
      return await this.pulse.guard(send(), patientUntil - performance.now());
    } catch (error) {
      throw unavailable(describe(error), error);
    }
  }

  private async becomesAlive(): Promise<boolean> {
    return this.isAlive || ((await this.pulse.answers(PATIENCE_MS)) && this.isAlive);
  }

  private async cancelDoubtful(): Promise<void> {
    if (this.cancelling || this.doubtful.size === 0 || !this.pulse.isBeating) return;
    this.cancelling = true;
    const some = [...this.doubtful.keys()].slice(0, CANCEL_BATCH);
    await Promise.all(some.map((request) => this.cancel(request)));
    this.cancelling = false;
  }

  private async cancel(request: string): Promise<void> {
    const cancelled = await this.options.ledger.cancel(request).catch(() => undefined);
    if (cancelled === undefined) return;
    const deniedAt = this.doubtful.get(request) ?? performance.now();
    if (cancelled || performance.now() - deniedAt >= UNKNOWN_MS) this.doubtful.delete(request);
    else this.doubtful.set(request, deniedAt);
  }
}

function describe(error: unknown): string {
  const refusal = refusalOf(error);
  return refusal === undefined ? 'Redis does not answer' : `Redis takes no writes now (${refusal})`;
}

function unavailable(reason: string, cause?: unknown): SpillwayError {
  return new SpillwayError('redis_unavailable', { reason }, { cause });
}
