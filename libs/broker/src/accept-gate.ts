import type { Redis } from 'ioredis';
import { SpillwayError } from '#core/errors.js';
import type { AcceptReply, NewRequest } from '#core/ledger/transitions.js';
import { Cancels } from './cancels.js';
import { connect, type BrokerLog } from './connection.js';
import type { Ledger } from './ledger.js';
import { MemoryWatch } from './memory-watch.js';
import { Pulse } from './pulse.js';
import { RecentAccepts } from './recent-accepts.js';
import { refusalOf } from './refusal.js';

/** How often requests are let go of that Redis must have written by now, ms. */
const PRUNE_MS = 500;
/** How long a new request waits for a Redis that has just fallen silent, ms: its client is to have its 503 within 300. */
const PATIENCE_MS = 250;
type Passing = Pick<NewRequest, 'id' | 'body' | 'keepMs'>;

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
 * which requests Redis may have taken although it never said so, and which it is yet to cancel.
 */
export class AcceptGate {
  private readonly redis: Redis;
  private readonly pulse: Pulse;
  private readonly memory: MemoryWatch;
  private readonly recent: RecentAccepts;
  private readonly cancels: Cancels;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly options: GateOptions) {
    this.redis = connect(options.url, 'pulse', options.log);
    this.pulse = new Pulse(this.redis);
    this.memory = new MemoryWatch(this.redis, options.log);
    const { redis, isRead, ledger, log } = options;
    this.recent = new RecentAccepts({ redis, isRead, log });
    this.cancels = new Cancels({ ledger, isAlive: () => this.pulse.isBeating });
    this.pulse.whenBack(() => void this.cancels.sendAgain());
  }

  /** Resolves once Redis has answered, and said how full it is. */
  async start(): Promise<void> {
    await this.pulse.start();
    await this.memory.start();
    this.cancels.start();
    this.timer = setInterval(() => this.recent.prune(), PRUNE_MS);
  }

  /** Resolves after a last try of the cancels that Redis has not taken. */
  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.cancels.stop();
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
      const { id, body, keepMs } = request;
      const isKept = keepMs !== undefined;
      if (reply.kind === 'accepted') this.recent.note({ id, isKept, bytes: body.length, send: accept });
      return reply;
    } catch (error) {
      if (refusalOf(error) === undefined) this.cancels.doubt(request.id);
      throw unavailable(describe(error), error);
    }
  }

  /** Ends a request for its client's sake. Never rejects: while Redis is away it is tried again until it answers. */
  async cancel(request: string): Promise<void> {
    await this.cancels.cancel(request);
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
}

function describe(error: unknown): string {
  const refusal = refusalOf(error);
  return refusal === undefined ? 'Redis does not answer' : `Redis takes no writes now (${refusal})`;
}

function unavailable(reason: string, cause?: unknown): SpillwayError {
  return new SpillwayError('redis_unavailable', { reason }, { cause });
}
