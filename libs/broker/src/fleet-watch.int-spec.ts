import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../../../test/support/client.js';
import { startRedis, type TestRedis } from '../../../test/support/redis.js';
import { beat, FleetWatch, forgetWorkers } from './fleet-watch.js';
import { Parts } from './testing/parts.js';

describe('FleetWatch', () => {
  let server: TestRedis;
  let parts: Parts;

  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    await server.flush();
    parts = new Parts(server.url);
  });
  afterEach(() => parts.close());

  async function announce(name: string): Promise<void> {
    const provider = {
      name,
      kind: 'demo',
      location: 'local',
      concurrency: 1,
      models: [],
      credential: 'ok',
    } as const;
    await beat(parts.redis, parts.keys, {
      v: 1,
      worker: `worker-of-${name}`,
      pid: 1,
      startedAt: 0,
      providers: [provider],
    });
  }

  it('knows nobody of before once the workers were forgotten, and whoever beats again', async () => {
    const fleet = new FleetWatch(parts.redis, parts.keys);
    const known = async () => {
      await fleet.refresh();
      return [...fleet.current().providers.keys()];
    };
    await announce('old');
    expect(await known()).toEqual(['old']);
    await forgetWorkers(parts.redis, parts.keys);
    expect(await known()).toEqual([]);
    await announce('new');
    expect(await known()).toEqual(['new']);
  });

  it('misses nobody whose heartbeat ran out while Redis was away, until they can be back', async () => {
    const { redis, keys } = parts;
    const fleet = new FleetWatch(redis, keys);
    await announce('gpu');
    await fleet.refresh();
    await redis.set(keys.workers, 'no list of workers');
    await fleet.refresh();
    expect(fleet.watchedMs()).toBe(0);
    await forgetWorkers(redis, keys);
    await fleet.refresh();
    expect([...fleet.current().providers.keys()]).toEqual(['gpu']);
    expect(fleet.silentMs('gpu')).toBeLessThan(1_000);
  });

  it('does not count a refresh that Redis leaves without an answer as watching', async () => {
    const { redis, keys } = parts;
    const fleet = new FleetWatch(redis, keys);
    await fleet.start();
    await eventually(() => fleet.watchedMs() > 0 || undefined, 'the first refresh');
    const pausedAt = performance.now();
    await redis.call('CLIENT', ['PAUSE', '4500', 'ALL']);
    await eventually(() => fleet.watchedMs() === 0 || undefined, 'a gap', 4_400);
    expect(performance.now() - pausedAt).toBeGreaterThan(2_500);
    fleet.stop();
    await redis.ping();
  });
});
