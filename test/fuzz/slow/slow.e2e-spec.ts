import { describe, expect, it } from '@jest/globals';
import { startFuzzScene } from '../scene.js';
import { runSlow } from './run-slow.js';

const SOCKETS = 1_000;
/** Each takes megabytes of the kernel before it is slow: fewer of them, or the test would be about that. */
const READERS = 100;
const TIMEOUTS = { headersTimeoutMs: 4_000, requestTimeoutMs: 8_000, stallTimeoutMs: 10_000 };
/** How much later than its time the last of them may be closed, on a machine that has other things to do, ms. */
const GRACE_MS = 8_000;
/** What they may cost the api, MiB. */
const GROWTH_MIB = 200;
const TEST_MS = 120_000;

describe('a thousand slow clients', () => {
  it(
    'are closed within their timeouts, cost the api little, and leave a healthy one its answers',
    async () => {
      const scene = await startFuzzScene(TIMEOUTS);
      try {
        const report = await runSlow(scene, {
          sockets: SOCKETS,
          readers: READERS,
          settle: false,
          dripMs: 1_000,
          measureMs: 3_000,
        });
        const { headers, body } = report.closed;
        expect(headers.told + body.told).toBe(SOCKETS - READERS);
        expect(headers.lastAfterMs).toBeLessThan(TIMEOUTS.headersTimeoutMs + GRACE_MS);
        expect(body.lastAfterMs).toBeLessThan(TIMEOUTS.requestTimeoutMs + GRACE_MS);
        // The readers are among these: they do not learn of their end themselves.
        expect(report.left).toBe(0);
        expect(report.beside).toMatchObject({ wrong: 0 });
        expect(report.beside.answers).toBeGreaterThan(0);
        expect(report.memoryMiB.most - report.memoryMiB.before).toBeLessThan(GROWTH_MIB);
        expect(scene.complaints()).toEqual([]);
      } finally {
        await scene.stop();
      }
    },
    TEST_MS,
  );
});
