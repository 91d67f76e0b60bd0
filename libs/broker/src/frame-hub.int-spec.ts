import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { monotonicFactory } from 'ulid';
import { requestId } from '#core/ids.js';
import { startRedis, type TestRedis } from '../../../test/support/redis.js';
import { FrameHub } from './frame-hub.js';
import type { FrameReader } from './frame-reader.js';
import { ProcessChannel } from './process-channel.js';
import { Parts, whenReadyAgain } from './testing/parts.js';

/** Requests of one millisecond are queued in the order of their ids: here in that of their making. */
const ulid = monotonicFactory();

describe('FrameHub', () => {
  let server: TestRedis;
  let parts: Parts;
  let subscriber: Redis;
  let hub: FrameHub;

  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());

  beforeEach(async () => {
    await server.flush();
    parts = new Parts(server.url);
    subscriber = new Redis(server.url, { maxRetriesPerRequest: null, retryStrategy: () => 20 });
    const channel = new ProcessChannel(subscriber, `${parts.keys.channels}api-1`);
    await channel.start();
    hub = new FrameHub(parts.ledger, channel);
  });
  afterEach(async () => {
    hub.stop();
    subscriber.disconnect();
    await parts.close();
  });

  async function open(
    replica = 'api-1',
  ): Promise<{ id: string; reader: FrameReader; texts: Promise<string[]> }> {
    const id = requestId(0, ulid());
    const reader = hub.open(id);
    await parts.accept({ id, replica });
    hub.expect(id);
    return { id, reader, texts: dataOf(reader) };
  }

  async function answer(id: string, count: number): Promise<void> {
    const { epoch } = await parts.claim(id);
    for (let seq = 1; seq <= count; seq++) {
      await parts.ledger.append({ request: id, epoch, seq, bytes: Buffer.from(`${id} ${seq}`) });
    }
    await parts.ledger.seal({ request: id, guard: { kind: 'epoch', epoch }, outcome: { kind: 'completed' } });
  }

  const expected = (id: string, count: number) => Array.from({ length: count }, (_, i) => `${id} ${i + 1}`);

  it('delivers each of many requests its own frames, in order', async () => {
    const all = await Promise.all(Array.from({ length: 20 }, () => open()));
    await Promise.all(all.map(({ id }) => answer(id, 10)));
    for (const { id, texts } of all) expect(await texts).toEqual(expected(id, 10));
  });

  it('delivers everything when no message ever arrives', async () => {
    const { id, texts } = await open('some-other-replica');
    await answer(id, 40);
    await hub.attend();
    expect(await texts).toEqual(expected(id, 40));
  });

  it('delivers everything over a subscription that is killed again and again', async () => {
    const { id, texts } = await open();
    const { epoch } = await parts.claim(id);
    for (let seq = 1; seq <= 30; seq++) {
      if (seq % 5 === 0) await parts.redis.call('CLIENT', ['KILL', 'TYPE', 'pubsub']);
      await parts.ledger.append({ request: id, epoch, seq, bytes: Buffer.from(`${id} ${seq}`) });
    }
    await parts.ledger.seal({ request: id, guard: { kind: 'epoch', epoch }, outcome: { kind: 'completed' } });
    await hub.attend();
    expect(await texts).toEqual(expected(id, 30));
    if (subscriber.status !== 'ready') await whenReadyAgain(subscriber);
  });

  it('delivers a frame that is too large to publish', async () => {
    const { id, texts } = await open();
    const { epoch } = await parts.claim(id);
    const big = Buffer.alloc(5 * 1024 * 1024, 'x');
    const guard = { kind: 'epoch', epoch } as const;
    await parts.ledger.seal({
      request: id,
      guard,
      outcome: { kind: 'completed' },
      last: { seq: 1, bytes: big },
    });
    const [text] = await texts;
    expect(text?.length).toBe(big.length);
  });

  it('delivers the whole request to each of its readers, also to one that comes late', async () => {
    const { id, reader, texts } = await open();
    const { epoch } = await parts.claim(id);
    const append = (seq: number) =>
      parts.ledger.append({ request: id, epoch, seq, bytes: Buffer.from(`${id} ${seq}`) });
    await append(1);
    await append(2);
    const [late, gone] = [hub.open(id), hub.open(id)];
    for (const each of [late, gone]) each.startAfter('0-0');
    const all = dataOf(late);
    expect(hub.expect(id)).toBe(true);
    gone.close();
    await append(3);
    await parts.ledger.seal({ request: id, guard: { kind: 'epoch', epoch }, outcome: { kind: 'completed' } });
    expect(await texts).toEqual(expected(id, 3));
    expect(await all).toEqual(expected(id, 3));
    reader.close();
    expect(hub.expect(id)).toBe(true);
    late.close();
    expect(hub.expect(id)).toBe(false);
  });

  it('fails every reader of a request that the ledger has lost', async () => {
    const { id, texts } = await open();
    const late = hub.open(id);
    const all = dataOf(late);
    hub.expect(id);
    await server.flush();
    const failed = [texts, all].map((each) => expect(each).rejects.toMatchObject({ code: 'internal_error' }));
    await hub.attend();
    await Promise.all(failed);
  });

  it('shows where a request stands in its queue', async () => {
    const first = await open();
    const second = await open();
    await hub.attend();
    expect(first.reader.status).toMatchObject({ state: 'waiting', position: 1 });
    expect(second.reader.status).toMatchObject({ state: 'waiting', position: 2 });
    await parts.claim(first.id);
    await hub.attend();
    expect(first.reader.status).toEqual({ state: 'running' });
    expect(second.reader.status).toMatchObject({ state: 'waiting', position: 1 });
    for (const { reader } of [first, second]) reader.close();
  });

  it('keeps a request from being orphaned for as long as it is read', async () => {
    const { id, reader } = await open();
    await parts.redis.zadd(parts.keys.shard(0).orphans, 1, id);
    await hub.attend();
    expect(Number(await parts.redis.zscore(parts.keys.shard(0).orphans, id))).toBeGreaterThan(1);
    reader.close();
    await parts.redis.zadd(parts.keys.shard(0).orphans, 1, id);
    await hub.attend();
    expect(await parts.redis.zscore(parts.keys.shard(0).orphans, id)).toBe('1');
  });

  it('ends a reader with a typed error when the ledger has lost its request', async () => {
    const { texts } = await open();
    await server.flush();
    const failed = expect(texts).rejects.toMatchObject({ code: 'internal_error' });
    await hub.attend();
    await failed;
  });
});

async function dataOf(reader: FrameReader): Promise<string[]> {
  const texts: string[] = [];
  for await (const { type, bytes } of reader) if (type === 'data') texts.push(bytes.toString());
  return texts;
}
