import type { Redis } from 'ioredis';
import type { Endpoint } from '#core/endpoint.js';
import { shardOf } from '#core/ids.js';
import type { DeadLetter } from '#core/ledger/transitions.js';
import type { Target } from '#core/target.js';
import { connect, type BrokerLog } from './connection.js';
import { Keys } from './keys.js';
import { Ledger } from './ledger.js';
import { readEndpoint } from './ledger-replies.js';
import { newRequestId, randomShard } from './new-request-id.js';
import { Queues } from './queues.js';
import { within } from './within.js';

const CLOSE_MS = 1_000;

/** A dead letter, and whether it can be tried again. */
export interface ListedLetter extends DeadLetter {
  /** How long ago it was given up, ms. */
  readonly agoMs: number;
  /**
   * - `yes`: its body is there
   * - `not_kept`: a plain request, whose body is deleted when it ends
   * - `gone`: it was kept, and the time is over, or its client removed it
   */
  readonly retry: 'yes' | 'not_kept' | 'gone';
}

export type RetryReply =
  /** It is in its first target's queue, as a request of its own. */
  | { readonly kind: 'submitted'; readonly request: string }
  /** There is no dead letter of this id. */
  | { readonly kind: 'unknown' }
  | { readonly kind: 'not_kept' }
  | { readonly kind: 'gone' }
  /** Its first target's provider has this many waiting, and takes no more. */
  | { readonly kind: 'queue_full'; readonly provider: string; readonly waiting: number };

/** What of an ended request's record makes a new one. */
interface Plan {
  readonly application: string | null;
  readonly endpoint: Endpoint;
  readonly model: string;
  readonly stream: boolean;
  readonly includeUsage: boolean;
  readonly targets: readonly Target[];
  readonly timeoutMs: number;
  readonly keepMs: number;
}

/** Requests that were given up because each start of one attempt lost its worker: for the operator. */
export class DeadLetters {
  private readonly redis: Redis;
  private readonly keys: Keys;
  private readonly ledger: Ledger;
  private readonly queues: Queues;

  constructor(
    { url, prefix, shards }: { readonly url: string; readonly prefix: string; readonly shards: number },
    log: BrokerLog,
  ) {
    this.redis = connect(url, 'patient', log);
    this.keys = new Keys(prefix, shards);
    this.ledger = new Ledger(this.redis, this.keys);
    this.queues = new Queues(this.redis, this.keys, (error) => log.warn({ reason: error.message }, 'queue'));
  }

  /** All that the ledger remembers, the latest first. */
  async list(): Promise<ListedLetter[]> {
    const shards = Array.from({ length: this.keys.shards }, (_, shard) => this.ledger.deadLetters(shard));
    const letters = (await Promise.all(shards)).flat().toSorted((a, b) => b.at - a.at);
    const [seconds] = await this.redis.time();
    const now = Number(seconds) * 1_000;
    return Promise.all(
      letters.map(async (letter) => ({
        ...letter,
        agoMs: Math.max(0, now - letter.at),
        retry: letter.kept ? ((await this.hasBody(letter.request)) ? 'yes' : 'gone') : 'not_kept',
      })),
    );
  }

  /**
   * Submits a dead letter that was kept as a new request, with the same plan, body, time to its deadline and time to be
   * kept, for the same application. It is then no longer listed.
   *
   * @param maxWaiting cap on what waits for a provider (`queue.maxWaiting`)
   */
  async retry(request: string, maxWaiting: number): Promise<RetryReply> {
    const shard = shardOf(request);
    if (shard === undefined || shard >= this.keys.shards) return { kind: 'unknown' };
    const letter = (await this.ledger.deadLetters(shard)).find((each) => each.request === request);
    if (!letter) return { kind: 'unknown' };
    if (!letter.kept) return { kind: 'not_kept' };
    const [plan, body] = await Promise.all([this.readPlan(request), this.ledger.body(request)]);
    const provider = plan?.targets[0]?.provider;
    if (!plan || !body || provider === undefined) return { kind: 'gone' };
    const id = newRequestId(randomShard(this.keys.shards));
    // Nobody reads it yet: whoever is told the new id will.
    const reply = await this.ledger.accept({ ...plan, id, body, maxWaiting, replica: '' });
    if (reply.kind === 'queue_full') return { kind: 'queue_full', provider, waiting: reply.waiting };
    await this.queues.add(id, { attempt: 1, placement: 1, target: 0, provider, delayMs: 0 });
    await this.forget(shard, request);
    return { kind: 'submitted', request: id };
  }

  async close(): Promise<void> {
    // Without Redis a queue may wait for it to be closed.
    await within(CLOSE_MS, this.queues.close()).catch(() => undefined);
    this.redis.disconnect();
  }

  private async hasBody(request: string): Promise<boolean> {
    return (await this.redis.exists(this.keys.body(request))) === 1;
  }

  private async readPlan(request: string): Promise<Plan | undefined> {
    const record = await this.redis.hgetall(this.keys.record(request));
    const {
      application,
      endpoint,
      model,
      stream,
      include_usage: includeUsage,
      targets,
      timeout,
      keep,
    } = record;
    if (model === undefined || targets === undefined || keep === undefined) return undefined;
    return {
      application: application === undefined || application === '' ? null : application,
      endpoint: readEndpoint(endpoint ?? ''),
      model,
      stream: stream === '1',
      includeUsage: includeUsage === '1',
      targets: JSON.parse(targets) as Target[],
      timeoutMs: Number(timeout),
      keepMs: Number(keep),
    };
  }

  private async forget(shard: number, request: string): Promise<void> {
    const { dead } = this.keys.shard(shard);
    const rows = await this.redis.xrange(dead, '-', '+');
    const ids = rows.filter(([, fields]) => fields.includes(request)).map(([id]) => id);
    if (ids.length > 0) await this.redis.xdel(dead, ...ids);
  }
}

/** How many there are, over all shards. */
export async function countDeadLetters(redis: Redis, keys: Keys): Promise<number> {
  const counts = await Promise.all(
    Array.from({ length: keys.shards }, (_, shard) => redis.xlen(keys.shard(shard).dead)),
  );
  return counts.reduce((sum, each) => sum + each, 0);
}
