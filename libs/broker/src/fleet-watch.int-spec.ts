import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
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
  beforeEach(() => {
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
});
