import type { Redis } from 'ioredis';
import { connect, type BrokerLog, type Patience } from './connection.js';
import { checkDurability } from './durability.js';
import { FleetWatch } from './fleet-watch.js';
import { Keys } from './keys.js';
import { Ledger } from './ledger.js';
import { ProcessChannel } from './process-channel.js';
import { processName } from './process-name.js';
import { Queues } from './queues.js';
import { Sweeper } from './sweeper.js';

export interface BrokerOptions {
  readonly redis: { readonly url: string; readonly prefix: string; readonly shards: number };
  /** Accept a Redis that may lose or evict what it was given (`SPILLWAY_ALLOW_VOLATILE=1`). */
  readonly allowVolatile: boolean;
  readonly log: BrokerLog;
}

const PATIENCE = { api: 'fast', worker: 'patient' } as const satisfies Record<string, Patience>;

/** What every process of ours has in Redis, api and worker alike: connections, ledger, queues, a channel, a sweeper. */
export class BrokerMember {
  /** Of this process: its channel, and what it calls itself in leases, heartbeats and the ledger. */
  readonly name: string;
  readonly redis: Redis;
  readonly keys: Keys;
  readonly ledger: Ledger;
  readonly queues: Queues;
  readonly channel: ProcessChannel;
  readonly watch: FleetWatch;
  private readonly subscriber: Redis;
  private readonly sweeper: Sweeper;

  constructor(
    role: keyof typeof PATIENCE,
    private readonly options: BrokerOptions,
  ) {
    const { redis: server, log } = options;
    const redis = connect(server.url, PATIENCE[role], log);
    const keys = new Keys(server.prefix, server.shards);
    this.name = processName(role);
    this.redis = redis;
    this.keys = keys;
    this.ledger = new Ledger(redis, keys);
    this.queues = new Queues(redis, keys, (error) => log.warn({ reason: error.message }, 'queue error'));
    this.subscriber = connect(server.url, 'patient', log);
    this.channel = new ProcessChannel(this.subscriber, `${keys.channels}${this.name}`);
    this.watch = new FleetWatch(redis, keys);
    const { name, ledger, queues, watch: fleet } = this;
    this.sweeper = new Sweeper({ redis, keys, ledger, queues, fleet, name, log });
  }

  /**
   * Resolves once Redis answers, the channel is listened to, and the workers have been read once.
   *
   * @throws if Redis does not answer within 10 s, refuses our user, or would lose or evict requests
   */
  async start(): Promise<void> {
    await checkDurability(this.redis, this.options);
    await this.channel.start();
    await this.watch.health.listen(this.subscriber);
    await this.watch.start();
    this.sweeper.start();
  }

  async close(): Promise<void> {
    this.watch.stop();
    await this.sweeper.stop();
    await this.queues.close();
    this.subscriber.disconnect();
    this.redis.disconnect();
  }
}
