import type { Redis } from 'ioredis';
import type { ProviderAnnouncement } from '#core/fleet.js';
import type { BrokerOptions } from './broker.js';
import { connect } from './connection.js';
import { Consumer, type ConsumerOptions } from './consumer.js';
import { checkDurability } from './durability.js';
import { beat, FleetWatch, markUnusable } from './fleet-watch.js';
import { Keys } from './keys.js';
import { LeaseKeeper } from './lease-keeper.js';
import { Ledger } from './ledger.js';
import { processName } from './process-name.js';
import { ProcessChannel } from './process-channel.js';
import { Queues } from './queues.js';
import { Sweeper } from './sweeper.js';

/** A worker's side of a request's life: takes jobs, keeps leases, announces itself. One per process. */
export class WorkerBroker {
  /** This worker's name, in leases, heartbeats and its channel. */
  readonly name = processName('worker');
  readonly ledger: Ledger;
  readonly queues: Queues;
  readonly leases: LeaseKeeper;
  private readonly redis: Redis;
  private readonly subscriber: Redis;
  /** Of the leases alone: a renewal must not wait behind megabytes of frames. */
  private readonly leaseRedis: Redis;
  private readonly keys: Keys;
  private readonly channel: ProcessChannel;
  private readonly watch: FleetWatch;
  private readonly sweeper: Sweeper;
  private readonly consumers: Consumer[] = [];
  private readonly startedAt = Date.now();

  constructor(private readonly options: BrokerOptions) {
    const { redis, log } = options;
    this.redis = connect(redis.url, 'patient', log);
    this.subscriber = connect(redis.url, 'patient', log);
    this.leaseRedis = connect(redis.url, 'patient', log);
    this.keys = new Keys(redis.prefix, redis.shards);
    this.ledger = new Ledger(this.redis, this.keys);
    this.queues = new Queues(this.redis, this.keys, (error) =>
      log.warn({ reason: error.message }, 'queue error'),
    );
    this.channel = new ProcessChannel(this.subscriber, `${this.keys.channels}${this.name}`);
    this.leases = new LeaseKeeper(new Ledger(this.leaseRedis, this.keys), this.channel);
    this.watch = new FleetWatch(this.redis, this.keys);
    const { name, keys, ledger, queues } = this;
    this.sweeper = new Sweeper({ redis: this.redis, keys, ledger, queues, fleet: this.watch, name, log });
  }

  /**
   * Resolves once Redis answers and this worker listens.
   *
   * @throws if Redis does not answer within 10 s, or would lose or evict requests
   */
  async start(): Promise<void> {
    await checkDurability(this.redis, this.options);
    await this.channel.start();
    await this.watch.start();
    this.leases.start();
    this.sweeper.start();
  }

  /** Starts to take the provider's jobs. `concurrency` holds over all its workers, `workerConcurrency` in this one. */
  async consume(
    provider: string,
    options: Pick<ConsumerOptions, 'workerConcurrency' | 'process'> & { readonly concurrency: number },
  ): Promise<Consumer> {
    await this.queues.setConcurrency(provider, options.concurrency);
    const { keys, redis: connection } = this;
    const { workerConcurrency, process } = options;
    const consumer = new Consumer({
      provider,
      workerConcurrency,
      process,
      connection,
      keys,
      log: this.options.log,
    });
    this.consumers.push(consumer);
    consumer.start();
    return consumer;
  }

  /** Writes a heartbeat that announces these providers. */
  async beat(providers: readonly ProviderAnnouncement[]): Promise<void> {
    const { name, startedAt } = this;
    await beat(this.redis, this.keys, { v: 1, worker: name, pid: process.pid, startedAt, providers });
  }

  /** Remembers for a minute, for all processes, that the provider does not have this model. */
  async markUnusable(provider: string, model: string): Promise<void> {
    await markUnusable(this.redis, this.keys, provider, model);
  }

  /** Lets runs finish for at most `drainMs`, hands the others back, then closes queues, subscriber and connection. */
  async close(drainMs: number): Promise<void> {
    await Promise.all(this.consumers.map((consumer) => consumer.drain(drainMs)));
    this.leases.stop();
    this.watch.stop();
    await this.sweeper.stop();
    await this.queues.close();
    this.subscriber.disconnect();
    this.leaseRedis.disconnect();
    this.redis.disconnect();
  }
}
