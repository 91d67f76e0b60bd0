import type { Fleet } from '#core/fleet.js';
import type {
  AcceptReply,
  Idempotency,
  LogEntry,
  NewRequest,
  RequestState,
} from '#core/ledger/transitions.js';
import { AcceptGate } from './accept-gate.js';
import { BrokerMember, type BrokerOptions } from './broker-member.js';
import { countDeadLetters } from './dead-letters.js';
import { readDepths, type Depth } from './depths.js';
import { FrameHub, toStatus } from './frame-hub.js';
import type { FrameReader } from './frame-reader.js';
import { newRequestId, randomShard } from './new-request-id.js';

/** Hexadecimal digits of a hash that choose a shard: more than any number of shards needs. */
const SHARD_DIGITS = 8;

/** A request that this process reads without having accepted it. */
export interface Joined {
  readonly reader: FrameReader;
  readonly state: RequestState;
}

/** The api's side of a request's life: takes requests in, hands their frames out, cancels them. One per process. */
export class Broker {
  private readonly member: BrokerMember;
  private readonly hub: FrameHub;
  private readonly gate: AcceptGate;

  constructor(private readonly options: BrokerOptions) {
    this.member = new BrokerMember('api', options);
    const { redis, ledger } = this.member;
    this.hub = new FrameHub(this.member.ledger, this.member.channel);
    const isRead = (id: string) => this.hub.expect(id);
    this.gate = new AcceptGate({ url: options.redis.url, redis, ledger, isRead, log: options.log });
  }

  /**
   * Resolves once Redis answers and this replica listens.
   *
   * @throws if Redis does not answer within 10 s, refuses our user, or would lose or evict requests
   */
  async start(): Promise<void> {
    await this.member.start();
    this.hub.start();
    await this.gate.start();
  }

  /** Stops listening and closes the connections. Requests under way go on without this replica. */
  async close(): Promise<void> {
    this.hub.stop();
    await this.gate.stop();
    await this.member.close();
  }

  /** A new id, on a shard chosen evenly, or by a hash (hexadecimal): equal hashes meet on one shard. */
  newRequestId(hash?: string): string {
    const { shards } = this.member.keys;
    return newRequestId(
      hash === undefined ? randomShard(shards) : parseInt(hash.slice(0, SHARD_DIGITS), 16) % shards,
    );
  }

  /**
   * Accepts a request and puts it on its first target's queue.
   *
   * @throws {SpillwayError} `redis_unavailable`, in 300 ms: not accepted, or cancelled as soon as Redis answers again
   */
  async submit(request: Omit<NewRequest, 'replica'>): Promise<AcceptReply> {
    const { id, targets } = request;
    const { ledger, name: replica } = this.member;
    const reply = await this.gate.pass(request, () => ledger.accept({ ...request, replica }));
    if (reply.kind !== 'accepted') return reply;
    if (!this.hub.expect(id) && request.keepMs === undefined) {
      // Its client left meanwhile: without a job no worker can begin a call before the cancel.
      await this.cancel(id);
      return reply;
    }
    const provider = targets[0]?.provider ?? '';
    await this.member.queues
      .add(id, { attempt: 1, placement: 1, target: 0, provider, delayMs: request.delayMs ?? 0 })
      .catch((error: unknown) => {
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

  /**
   * Opens a reader of a request that is there already; it starts where `startAfter` says. Close it in the end.
   * Undefined: it is unknown.
   *
   * @throws {SpillwayError} `redis_unavailable`
   */
  async join(id: string): Promise<Joined | undefined> {
    const reader = this.hub.open(id);
    try {
      const state = await this.gate.ask(() => this.member.ledger.join(id, this.member.name));
      if (state) {
        this.hub.expect(id);
        reader.status = toStatus(state);
        return { reader, state };
      }
    } catch (error) {
      reader.close();
      throw error;
    }
    reader.close();
    return undefined;
  }

  /**
   * The request that has the idempotency key of this call, whatever became of it.
   *
   * @throws {SpillwayError} `redis_unavailable`
   */
  async holder(id: string, idempotency: Idempotency): Promise<string | undefined> {
    return this.gate.ask(() => this.member.ledger.holder(id, idempotency));
  }

  /**
   * Where a request stands. Undefined: it is unknown.
   *
   * @throws {SpillwayError} `redis_unavailable`
   */
  async describe(id: string): Promise<RequestState | undefined> {
    return this.gate.ask(() => this.member.ledger.describe(id));
  }

  /**
   * The entries of a request's log after a log id, at most `count`.
   *
   * @throws {SpillwayError} `redis_unavailable`
   */
  async read(id: string, cursor: string, count: number): Promise<LogEntry[]> {
    return this.gate.ask(() => this.member.ledger.read(id, cursor, count));
  }

  /**
   * Cancels a request if it still runs, and forgets its body, its answer and its idempotency key.
   *
   * @throws {SpillwayError} `redis_unavailable`
   */
  async remove(id: string): Promise<void> {
    await this.gate.ask(() => this.member.ledger.remove(id));
  }

  /** Ends a request for its client's sake. Never rejects: while Redis is away it is tried again until it answers. */
  async cancel(id: string): Promise<void> {
    await this.gate.cancel(id);
  }

  /** The live workers and what they offer, as of the last second. */
  fleet(): Fleet {
    return this.member.watch.current();
  }

  /** Does Redis answer? */
  isReady(): boolean {
    return this.gate.isAlive;
  }

  /** Attempts waiting, by provider. */
  async depths(): Promise<readonly Depth[]> {
    return readDepths(this.member.redis, this.member.keys);
  }

  /** How many dead letters there are. */
  async deadLetters(): Promise<number> {
    return countDeadLetters(this.member.redis, this.member.keys);
  }
}
