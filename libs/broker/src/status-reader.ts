import type { Redis } from 'ioredis';
import type { CredentialState, ProviderAnnouncement, WorkerHeartbeat } from '#core/fleet.js';
import { readHealth } from '#core/health-field.js';
import { breakerState, type Health } from '#core/health.js';
import type { Location } from '#core/target.js';
import { connect, redactUrl, type BrokerLog } from './connection.js';
import { readDepths, type Depth } from './depths.js';
import { readHeartbeats, unite } from './fleet-watch.js';
import { Keys } from './keys.js';
import { within } from './within.js';

/** What goes on in an installation, as of one moment. No prompt, no key. */
export interface BrokerStatus {
  /** Without its password. */
  readonly redis: string;
  readonly workers: readonly WorkerStatus[];
  /** Every provider that a worker serves or that a request waits for or runs on, by name. */
  readonly providers: readonly ProviderStatus[];
}

export interface WorkerStatus {
  readonly name: string;
  readonly pid: number;
  /** Since its start, ms, by its own clock. */
  readonly upMs: number;
  readonly providers: readonly string[];
}

export interface ProviderStatus {
  readonly name: string;
  /** Live workers that serve it. Without any, what only they know is absent. */
  readonly workers: number;
  readonly location?: Location;
  readonly credential?: CredentialState;
  /** False: nobody answers at its address now. */
  readonly reachable?: boolean;
  /** What a worker last saw go wrong; absent while nothing does. */
  readonly trouble?: { readonly reason: string; readonly agoMs: number };
  /** Absent while its breaker is closed. `nextMs`: until a call is let through to find out. */
  readonly breaker?: { readonly state: 'open' | 'half-open'; readonly nextMs: number };
  /** Models of it that asked to be left alone, and for how long yet. Absent: none did. */
  readonly coolDowns?: readonly { readonly model: string; readonly leftMs: number }[];
  readonly models?: readonly string[];
  /** Those that are in memory; absent: it does not say. */
  readonly loaded?: readonly string[];
  /** Calls at once over all its workers. */
  readonly concurrency?: number;
  readonly running: number;
  readonly waiting: number;
  /** How long the request at the head has waited, ms. Absent: none waits. */
  readonly oldestWaitMs?: number;
}

/** Runs whose provider is looked up; more than this are counted for none. */
const RUNS_MAX = 10_000;

/** Reads what goes on, and changes nothing. */
export class StatusReader {
  private readonly redis: Redis;
  private readonly keys: Keys;

  constructor(
    private readonly options: { readonly url: string; readonly prefix: string; readonly shards: number },
    log: BrokerLog,
  ) {
    this.redis = connect(options.url, 'patient', log);
    this.keys = new Keys(options.prefix, options.shards);
  }

  /** @throws if Redis does not answer all of it within `timeoutMs`. */
  async read(timeoutMs: number): Promise<BrokerStatus> {
    const [heartbeats, depths, running, fields, [seconds]] = await within(
      timeoutMs,
      Promise.all([
        readHeartbeats(this.redis, this.keys),
        readDepths(this.redis, this.keys),
        this.countRuns(),
        this.redis.hgetall(this.keys.health),
        this.redis.time(),
      ]),
    );
    const now = Number(seconds) * 1_000;
    return {
      redis: redactUrl(this.options.url),
      workers: heartbeats.map((heartbeat) => toWorker(heartbeat)),
      providers: toProviders({
        ...{ heartbeats, depths, running },
        health: readHealth(new Map(Object.entries(fields)), now),
      }),
    };
  }

  close(): void {
    this.redis.disconnect();
  }

  /** Runs under way, by provider: every one has a lease. */
  private async countRuns(): Promise<Map<string, number>> {
    const counts = new Map<string, number>();
    for (let shard = 0; shard < this.keys.shards; shard++) {
      const ids = await this.redis.zrange(this.keys.shard(shard).leases, '0', String(RUNS_MAX - 1));
      const names = await Promise.all(ids.map((id) => this.redis.hget(this.keys.record(id), 'provider')));
      for (const name of names) if (name !== null) counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    return counts;
  }
}

function toWorker({ worker, pid, startedAt, providers }: WorkerHeartbeat): WorkerStatus {
  const upMs = Math.max(0, Date.now() - startedAt);
  return { name: worker, pid, upMs, providers: providers.map(({ name }) => name) };
}

interface Facts {
  readonly heartbeats: readonly WorkerHeartbeat[];
  readonly depths: readonly Depth[];
  readonly running: ReadonlyMap<string, number>;
  readonly health: Health;
}

function toProviders({ heartbeats, depths, running, health }: Facts): ProviderStatus[] {
  const announced = unite(heartbeats);
  const waiting = new Map(depths.map((depth) => [depth.provider, depth]));
  const names = new Set([...announced.keys(), ...waiting.keys(), ...running.keys()]);
  return [...names].toSorted().map((name) => {
    const depth = waiting.get(name);
    const known = announced.get(name);
    return {
      name,
      workers: heartbeats.filter(({ providers }) => providers.some((each) => each.name === name)).length,
      ...(known && toKnown(known)),
      ...troubleOf(name, heartbeats),
      ...healthOf(name, health),
      running: running.get(name) ?? 0,
      waiting: depth?.waiting ?? 0,
      ...(depth && { oldestWaitMs: Math.max(0, health.now - depth.oldestAt) }),
    };
  });
}

/** The latest of what its workers saw. Their clocks are taken for ours. */
function troubleOf(
  provider: string,
  heartbeats: readonly WorkerHeartbeat[],
): Pick<ProviderStatus, 'trouble'> {
  const [latest] = heartbeats
    .flatMap(({ providers }) => providers)
    .flatMap(({ name, trouble }) => (name === provider && trouble ? [trouble] : []))
    .toSorted((a, b) => b.at - a.at);
  if (!latest) return {};
  return { trouble: { reason: latest.reason, agoMs: Math.max(0, Date.now() - latest.at) } };
}

function healthOf(
  provider: string,
  { breakers, coolDowns, now }: Health,
): Pick<ProviderStatus, 'breaker' | 'coolDowns'> {
  const breaker = breakers.get(provider);
  const state = breakerState(breaker, now);
  const cooling = [...coolDowns]
    .filter(([target, { until }]) => target.startsWith(`${provider}/`) && until > now)
    .map(([target, { until }]) => ({ model: target.slice(provider.length + 1), leftMs: until - now }));
  return {
    ...(state !== 'closed' && { breaker: { state, nextMs: Math.max(0, (breaker?.open?.until ?? 0) - now) } }),
    ...(cooling.length > 0 && { coolDowns: cooling }),
  };
}

function toKnown(announced: ProviderAnnouncement) {
  const { location, credential, reachable = true, models, loaded, concurrency } = announced;
  return { location, credential, reachable, models, ...(loaded && { loaded }), concurrency };
}
