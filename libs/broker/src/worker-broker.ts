import type { Redis } from 'ioredis';
import type { Endpoint } from '#core/endpoint.js';
import type { ProviderAnnouncement } from '#core/fleet.js';
import { unusableKey } from '#core/target-key.js';
import type { Target } from '#core/target.js';
import { BrokerMember, type BrokerOptions } from './broker-member.js';
import { connect } from './connection.js';
import { Consumer, type ConsumerOptions } from './consumer.js';
import { beat, markUnusable } from './fleet-watch.js';
import type { HealthStore } from './health-store.js';
import { LeaseKeeper } from './lease-keeper.js';
import { Ledger } from './ledger.js';
import type { Queues } from './queues.js';
import { Turns } from './turns.js';

/** A worker's side of a request's life: takes jobs, keeps leases, announces itself. One per process. */
export class WorkerBroker {
  /** This worker's name, in leases, heartbeats and its channel. */
  readonly name: string;
  readonly ledger: Ledger;
  readonly queues: Queues;
  readonly leases: LeaseKeeper;
  readonly health: HealthStore;
  /** Of decisions on retries: the budget that they read is spent by the one before. */
  readonly retryTurns = new Turns();
  private readonly member: BrokerMember;
  /** Of the leases alone: a renewal must not wait behind megabytes of frames. */
  private readonly leaseRedis: Redis;
  private readonly consumers: Consumer[] = [];
  private readonly startedAt = Date.now();

  constructor(private readonly options: BrokerOptions) {
    const member = new BrokerMember('worker', options);
    this.member = member;
    this.name = member.name;
    this.ledger = member.ledger;
    this.queues = member.queues;
    this.health = member.watch.health;
    this.leaseRedis = connect(options.redis.url, 'patient', options.log);
    this.leases = new LeaseKeeper(new Ledger(this.leaseRedis, member.keys), member.channel);
  }

  /**
   * Resolves once Redis answers and this worker listens.
   *
   * @throws if Redis does not answer within 10 s, refuses our user, or would lose or evict requests
   */
  async start(): Promise<void> {
    await this.member.start();
    this.leases.start();
  }

  /** Starts to take the provider's jobs. `concurrency` holds over all its workers, `workerConcurrency` in this one. */
  async consume(
    provider: string,
    options: Pick<ConsumerOptions, 'workerConcurrency' | 'process'> & { readonly concurrency: number },
  ): Promise<Consumer> {
    await this.queues.setConcurrency(provider, options.concurrency);
    const { keys, redis: connection } = this.member;
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
    await beat(this.member.redis, this.member.keys, {
      v: 1,
      worker: name,
      pid: process.pid,
      startedAt,
      providers,
    });
  }

  /** Remembers for a minute, for all processes, that the provider does not have this model at this endpoint. */
  async markUnusable(target: Target, endpoint: Endpoint): Promise<void> {
    await markUnusable(this.member.redis, this.member.keys, unusableKey(target, endpoint));
  }

  /** Lets runs finish for at most `drainMs`, hands the others back, then closes queues, subscriber and connection. */
  async close(drainMs: number): Promise<void> {
    await Promise.all(this.consumers.map((consumer) => consumer.drain(drainMs)));
    this.leases.stop();
    await this.member.close();
    this.leaseRedis.disconnect();
  }
}
