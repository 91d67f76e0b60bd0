import { describe, expect, it } from '@jest/globals';
import { judgeGate, readBaseline, toBaseline } from './gate.js';
import type { ScenarioResult } from './report/figures.js';

function measured(cpu: number): ScenarioResult[] {
  const rounds = [{ spillway: { cpu }, naive: { cpu: 2 }, fastify: { cpu: 0.5 } }];
  return [{ name: 'json-32', about: '', rounds, dropped: [], wrong: [] }];
}

const baseline = { 'json-32': { naive: 0.5, fastify: 2 } };

describe('judgeGate', () => {
  it('lets a quarter more through, and nothing beyond', () => {
    expect(judgeGate(measured(1.25), baseline).isPassed).toBe(true);
    const { isPassed, lines } = judgeGate(measured(1.26), baseline);
    expect(isPassed).toBe(false);
    expect(lines).toEqual([
      "FAIL json-32: CPU per request over naive's is 0.630, recorded 0.500 (+26 %)",
      "FAIL json-32: CPU per request over fastify's is 2.520, recorded 2.000 (+26 %)",
    ]);
  });

  it('fails where a ratio was not measured, and where there is nothing to compare with', () => {
    expect(judgeGate([], baseline)).toMatchObject({ isPassed: false, lines: { length: 2 } });
    expect(judgeGate(measured(1), {}).isPassed).toBe(false);
    expect(judgeGate(measured(1), { 'json-32': {} }).isPassed).toBe(false);
  });

  it('records what it would compare', () => {
    expect(toBaseline(measured(1), ['fastify', 'naive'])).toEqual(baseline);
    expect(readBaseline(JSON.stringify(baseline))).toEqual(baseline);
    expect(() => readBaseline('{"json-32":{"naive":"0.5"}}')).toThrow(/expected number/);
  });
});
