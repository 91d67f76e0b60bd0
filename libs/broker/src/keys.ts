import { shardOf } from '#core/ids.js';

/**
 * Every name that processes share in Redis, in one place. All keys that one script touches carry the same hash tag
 * `{shard}`, so they live in one slot of a cluster; ARCHITECTURE.md lists writer, reader, TTL and loss of each.
 */
export class Keys {
  private readonly byShard = new Map<number, ShardKeys>();

  constructor(
    private readonly prefix: string,
    /** How many shards the ledger has (`redis.shards`). */
    readonly shards: number,
  ) {}

  /** The keys of every script about one request, in the order that lua/record.lua names them. */
  request(id: string): string[] {
    const shard = shardOf(id);
    if (shard === undefined) throw new Error(`"${id}" is not a request id`);
    const { deadlines, unplaced, leases, waits, orphans, waiting, pace, usage, dead, unsettled, retrying } =
      this.shard(shard);
    return [
      ...this.frames(id),
      this.body(id),
      deadlines,
      unplaced,
      leases,
      waits,
      orphans,
      waiting,
      pace,
      usage,
      dead,
      unsettled,
      retrying,
    ];
  }

  /** The first of them: all that a frame needs. */
  frames(id: string): string[] {
    const shard = shardOf(id);
    return [this.of(shard, `req:${id}`), this.of(shard, `log:${id}`)];
  }

  record(id: string): string {
    return this.of(shardOf(id), `req:${id}`);
  }

  body(id: string): string {
    return this.of(shardOf(id), `body:${id}`);
  }

  log(id: string): string {
    return this.of(shardOf(id), `log:${id}`);
  }

  /** Which request has this idempotency key; in the shard of that request, which the key chose. */
  idempotency(id: string, key: string): string {
    return this.of(shardOf(id), `idem:${key}`);
  }

  shard(shard: number): ShardKeys {
    const known = this.byShard.get(shard);
    if (known) return known;
    const keys = shardKeys((name) => this.of(shard, name));
    this.byShard.set(shard, keys);
    return keys;
  }

  /** Worker ids, scored by their last heartbeat. */
  get workers(): string {
    return this.of('fleet', 'workers');
  }

  /** A worker's last heartbeat; expires with its life. */
  worker(worker: string): string {
    return this.of('fleet', `worker:${worker}`);
  }

  /** `provider/model` pairs that a provider did not have, scored by when to forget that. */
  get unusable(): string {
    return this.of('fleet', 'unusable');
  }

  /** How providers do: breakers by provider, cool-downs by `provider/model` (health-field.ts). */
  get health(): string {
    return this.of('fleet', 'health');
  }

  /** What a process's channel starts with; its name follows. `health` is everybody's. */
  get channels(): string {
    return `${this.prefix}:to:`;
  }

  /** BullMQ's prefix for a provider's queue: a hash tag of its own, so that queues spread over a cluster. */
  queuePrefix(provider: string): string {
    return `${this.prefix}:{${queueName(provider)}}`;
  }

  private of(tag: number | string | undefined, name: string): string {
    return `${this.prefix}:{${tag}}:${name}`;
  }
}

type ShardKeys = ReturnType<typeof shardKeys>;

/** What a shard holds beside its requests. */
function shardKeys(key: (name: string) => string) {
  return {
    deadlines: key('deadlines'),
    unplaced: key('unplaced'),
    leases: key('leases'),
    waits: key('waits'),
    orphans: key('orphans'),
    waiting: key('waiting'),
    pace: key('pace'),
    usage: key('usage'),
    dead: key('dead'),
    /** Runs that ended or moved on without saying what their call cost: `<id>|<epoch>`. */
    unsettled: key('unsettled'),
    retrying: key('retrying'),
    /** Who sweeps this shard now. */
    sweeper: key('sweeper'),
  };
}

export function queueName(provider: string): string {
  return `inference.${provider}`;
}

/** A job's data: it says that someone should look at this attempt, and nothing else. */
export interface InferenceJob {
  readonly v: 1;
  readonly request: string;
  readonly attempt: number;
}
