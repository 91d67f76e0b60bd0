import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import { ulid } from 'ulid';
import { SpillwayError } from '#core/errors.js';
import type { Fleet } from '#core/fleet.js';
import { requestId } from '#core/ids.js';
import type { AcceptReply, NewRequest } from '#core/ledger/transitions.js';
import { connect, type BrokerLog } from './connection.js';
import { readDepths, type Depth } from './depths.js';
import { checkDurability } from './durability.js';
import { FleetWatch } from './fleet-watch.js';
import { FrameHub } from './frame-hub.js';
import type { FrameReader } from './frame-reader.js';
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

const CANCEL_AGAIN_MS = 500;

/** The api's side of a request's life: takes requests in, hands their frames out, cancels them. One per process. */
export class Broker {
  /** This replica's name: its channel, and what it calls itself in the ledger. */
  readonly name = processName('api');
  private readonly redis: Redis;
  private readonly subscriber: Redis;
  private readonly keys: Keys;
  private readonly ledger: Ledger;
  private readonly queues: Queues;
  private readonly channel: ProcessChannel;
  private readonly hub: FrameHub;
  private readonly watch: FleetWatch;
  private readonly sweeper: Sweeper;
  /** Ids whose cancel Redis has not answered yet. */
  private readonly uncancelled = new Set<string>();
  private cancelTimer: NodeJS.Timeout | undefined;

  constructor(private readonly options: BrokerOptions) {
    const { redis, log } = options;
    this.redis = connect(redis.url, 'fast', log);
    this.subscriber = connect(redis.url, 'patient', log);
    this.keys = new Keys(redis.prefix, redis.shards);
    this.ledger = new Ledger(this.redis, this.keys);
    this.queues = new Queues(this.redis, this.keys, (error) =>
      log.warn({ reason: error.message }, 'queue error'),
    );
    this.channel = new ProcessChannel(this.subscriber, `${this.keys.channels}${this.name}`);
    this.hub = new FrameHub(this.ledger, this.channel);
    this.watch = new FleetWatch(this.redis, this.keys);
    const { name, keys, ledger, queues } = this;
    this.sweeper = new Sweeper({ redis: this.redis, keys, ledger, queues, fleet: this.watch, name, log });
  }

  /**
   * Resolves once Redis answers and this replica listens.
   *
   * @throws if Redis does not answer within 10 s, or would lose or evict requests
   */
  async start(): Promise<void> {
    await checkDurability(this.redis, this.options);
    await this.channel.start();
    await this.watch.start();
    this.hub.start();
    this.sweeper.start();
    this.cancelTimer = setInterval(() => void this.cancelAgain(), CANCEL_AGAIN_MS);
  }

  /** Stops listening and closes the connections. Requests under way go on without this replica. */
  async close(): Promise<void> {
    clearInterval(this.cancelTimer);
    this.hub.stop();
    this.watch.stop();
    await this.sweeper.stop();
    await this.cancelAgain();
    await this.queues.close();
    this.subscriber.disconnect();
    this.redis.disconnect();
  }

  /** A new id, on a shard chosen evenly. */
  newRequestId(): string {
    const id = ulid();
    return requestId(randomBytes(2).readUInt16BE() % this.keys.shards, id);
  }

  /**
   * Accepts a request and puts it on its first target's queue.
   *
   * @throws {SpillwayError} `redis_unavailable`: not accepted, or cancelled as soon as Redis answers again
   */
  async submit(request: Omit<NewRequest, 'replica'>): Promise<AcceptReply> {
    const { id, targets } = request;
    // What is not sent cannot have been accepted: nothing to cancel, for each of these, when Redis is back.
    if (this.redis.status !== 'ready') throw new SpillwayError('redis_unavailable');
    const reply = await this.ledger.accept({ ...request, replica: this.name }).catch((error: unknown) => {
      // It may have been accepted all the same.
      void this.cancel(id);
      throw new SpillwayError('redis_unavailable', {}, { cause: error });
    });
    if (reply.kind === 'queue_full') return reply;
    if (!this.hub.expect(id)) {
      // Its client left meanwhile: without a job no worker can begin a call before the cancel.
      await this.cancel(id);
      return reply;
    }
    const provider = targets[0]?.provider ?? '';
    await this.queues.add(id, { attempt: 1, placement: 1, target: 0, provider }).catch((error: unknown) => {
      // Accepted all the same: the sweeper finds that its job is missing.
      this.options.log.warn(
        { request: id, reason: String(error) },
        'could not add the job; the sweeper will',
      );
    });
    return reply;
  }

  /** Opens a reader of the request's frames; do so before `submit`, and close it in the end. */
  open(id: string): FrameReader {
    return this.hub.open(id);
  }

  /** Ends a request for its client's sake. Never rejects: while Redis is away it is tried again until it answers. */
  async cancel(id: string): Promise<void> {
    this.uncancelled.add(id);
    await this.ledger.cancel(id).then(
      () => this.uncancelled.delete(id),
      () => undefined,
    );
  }

  /** The live workers and what they offer, as of the last second. */
  fleet(): Fleet {
    return this.watch.current();
  }

  /** Does Redis answer? */
  async isReady(): Promise<boolean> {
    return this.redis.ping().then(
      () => true,
      () => false,
    );
  }

  /** Attempts waiting, by provider. */
  async depths(): Promise<readonly Depth[]> {
    return readDepths(this.redis, this.keys);
  }

  private async cancelAgain(): Promise<void> {
    await Promise.all([...this.uncancelled].map((id) => this.cancel(id)));
  }
}
