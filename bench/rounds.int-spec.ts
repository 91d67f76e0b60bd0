import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { runScenario, type RunOptions, type Scenario } from './rounds.js';
import { Scene } from './scene.js';

const options: RunOptions = {
  windowMs: 200,
  rounds: 2,
  // Other tests run beside this one.
  keepDisturbed: true,
  spare: { ms: 0 },
  random: () => 0.5,
  log: () => undefined,
};

const scenario: Scenario = {
  ...{ name: 'small', about: 'streams of 3 events, 4 at once', targets: ['direct', 'fastify'] },
  workload: { stream: true, events: 3, gapMs: 0, delayMs: 0 },
  loop: (durationMs) => ({ kind: 'closed', concurrency: 4, durationMs }),
};

let scene: Scene;

beforeAll(async () => {
  scene = await Scene.start(() => undefined);
});

afterAll(() => scene.stop());

describe('runScenario', () => {
  it('measures each target in each round, and what its processes used', async () => {
    const { rounds, wrong, dropped } = await runScenario(scene, scenario, options);
    expect({ wrong, dropped }).toEqual({ wrong: [], dropped: [] });
    expect(rounds).toHaveLength(2);
    for (const { direct, fastify } of rounds) {
      expect(direct?.requests).toBeGreaterThan(10);
      expect(direct?.cpu).toBeUndefined();
      expect(fastify?.events).toBeCloseTo((fastify?.requests ?? 0) * 3);
      expect(fastify?.cpuProxy).toBeGreaterThan(0);
    }
  });

  it('sees whether the calls of clients that left ended, and what open streams hold', async () => {
    const paced = { ...scenario.workload, events: 100, gapMs: 20 };
    const leaving: Scenario = {
      ...{ ...scenario, name: 'leaving', targets: ['fastify'], leaves: true, rounds: 1 },
      workload: { ...paced, leaveAfter: 2 },
    };
    const [left] = (await runScenario(scene, leaving, options)).rounds;
    expect(left?.['fastify']?.cancelled).toBe(100);
    const open: Scenario = {
      ...{ ...scenario, name: 'open', targets: ['fastify'], memory: true, rounds: 1, workload: paced },
      // So many that what they hold is more than what a collection of garbage gives back meanwhile.
      loop: () => ({ kind: 'burst', requests: 600 }),
    };
    const [held] = (await runScenario(scene, open, options)).rounds;
    expect(held?.['fastify']?.memory).toBeGreaterThan(0);
  });
});
