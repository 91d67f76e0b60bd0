import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { MAX_STARTS } from '#core/ledger/transitions.js';
import { startRedis, type TestRedis } from '../../../test/support/redis.js';
import { DeadLetters } from './dead-letters.js';
import { cloud, local, Parts, silentLog } from './testing/parts.js';

const KEPT = {
  ...{
    application: 'web',
    endpoint: 'chat' as const,
    model: 'public',
    stream: false,
    includeUsage: true,
    keepMs: 600_000,
  },
  ...{ targets: [local, cloud], timeoutMs: 12_000, body: Buffer.from('{"messages":["é"]}') },
};

describe('DeadLetters', () => {
  let server: TestRedis;
  let parts: Parts;
  let letters: DeadLetters;

  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    await server.flush();
    parts = new Parts(server.url);
    letters = new DeadLetters({ url: server.url, prefix: 'test', shards: 1 }, silentLog);
  });
  afterEach(async () => {
    await letters.close();
    await parts.close();
  });

  /** Accepts a request and loses the worker of each of its starts. */
  async function kill(over: object = {}): Promise<string> {
    const id = await parts.accept(over);
    for (let start = 0; start < MAX_STARTS; start++) {
      await parts.claim(id);
      await parts.redis.zadd(parts.keys.shard(0).leases, 0, id);
    }
    const last = await parts.ledger.claim({ request: id, attempt: 1, token: 'x', worker: 'w' });
    expect(last.kind).toBe('done');
    return id;
  }

  it('lists what was given up, the latest first, and whether it can be tried again', async () => {
    expect(await letters.list()).toEqual([]);
    const plain = await kill();
    const gone = await kill(KEPT);
    const kept = await kill(KEPT);
    await parts.redis.del(parts.keys.body(gone));
    const listed = await letters.list();
    expect(new Set(listed.map(({ request, retry }) => `${request} ${retry}`))).toEqual(
      new Set([`${kept} yes`, `${gone} gone`, `${plain} not_kept`]),
    );
    expect(listed.find(({ request }) => request === kept)).toMatchObject({
      ...{ application: 'web', model: 'public', provider: local.provider, attempt: 1, starts: MAX_STARTS },
    });
    for (const { agoMs } of listed) expect(agoMs).toBeLessThan(10_000);
  });

  it('submits a kept one as a new request with all that the old one had, once', async () => {
    const old = await kill(KEPT);
    const reply = await letters.retry(old, 10);
    if (reply.kind !== 'submitted') throw new Error(reply.kind);
    expect(reply.request).not.toBe(old);
    const { application, model, stream, includeUsage, keepMs, targets, timeoutMs, body } = KEPT;
    expect(await parts.queues.has(reply.request, { ...placed, provider: local.provider })).toBe(true);
    expect(await parts.ledger.describe(reply.request)).toMatchObject({ application, model, stream, keepMs });
    const run = await parts.claim(reply.request);
    expect(run).toMatchObject({ application, model, stream, includeUsage, targets, timeoutMs, start: 1 });
    expect(run.body.toString()).toBe(body.toString());
    expect(await letters.list()).toEqual([]);
    expect(await letters.retry(old, 10)).toEqual({ kind: 'unknown' });
  });

  it('refuses what cannot be tried again, and says why', async () => {
    expect(await letters.retry('req_0_01ARZ3NDEKTSV4RRFFQ69G5FAV', 10)).toEqual({ kind: 'unknown' });
    expect(await letters.retry('req_7_01ARZ3NDEKTSV4RRFFQ69G5FAV', 10)).toEqual({ kind: 'unknown' });
    expect(await letters.retry('nonsense', 10)).toEqual({ kind: 'unknown' });
    expect(await letters.retry(await kill(), 10)).toEqual({ kind: 'not_kept' });
    const gone = await kill(KEPT);
    await parts.redis.del(parts.keys.body(gone));
    expect(await letters.retry(gone, 10)).toEqual({ kind: 'gone' });
    const full = await kill(KEPT);
    expect(await letters.retry(full, 0)).toEqual({
      kind: 'queue_full',
      provider: local.provider,
      waiting: 0,
    });
    expect((await letters.list()).map(({ request }) => request)).toContain(full);
  });
});

const placed = { attempt: 1, placement: 1, target: 0, delayMs: 0 };
