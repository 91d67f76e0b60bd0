import { describe, expect, it } from '@jest/globals';
import { runRedisBlackHole } from './redis-black-hole.js';
import { runRedisRestarts } from './redis-restarts.js';
import { runRedisSubscriptions } from './redis-subscriptions.js';

/** The short forms of what `npm run chaos` measures; their failures say what did not hold. */
const TEST_MS = 120_000;

describe('Redis outages under load', () => {
  it(
    'loses nothing over restarts, and answers soon after each',
    async () => {
      const { figures, failures } = await runRedisRestarts(1, 10);
      expect(failures).toEqual([]);
      expect(figures).toMatchObject({ restarts: 10, lost: 0, firstSuccessMs: { count: 10 } });
    },
    TEST_MS,
  );

  it(
    'loses no frame over cut subscriptions',
    async () => {
      const { figures, failures } = await runRedisSubscriptions(1, 60, 20);
      expect(failures).toEqual([]);
      expect(Number(figures['cuts'])).toBeGreaterThanOrEqual(60);
      expect(Number(figures['answered'])).toBeGreaterThanOrEqual(20);
    },
    TEST_MS,
  );

  it(
    'leaves a black hole by new connections, where the old ones stay dead',
    async () => {
      // Longer than the longest silence after which a connection is given up.
      const { figures, failures } = await runRedisBlackHole(9_000, 'lost');
      expect(failures).toEqual([]);
      expect(Number(figures['reconnects'])).toBeGreaterThan(4);
    },
    TEST_MS,
  );
});
