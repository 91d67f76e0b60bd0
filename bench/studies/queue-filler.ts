import { randomUUID } from 'node:crypto';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { SpillwayError } from '#core/errors.js';
import { Broker } from '#broker/broker.js';
import { Keys, queueName } from '#broker/keys.js';
import { writeScript } from '../contract.js';

/** As in the configuration of the target. */
const PROVIDER = 'bench';
const PREFIX = 'spillway';
const SHARDS = 1;
/** Submits under way at once while a queue is filled. */
const AT_ONCE = 64;
/** No backlog is measured for so long, ms. */
const TIMEOUT_MS = 3_600_000;
/** How long an ended request stays readable, ms: as long as a plain one. */
const KEEP_MS = 60_000;

/**
 * An api's side of a target without its HTTP: submits requests that nobody reads, to a queue whose jobs are held back
 * or let go. The worker's processes stay as they are meanwhile, warm and with nothing to do.
 */
export class QueueFiller {
  private constructor(
    private readonly broker: Broker,
    private readonly redis: Redis,
    private readonly queue: Queue,
  ) {}

  static async connect(url: string): Promise<QueueFiller> {
    const log = { info: ignore, warn: ignore, error: ignore };
    const settings = { url, prefix: PREFIX, shards: SHARDS };
    const broker = new Broker({ redis: settings, allowVolatile: false, log });
    await broker.start();
    const redis = new Redis(url, { maxRetriesPerRequest: null });
    const prefix = new Keys(PREFIX, SHARDS).queuePrefix(PROVIDER);
    const queue = new Queue(queueName(PROVIDER), { connection: redis, prefix });
    return new QueueFiller(broker, redis, queue);
  }

  async hold(): Promise<void> {
    await this.queue.pause();
  }

  async letGo(): Promise<void> {
    await this.queue.resume();
  }

  /** Submits one. How long it took until it was accepted and its job added, ms. */
  async submit(): Promise<number> {
    const id = this.broker.newRequestId();
    const content = writeScript({ id: randomUUID(), events: 20, gapMs: 0, delayMs: 0 });
    const body = { model: 'bench-alias', messages: [{ role: 'user', content }] };
    const from = performance.now();
    const reply = await this.broker.submit({
      ...{ id, application: 'bench', endpoint: 'chat', model: 'bench-alias' },
      ...{ stream: false, includeUsage: false },
      targets: [{ provider: PROVIDER, model: 'bench-model', location: 'cloud' }],
      ...{ timeoutMs: TIMEOUT_MS, maxWaiting: Number.MAX_SAFE_INTEGER, keepMs: KEEP_MS },
      body: Buffer.from(JSON.stringify(body)),
    });
    if (reply.kind !== 'accepted') throw new Error(`a request was not accepted: ${reply.kind}`);
    return performance.now() - from;
  }

  /** Submits so many, many at once. */
  async fill(count: number): Promise<void> {
    let left = count;
    const submitSome = async () => {
      while (left > 0) {
        left -= 1;
        // Redis stops for a moment when it has so much to write anew; a client would try again, too.
        await this.submit().catch((error: unknown) => {
          if (!(error instanceof SpillwayError) || error.code !== 'redis_unavailable') throw error;
          left += 1;
        });
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, submitSome));
  }

  async close(): Promise<void> {
    await this.queue.close();
    this.redis.disconnect();
    await this.broker.close();
  }
}

function ignore(): void {}
