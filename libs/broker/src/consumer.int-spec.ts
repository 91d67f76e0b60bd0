import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { eventually } from '../../../test/support/client.js';
import { startRedis, type TestRedis } from '../../../test/support/redis.js';
import { Consumer, type JobControl } from './consumer.js';
import type { InferenceJob } from './keys.js';
import { Parts, silentLog, whenReadyAgain } from './testing/parts.js';

const provider = 'gpu-box';
const job = (placement = 1) => ({ attempt: 1, placement, target: 0, provider, delayMs: 0 });
const request = (n: number) => `req_0_${String(n).padStart(26, '0')}`;

/** Jobs in hand, each ended by the test. */
class Hand {
  readonly taken: InferenceJob[] = [];
  /** Of aborted signals. */
  readonly reasons: unknown[] = [];
  private readonly ends: (() => void)[] = [];
  private readonly letGos: (() => void)[] = [];
  private readonly watchers = new Set<() => void>();

  readonly process = (data: InferenceJob, { signal, letGo }: JobControl): Promise<void> => {
    this.taken.push(data);
    this.letGos.push(letGo);
    for (const watcher of this.watchers) watcher();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ends.push(resolve);
    signal.addEventListener('abort', () => {
      this.reasons.push(signal.reason);
      resolve();
    });
    return promise;
  };

  /** Resolves once `count` jobs were taken. */
  async has(count: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const watcher = () => this.taken.length >= count && resolve();
    this.watchers.add(watcher);
    watcher();
    await promise;
  }

  end(n: number): void {
    this.ends[n]?.();
  }

  letGo(n: number): void {
    this.letGos[n]?.();
  }
}

describe('Consumer', () => {
  let server: TestRedis;
  let parts: Parts;
  let connections: Redis[];
  let consumers: Consumer[];

  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());

  beforeEach(async () => {
    await server.flush();
    parts = new Parts(server.url);
    connections = [];
    consumers = [];
  });
  afterEach(async () => {
    await Promise.all(consumers.map((consumer) => consumer.drain(0)));
    for (const connection of connections) connection.disconnect();
    await parts.close();
  });

  function consume(hand: Hand, workerConcurrency = 4): Consumer {
    const connection = new Redis(server.url, { maxRetriesPerRequest: null });
    connections.push(connection);
    const { keys } = parts;
    const consumer = new Consumer({
      provider,
      workerConcurrency,
      connection,
      keys,
      log: silentLog,
      process: hand.process,
    });
    consumers.push(consumer);
    consumer.start();
    return consumer;
  }

  it('hands over what the job names, and leaves nothing of it behind', async () => {
    const hand = new Hand();
    consume(hand);
    await parts.queues.add(request(1), job());
    await hand.has(1);
    expect(hand.taken).toEqual([{ v: 1, request: request(1), attempt: 1 }]);
    hand.end(0);
    await parts.queues.add(request(2), job());
    await hand.has(2);
    expect(await parts.queues.has(request(1), job())).toBe(false);
  });

  it('takes a placement once, however often it was added', async () => {
    const hand = new Hand();
    for (let i = 0; i < 3; i++) await parts.queues.add(request(1), job());
    await parts.queues.add(request(2), job());
    consume(hand);
    await hand.has(2);
    expect(hand.taken.map((taken) => taken.request)).toEqual([request(1), request(2)]);
  });

  it('keeps to the concurrency of the provider over all its workers', async () => {
    await parts.queues.setConcurrency(provider, 2);
    const hand = new Hand();
    for (let n = 1; n <= 4; n++) await parts.queues.add(request(n), job());
    consume(hand);
    consume(hand);
    await hand.has(2);
    hand.end(0);
    await hand.has(3);
    expect(hand.taken).toHaveLength(3);
  });

  it('takes a job that was let go off its queue, and waits for what it still does', async () => {
    const hand = new Hand();
    const consumer = consume(hand, 1);
    await parts.queues.add(request(1), job());
    await parts.queues.add(request(2), job());
    await hand.has(1);
    hand.letGo(0);
    await hand.has(2);
    expect(await parts.queues.has(request(1), job())).toBe(false);
    hand.end(1);
    let drained = false;
    const draining = consumer.drain(60_000).then(() => (drained = true));
    // The second one is over as far as its queue is concerned as well.
    await eventually(
      async () => ((await parts.queues.has(request(2), job())) ? undefined : true),
      'the second job to go',
    );
    expect(drained).toBe(false);
    hand.end(0);
    expect(await draining).toBe(true);
  });

  it('frees the place of a worker that is gone when its job is forgotten', async () => {
    await parts.queues.setConcurrency(provider, 1);
    const gone = new Hand();
    consume(gone);
    await parts.queues.add(request(1), job());
    await gone.has(1);
    // As a killed worker leaves it: the job active, its lock live.
    await parts.queues.forget(request(1), job());
    const hand = new Hand();
    consume(hand);
    await parts.queues.add(request(1), job(2));
    await Promise.race([hand.has(1), gone.has(2)]);
    expect(hand.taken.length + gone.taken.length).toBe(2);
  });

  it('lets the jobs in hand finish on drain, and takes no other', async () => {
    const hand = new Hand();
    const consumer = consume(hand);
    await parts.queues.add(request(1), job());
    await hand.has(1);
    const drained = consumer.drain(10_000);
    await parts.queues.add(request(2), job());
    hand.end(0);
    await drained;
    expect(hand.taken).toHaveLength(1);
    expect(await parts.queues.has(request(1), job())).toBe(false);
    expect(await parts.queues.has(request(2), job())).toBe(true);
  });

  it('aborts what does not finish in time, and says why', async () => {
    const hand = new Hand();
    const consumer = consume(hand);
    await parts.queues.add(request(1), job());
    await hand.has(1);
    await consumer.drain(0);
    expect(hand.reasons).toEqual(['drain']);
  });

  it('takes first what had its turn already', async () => {
    for (const n of [1, 2]) await parts.queues.add(request(n), job());
    await parts.queues.addFirst(request(3), job());
    const hand = new Hand();
    consume(hand);
    await hand.has(3);
    expect(hand.taken.map((taken) => taken.request)).toEqual([request(3), request(1), request(2)]);
  });

  it('takes jobs again after its connections were cut', async () => {
    const hand = new Hand();
    consume(hand);
    await parts.queues.add(request(1), job());
    await hand.has(1);
    hand.end(0);
    const [connection] = connections;
    await Promise.all([
      connection && whenReadyAgain(connection),
      parts.redis.call('CLIENT', ['KILL', 'TYPE', 'normal', 'SKIPME', 'yes']),
    ]);
    await parts.queues.add(request(2), job());
    await hand.has(2);
    expect(hand.taken[1]?.request).toBe(request(2));
  });
});
