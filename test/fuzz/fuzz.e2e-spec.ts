import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { allTargets } from './base-requests.js';
import { drawConversation } from './conversation.js';
import { runFuzz } from './run-fuzz.js';
import { startFuzzScene, type FuzzScene } from './scene.js';

/** A seed that once failed is added here, with what it showed, and stays. */
const SEEDS = [1];
const CASES = 10_000;
const TEST_MS = 240_000;
/** What an api may grow by while it is asked all this, MiB. */
const GROWTH_MIB = 200;

let scene: FuzzScene;

beforeAll(async () => {
  scene = await startFuzzScene();
}, 60_000);

afterAll(() => scene?.stop());

describe('mutated requests', () => {
  it.each(SEEDS)(
    'of seed %i: 10,000 of them are all answered, none with a fault of the server',
    async (seed) => {
      const report = await runFuzz(scene, { seed, cases: CASES });
      expect(report.failures).toEqual([]);
      expect(report).toMatchObject({ cases: CASES, failed: 0 });
      expect(report.healthy).toBeGreaterThan(1);
      expect(report.memoryMiB.most - report.memoryMiB.before).toBeLessThan(GROWTH_MIB);
      // It would be no fuzz if all were refused at the door, or none.
      const { outcomes } = report;
      expect(outcomes['200']).toBeGreaterThan(0.15 * CASES);
      for (const code of ['invalid_value', 'invalid_json', 'unsupported_media_type', 'method_not_allowed']) {
        expect(outcomes[code]).toBeGreaterThan(0.005 * CASES);
      }
      for (const code of ['headers_too_large', 'model_not_found', 'request_timeout', 'request_not_found']) {
        expect(outcomes[code]).toBeGreaterThan(0);
      }
    },
    TEST_MS,
  );

  it('reach every route, and are the same ones for the same seed', () => {
    const draw = () => Array.from({ length: 1_500 }, (_, number) => drawConversation(7, number).requests);
    const [once, again] = [draw(), draw()];
    expect(Buffer.concat(once.flat()).equals(Buffer.concat(again.flat()))).toBe(true);
    const sent = once.flat().map((request) => request.toString('latin1'));
    const reaches = (target: string) => {
      const [method = '', path = ''] = target.split(' ');
      const pattern = new RegExp(
        `^${method} ${path.replaceAll(/\{[^}]*\}/g, '[^ ]+').replaceAll('.', '\\.')} HTTP`,
      );
      return sent.some((text) => pattern.test(text));
    };
    expect(allTargets().filter((target) => !reaches(target))).toEqual([]);
  });
});
