import type { Redis } from 'ioredis';
import { mergeCapabilities } from '#core/capabilities.js';
import {
  HEARTBEAT_TTL_MS,
  type Fleet,
  type ProviderAnnouncement,
  type WorkerHeartbeat,
} from '#core/fleet.js';
import { parseHeartbeat } from '#core/parse-heartbeat.js';
import { HealthStore } from './health-store.js';
import type { Keys } from './keys.js';

const WATCH_MS = 1_000;
/** Refreshes further apart than this say that Redis, or this process, was away in between. */
const GAP_MS = 3_000;
/** How long after Redis was away a worker may take to be heard again: its connection, then its heartbeat. */
const RETURN_MS = 5_000;
/** A worker that has been silent for this long is no longer looked for. */
const FORGET_MS = 60 * 60 * 1_000;

/** What this process knows of workers and providers: read once a second, so that a plan costs no call. */
export class FleetWatch {
  private fleet: Fleet = { providers: new Map(), unusable: new Set() };
  /** When each provider was last seen alive, by this process's monotonic clock. */
  private readonly seenAt = new Map<string, number>();
  /** Since when every refresh has succeeded, without a gap. */
  private watchingSince: number | undefined;
  private refreshedAt = 0;
  /** When Redis last came back; its heartbeats may have run out meanwhile. */
  private returnedAt = -Infinity;
  private refreshing: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;

  /** How the providers do. */
  readonly health: HealthStore;

  constructor(
    private readonly redis: Redis,
    private readonly keys: Keys,
  ) {
    this.health = new HealthStore(redis, keys);
  }

  /** Resolves when the workers have been read once, or Redis did not answer. */
  async start(): Promise<void> {
    await this.refresh();
    this.timer = setInterval(() => void this.refresh(), WATCH_MS);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  current(): Fleet {
    return { ...this.fleet, health: this.health.view() };
  }

  /** How long this process has watched without a break, ms. Shorter than that ago, Redis may have been away. */
  watchedMs(): number {
    const now = performance.now();
    // A refresh that has been under way for so long is about to say that there was a gap.
    if (this.watchingSince === undefined || now - this.refreshedAt > GAP_MS) return 0;
    return now - this.watchingSince;
  }

  /**
   * How long the provider has been without a heartbeat, ms, as far as this process can tell: while Redis is away, and
   * just after a start, nobody is silent, since a restart must not push local prompts to the cloud.
   */
  silentMs(provider: string): number {
    if (this.watchingSince === undefined) return 0;
    const seenAt = this.seenAt.get(provider) ?? 0;
    if (seenAt < this.watchingSince) return performance.now() - this.watchingSince;
    // A heartbeat is there for its whole TTL: when it is gone, the worker has been silent for that long.
    return HEARTBEAT_TTL_MS + performance.now() - seenAt;
  }

  /** Never twice at once: while Redis is away, one waits for it. */
  async refresh(): Promise<void> {
    this.refreshing ??= this.read().finally(() => (this.refreshing = undefined));
    await this.refreshing;
  }

  private async read(): Promise<void> {
    try {
      const [heartbeats, unusable] = await Promise.all([
        readHeartbeats(this.redis, this.keys),
        this.readUnusable(),
        this.health.refresh(),
      ]);
      const now = performance.now();
      const wasAway = this.watchingSince === undefined || now - this.refreshedAt > GAP_MS;
      if (wasAway) this.watchingSince = now;
      if (wasAway && this.refreshedAt > 0) this.returnedAt = now;
      this.refreshedAt = now;
      const heard = unite(heartbeats);
      for (const provider of heard.keys()) this.seenAt.set(provider, now);
      this.fleet = { providers: this.withReturning(heard, now), unusable };
    } catch {
      this.watchingSince = undefined;
    }
  }

  /** After an outage nobody is missed before they could be back: else the first to beat would get all requests. */
  private withReturning(heard: Map<string, ProviderAnnouncement>, now: number) {
    if (now - this.returnedAt > RETURN_MS) return heard;
    return new Map([...this.fleet.providers, ...heard]);
  }

  private async readUnusable(): Promise<Set<string>> {
    const [seconds] = await this.redis.time();
    return new Set(await this.redis.zrangebyscore(this.keys.unusable, String(seconds), '+inf'));
  }
}

/** The heartbeats that have not expired and can be read. */
export async function readHeartbeats(redis: Redis, keys: Keys): Promise<WorkerHeartbeat[]> {
  const ids = await redis.zrange(keys.workers, '0', '-1');
  const beats = ids.length === 0 ? [] : await redis.mget(ids.map((id) => keys.worker(id)));
  return beats.flatMap((beat) => (beat === null ? [] : (parseHeartbeat(beat) ?? [])));
}

/** Writes this worker's heartbeat; readable until its TTL, so a dead worker needs nobody to remove it. */
export async function beat(redis: Redis, keys: Keys, heartbeat: WorkerHeartbeat): Promise<void> {
  const now = Date.now();
  await redis
    .pipeline()
    .set(keys.worker(heartbeat.worker), JSON.stringify(heartbeat), 'PX', HEARTBEAT_TTL_MS)
    .zadd(keys.workers, now, heartbeat.worker)
    .zremrangebyscore(keys.workers, '-inf', now - FORGET_MS)
    .exec();
}

/** Forgets every heartbeat; workers that live write theirs anew within two seconds. */
export async function forgetWorkers(redis: Redis, keys: Keys): Promise<void> {
  await redis.del(keys.workers);
}

/** Remembers for a minute what a provider does not have (`unusableKey`), so that plans leave it out. */
export async function markUnusable(redis: Redis, keys: Keys, unusable: string): Promise<void> {
  const [seconds] = await redis.time();
  const now = Number(seconds);
  await redis
    .pipeline()
    .zadd(keys.unusable, now + 60, unusable)
    .zremrangebyscore(keys.unusable, '-inf', now - 1)
    .exec();
}

/** One announcement per provider: where workers differ, their models are united, a good credential, a way to it, the cloud and the first word on a capability win. */
export function unite(heartbeats: readonly WorkerHeartbeat[]): Map<string, ProviderAnnouncement> {
  const providers = new Map<string, ProviderAnnouncement>();
  for (const announced of heartbeats.flatMap((heartbeat) => heartbeat.providers)) {
    const known = providers.get(announced.name);
    const models = [...new Set([...(known?.models ?? []), ...announced.models])];
    const credential = known?.credential === 'ok' ? known.credential : announced.credential;
    const reachable = (known && known.reachable !== false) || announced.reachable !== false;
    const capabilities = mergeCapabilities(announced.capabilities, known?.capabilities);
    const loaded = uniteLoaded(known, announced);
    // Any of them may take the job, and a request that has to stay local must not go to the one that is not.
    const location = known?.location === 'cloud' ? 'cloud' : announced.location;
    const { reachable: _, ...rest } = announced;
    const changed = {
      location,
      models,
      credential,
      ...(loaded && { loaded }),
      ...(!reachable && { reachable }),
      ...(capabilities && { capabilities }),
    };
    providers.set(announced.name, { ...rest, ...changed });
  }
  return providers;
}

/** Several workers may have a server each: loaded by one of them is loaded. */
function uniteLoaded(...said: readonly (ProviderAnnouncement | undefined)[]): readonly string[] | undefined {
  const lists = said.flatMap((each) => (each?.loaded ? [each.loaded] : []));
  return lists.length === 0 ? undefined : [...new Set(lists.flat())];
}
