import { describe, expect, it } from '@jest/globals';
import { goals } from './goals.js';
import { fullScenarios, gateScenarios, quickScenarios } from './scenarios.js';
import { planRun } from './works.js';

describe('planRun', () => {
  it('measures both at 32 unless told otherwise, and parts of the whole by their names', () => {
    expect(planRun([], []).works.map(({ name }) => name)).toEqual(['json-32', 'sse-32']);
    expect(planRun(['gate'], []).works.map(({ name }) => name)).toEqual(['json-32', 'sse-32']);
    const part = planRun(['idle', 'paced-100'], []);
    expect(part.works.map(({ name }) => name).toSorted()).toEqual(['idle', 'paced-100']);
    expect(planRun(['full'], []).works.length).toBeGreaterThan(15);
  });

  it('says what there is where there is no such thing', () => {
    expect(() => planRun(['json-33'], [])).toThrow(/no "json-33".* json-32/);
  });
});

describe('the scenarios', () => {
  it('have a name each', () => {
    const names = planRun(['full'], []).works.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });

  it('measure what the goals compare', () => {
    const studied = ['idle', 'enqueue'];
    const unknown = goals.filter(({ scenario, over }) => {
      if (studied.includes(scenario)) return false;
      const { targets } = fullScenarios.find(({ name }) => name === scenario) ?? { targets: [] };
      return !(targets as readonly string[]).includes(over ?? 'spillway');
    });
    expect(unknown).toEqual([]);
  });

  it('of quick and gate last less than two minutes, with starts, warm-ups and repeats', () => {
    for (const [name, scenarios] of [
      ['quick', quickScenarios],
      ['gate', gateScenarios],
    ] as const) {
      const { rounds, windowMs, spareMs } = planRun([name], []);
      const windows = scenarios.reduce((sum, { targets }) => sum + targets.length * rounds, 0);
      const warmUps = scenarios.reduce((sum, { targets }) => sum + targets.length * 2_000, 0);
      expect(windows * windowMs + warmUps + spareMs).toBeLessThan(115_000);
    }
  });
});
