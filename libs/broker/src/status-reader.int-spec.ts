import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { ProviderAnnouncement } from '#core/fleet.js';
import { startRedis, type TestRedis } from '../../../test/support/redis.js';
import { beat } from './fleet-watch.js';
import { StatusReader } from './status-reader.js';
import { cloud, local, Parts, silentLog } from './testing/parts.js';

const gpu: ProviderAnnouncement = {
  name: local.provider,
  kind: 'openai-compatible',
  location: 'local',
  concurrency: 4,
  models: ['llama'],
  credential: 'ok',
};

describe('StatusReader', () => {
  let server: TestRedis;
  let parts: Parts;
  let reader: StatusReader;

  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    await server.flush();
    parts = new Parts(server.url);
    reader = new StatusReader({ url: server.url, prefix: 'test', shards: 1 }, silentLog);
  });
  afterEach(async () => {
    reader.close();
    await parts.close();
  });

  it('has nothing to tell of an empty installation', async () => {
    expect(await reader.read(2_000)).toEqual({ redis: server.url, workers: [], providers: [] });
  });

  it('counts what runs and what waits, with and without a worker', async () => {
    const heartbeat = { v: 1, pid: 7, startedAt: Date.now() - 5_000, providers: [gpu] } as const;
    await beat(parts.redis, parts.keys, { ...heartbeat, worker: 'worker-1' });
    await beat(parts.redis, parts.keys, { ...heartbeat, worker: 'worker-2' });
    await parts.claim(await parts.accept());
    await parts.accept();
    await parts.accept({ targets: [cloud] });
    const { workers, providers } = await reader.read(2_000);
    expect(workers.map(({ name, pid }) => [name, pid])).toEqual([
      ['worker-1', 7],
      ['worker-2', 7],
    ]);
    expect(workers[0]?.upMs).toBeGreaterThanOrEqual(5_000);
    expect(providers).toEqual([
      {
        ...{ name: 'gpu-box', workers: 2, location: 'local', credential: 'ok', reachable: true },
        ...{ models: ['llama'], concurrency: 4, running: 1, waiting: 1 },
        oldestWaitMs: expect.any(Number),
      },
      { name: 'openai', workers: 0, running: 0, waiting: 1, oldestWaitMs: expect.any(Number) },
    ]);
    for (const { oldestWaitMs = -1 } of providers) expect(oldestWaitMs).toBeLessThan(5_000);
  });

  it('tells what is wrong with a provider: its trouble, its breaker, its cool-downs', async () => {
    const trouble = { reason: '503', at: Date.now() - 2_000 };
    const heartbeat = { v: 1, pid: 7, startedAt: Date.now() } as const;
    await beat(parts.redis, parts.keys, { ...heartbeat, worker: 'a', providers: [{ ...gpu, trouble }] });
    await beat(parts.redis, parts.keys, { ...heartbeat, worker: 'b', providers: [gpu] });
    const until = Date.now() + 60_000;
    const open = { v: 1, faults: 5, answeredAt: 0, open: { until, forMs: 60_000 } };
    await parts.redis.hset(parts.keys.health, {
      'gpu-box': JSON.stringify(open),
      'gpu-box/llama': JSON.stringify({ v: 1, until, nextMs: 1_000 }),
      'gpu-box/old': JSON.stringify({ v: 1, until: 1, nextMs: 1_000 }),
    });
    const [provider] = (await reader.read(2_000)).providers;
    expect(provider).toMatchObject({
      trouble: { reason: '503' },
      breaker: { state: 'open' },
      coolDowns: [{ model: 'llama' }],
    });
    expect(provider?.trouble?.agoMs).toBeGreaterThanOrEqual(2_000);
    for (const ms of [provider?.breaker?.nextMs, provider?.coolDowns?.[0]?.leftMs]) {
      expect(ms).toBeGreaterThan(30_000);
      expect(ms).toBeLessThanOrEqual(61_000);
    }
  });

  it('changes nothing', async () => {
    await parts.accept();
    const before = (await parts.redis.keys('*')).toSorted();
    await reader.read(2_000);
    expect((await parts.redis.keys('*')).toSorted()).toEqual(before);
  });

  it('gives up when Redis does not answer', async () => {
    const nobody = new StatusReader({ url: 'redis://127.0.0.1:9', prefix: 'test', shards: 1 }, silentLog);
    await expect(nobody.read(200)).rejects.toThrow('no answer within 200 ms');
    nobody.close();
  });
});
