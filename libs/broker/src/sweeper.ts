import type { Redis } from 'ioredis';
import { parseTrail, type AttemptRecord } from '#core/attempt-record.js';
import { decideExpired, decideWaiting } from '#core/decide-waiting.js';
import type { Endpoint } from '#core/endpoint.js';
import type { Target } from '#core/target.js';
import type { BrokerLog } from './connection.js';
import type { FleetWatch } from './fleet-watch.js';
import { forgetLost, requestOf } from './forget-lost.js';
import type { Keys } from './keys.js';
import type { Ledger } from './ledger.js';
import { readEndpoint } from './ledger-replies.js';
import type { JobName, Queues } from './queues.js';
import { sweepStuckJobs } from './stuck-jobs.js';

const SWEEP_MS = 1_000;
/** How long a sweeper that died keeps the others waiting. */
const SWEEPER_LEASE_MS = 3_000;
/** Entries of one index looked at in one round; the rest waits a second. */
const BATCH = 200;
/**
 * How long Redis must have answered, and taken writes, before what was not renewed counts as lost. An outage outlasts leases:
 * every live worker and reader must come back first (they reconnect within 1 s, and renew every second).
 */
const SETTLED_MS = 3_000;
/** An attempt that stays although it waited too long is looked at again then. */
const LOOK_AGAIN_MS = 1_000;

export interface SweeperOptions {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly ledger: Ledger;
  readonly queues: Queues;
  readonly fleet: FleetWatch;
  /** This process's name; holds the sweeper's lease. */
  readonly name: string;
  readonly log: BrokerLog;
  /** Default: `SETTLED_MS`; tests pass 0. */
  readonly settledMs?: number;
}

/**
 * Ends or moves on what nobody else will: passed deadlines, attempts without a job, runs without a worker, requests
 * without a reader, attempts that wait too long or on a provider without a worker. Every process of ours hosts one and
 * one of them works at a time; two would do no harm, since each step is a guarded transition of the ledger.
 */
export class Sweeper {
  private timer: NodeJS.Timeout | undefined;
  private sweeping: Promise<void> | undefined;
  /** When a round last broke off, by this process's monotonic clock: Redis was away, or took no writes. */
  private brokeOffAt = -Infinity;
  /** Where the walk through each silent provider's queue goes on. */
  private readonly walked = new Map<string, string>();

  constructor(private readonly options: SweeperOptions) {}

  start(): void {
    this.timer = setInterval(() => {
      this.sweeping ??= this.sweep()
        .catch((error: unknown) => this.noteBreak(error))
        .finally(() => (this.sweeping = undefined));
    }, SWEEP_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.sweeping;
  }

  /** One round over every shard whose lease this process holds or gets. */
  async sweep(): Promise<void> {
    for (let shard = 0; shard < this.options.keys.shards; shard++) {
      if (!(await this.holdsLease(shard))) continue;
      await this.sweepShard(shard);
      // Queues belong to no shard; one process looks at them.
      if (shard === 0 && this.isSettled()) await this.sweepQueues();
    }
  }

  private async sweepQueues(): Promise<void> {
    for (const provider of this.options.fleet.current().providers.keys()) {
      await sweepStuckJobs(this.options, provider);
    }
  }

  private async holdsLease(shard: number): Promise<boolean> {
    const { redis, keys, name } = this.options;
    const key = keys.shard(shard).sweeper;
    if ((await redis.set(key, name, 'PX', SWEEPER_LEASE_MS, 'NX')) === 'OK') return true;
    if ((await redis.get(key)) !== name) return false;
    await redis.pexpire(key, SWEEPER_LEASE_MS);
    return true;
  }

  private async sweepShard(shard: number): Promise<void> {
    const { redis, keys, ledger } = this.options;
    const index = keys.shard(shard);
    const now = await this.now();
    const due = async (key: string) => redis.zrangebyscore(key, '-inf', String(now), 'LIMIT', 0, BATCH);
    if (this.isSettled()) {
      await this.each(await due(index.leases), (id) => this.lapse(id));
      await this.each(await due(index.unsettled), async (member) => {
        const [id = '', epoch] = member.split('|');
        await ledger.writeOff(id, Number(epoch));
      });
      await this.each(await due(index.orphans), async (id) => {
        await ledger.seal({ request: id, guard: { kind: 'orphan' }, outcome: { kind: 'cancelled' } });
      });
    }
    const lost: string[] = [];
    await this.each(await due(index.deadlines), async (id) => {
      if (!(await this.expire(id))) lost.push(id);
    });
    await forgetLost(redis, index, lost);
    await this.each(await due(index.unplaced), (id) => this.place(id));
    await this.each(await due(index.waits), async (id) => {
      await redis.zadd(index.waits, 'XX', now + LOOK_AGAIN_MS, id);
      await this.moveOn(id, now);
    });
    await this.sweepSilentProviders(index.waiting, now);
  }

  /** Said once, not every second; and while Redis is away, its connection says so. */
  private noteBreak(error: unknown): void {
    const { redis, log } = this.options;
    const isNews = performance.now() - this.brokeOffAt > SETTLED_MS;
    this.brokeOffAt = performance.now();
    if (isNews && redis.status === 'ready') log.warn({ reason: String(error) }, 'sweep broke off');
  }

  /** Has Redis answered, and taken writes, for so long that whoever lives has renewed what is theirs? */
  private isSettled(): boolean {
    const { fleet, settledMs = SETTLED_MS } = this.options;
    return Math.min(fleet.watchedMs(), performance.now() - this.brokeOffAt) >= settledMs;
  }

  /** A failure with one request must not keep the sweeper from the next one. */
  private async each(ids: readonly string[], act: (id: string) => Promise<void>): Promise<void> {
    const results = await Promise.allSettled(ids.map(act));
    results.forEach((result, i) => {
      if (result.status === 'fulfilled') return;
      this.options.log.warn({ request: ids[i], reason: String(result.reason) }, 'could not sweep a request');
    });
  }

  private async lapse(id: string): Promise<void> {
    const { ledger, queues } = this.options;
    const lost = await this.read(id);
    const reply = await ledger.lapse(id);
    if (reply.kind === 'none') return;
    // Before the add: while the lost job fills the provider's last place, BullMQ wakes no worker for the new one.
    if (lost) await queues.forget(id, lost);
    // Its turn had come before its worker was lost: behind a long queue it would miss it again.
    if (reply.kind === 'placed') await queues.addFirst(id, reply);
  }

  /** False: there is no such request any more. */
  private async expire(id: string): Promise<boolean> {
    const { ledger, queues, fleet } = this.options;
    const request = await this.read(id);
    if (!request) return false;
    const { code, params } = decideExpired({ ...request, fleet: fleet.current() });
    const sealed = await ledger.seal({
      request: id,
      guard: { kind: 'deadline' },
      outcome: { kind: 'failed', code, params },
    });
    if (sealed && request.waiting) await queues.forget(id, request);
    return true;
  }

  private async place(id: string): Promise<void> {
    const { ledger, queues } = this.options;
    const waiting = await this.read(id);
    if (!waiting) return;
    if (await queues.has(id, waiting)) {
      await ledger.confirm(id, waiting.attempt, waiting.placement);
      return;
    }
    const again = await ledger.replace(id, waiting.attempt, waiting.placement);
    if (again) await queues.add(id, again);
  }

  private async moveOn(id: string, now: number): Promise<void> {
    const { ledger, queues, fleet } = this.options;
    const request = await this.read(id);
    if (!request?.waiting) return;
    const guard = { kind: 'attempt', attempt: request.attempt } as const;
    const verdict = decideWaiting({
      ...request,
      waitedMs: now - request.placedAt,
      providerSilentMs: fleet.silentMs(request.provider),
      fleet: fleet.current(),
    });
    if (verdict.action === 'stay') return;
    const record = JSON.stringify(verdict.record);
    if (verdict.action === 'fail') {
      const { code, params } = verdict;
      const outcome = { kind: 'failed', code, params } as const;
      const sealed = await ledger.seal({ request: id, guard, outcome, record });
      if (sealed) await queues.forget(id, request);
      return;
    }
    const placed = await ledger.next({ request: id, guard, target: verdict.target, record });
    if (!placed) return;
    await queues.add(id, placed);
    // Nobody may ever take the old job: a provider without a worker would gather them.
    await queues.forget(id, request);
  }

  /** Walks the queues of providers without a worker, a batch per provider and round. */
  private async sweepSilentProviders(waiting: string, now: number): Promise<void> {
    const { redis, fleet } = this.options;
    let after = '-';
    for (;;) {
      const [ticket] = await redis.zrangebylex(waiting, after, '+', 'LIMIT', 0, 1);
      if (ticket === undefined) return;
      const provider = ticket.slice(0, ticket.indexOf('|'));
      after = `(${provider}|~`;
      if (fleet.current().providers.has(provider)) continue;
      const from = this.walked.get(provider) ?? `[${provider}|`;
      const tickets = await redis.zrangebylex(waiting, from, after, 'LIMIT', 0, BATCH);
      const last = tickets.at(-1);
      if (tickets.length < BATCH || last === undefined) this.walked.delete(provider);
      else this.walked.set(provider, `(${last}`);
      await this.each(tickets.map(requestOf), (id) => this.moveOn(id, now));
    }
  }

  private async now(): Promise<number> {
    const [seconds, micros] = await this.options.redis.time();
    return Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000);
  }

  private async read(id: string): Promise<SweptRequest | undefined> {
    const record = await this.options.redis.hgetall(this.options.keys.record(id));
    return record['state'] === undefined || record['state'] === 'ended' ? undefined : readRecord(record);
  }
}

interface SweptRequest extends JobName {
  /** Index into the plan. */
  readonly target: number;
  readonly targets: readonly Target[];
  /** The same as `target`, by the name that decisions use. */
  readonly current: number;
  readonly model: string;
  readonly endpoint: Endpoint;
  readonly timeoutMs: number;
  readonly waiting: boolean;
  /** When the attempt entered its queue, ms by Redis's clock. */
  readonly placedAt: number;
  readonly trail: readonly AttemptRecord[];
}

function readRecord(record: Record<string, string>): SweptRequest {
  const field = (name: string) => record[name] ?? '';
  return {
    targets: JSON.parse(field('targets')) as Target[],
    current: Number(field('target')),
    target: Number(field('target')),
    provider: field('provider'),
    attempt: Number(field('attempt')),
    placement: Number(field('placement')),
    model: field('model'),
    endpoint: readEndpoint(field('endpoint')),
    timeoutMs: Number(field('timeout')),
    waiting: field('state') === 'waiting',
    placedAt: Number(field('ticket').split('|')[1]),
    trail: parseTrail(splitTrail(field('trail'))),
  };
}

/** The record keeps the trail as JSON texts with commas between. */
function splitTrail(trail: string): string[] {
  return (JSON.parse(`[${trail}]`) as unknown[]).map((record) => JSON.stringify(record));
}
