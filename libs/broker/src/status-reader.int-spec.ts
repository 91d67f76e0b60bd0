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
