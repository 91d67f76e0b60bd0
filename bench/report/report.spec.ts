import { describe, expect, it } from '@jest/globals';
import type { LoadResult } from '../contract.js';
import { goals, judgeGoals } from '../goals.js';
import { drawChart } from './chart.js';
import { figuresOf, ratioOf, spreadOfFigure, targetsOf, type ScenarioResult } from './figures.js';
import { printResults } from './print.js';
import { median, percentile, shuffle, spreadOf } from './statistics.js';

const percentiles = { p50: 4, p90: 5, p99: 6, max: 7 };
const load: LoadResult = {
  answered: 200,
  events: 4_000,
  elapsedMs: 2_000,
  latency: percentiles,
  firstChunk: { p50: 1, p90: 2, p99: 3, max: 4 },
  gap: { p50: 0, p90: 0, p99: 2, max: 9 },
  wrong: [],
  wrongCount: 0,
  cpuMs: 100,
};

function result(name: string, rounds: ScenarioResult['rounds']): ScenarioResult {
  return { name, about: '', rounds, dropped: [], wrong: [] };
}

describe('statistics', () => {
  it('takes the middle, and the mean of two', () => {
    expect([median([3, 1, 2]), median([4, 1, 2, 3]), median([])]).toEqual([2, 2.5, undefined]);
    expect([percentile([5, 1, 4, 2, 3], 0.5), percentile([5, 1, 4, 2, 3], 0.99)]).toEqual([3, 5]);
    expect(percentile([], 0.5)).toBeUndefined();
    expect(spreadOf([3, 9, 6])).toEqual({ median: 6, min: 3, max: 9, rounds: 3 });
    expect(spreadOf([])).toBeUndefined();
  });

  it('shuffles by what is drawn, and loses nothing', () => {
    const draws = [0.9, 0.1, 0.5];
    expect(shuffle(['a', 'b', 'c'], () => draws.shift() ?? 0)).toEqual(['b', 'c', 'a']);
  });
});

describe('figures of a window', () => {
  it('are those of a request, of an event and of a stream', () => {
    const figures = figuresOf({
      load,
      stream: true,
      cpuMs: { api: 100, worker: 50, redis: 50 },
      redis: { commands: 4_000, scripts: 800, scriptUs: 40_000, calls: { xadd: 200 } },
      memory: { kb: 5_000, streams: 100 },
    });
    expect(figures).toEqual({
      ...{ requests: 100, events: 2_000, p50: 4, p99: 6, first50: 1, first99: 3, gap99: 2 },
      ...{ cpu: 1, cpuApi: 0.5, cpuWorker: 0.25, cpuRedis: 0.25, cpuEvent: 50 },
      ...{ commands: 20, scripts: 4, scriptUs: 200, memory: 50 },
    });
  });

  it('are silent about what could not be read, and about a window without an answer', () => {
    expect(figuresOf({ load, stream: false, cpuMs: undefined })).not.toHaveProperty('cpu');
    expect(figuresOf({ load: { ...load, answered: 0 }, stream: true, cpuMs: { api: 3 } })).toEqual({});
  });
});

describe('ratios', () => {
  const rounds = [
    { spillway: { requests: 20 }, naive: { requests: 10 } },
    { spillway: { requests: 300 } },
    { spillway: { requests: 90 }, naive: { requests: 30 } },
    { naive: { requests: 5 } },
  ];

  it('are taken within a round, and only where both were measured', () => {
    expect(ratioOf(rounds, 'spillway', 'naive', 'requests')).toEqual({
      ...{ median: 2.5, min: 2, max: 3, rounds: 2 },
    });
    expect(ratioOf(rounds, 'spillway', 'portkey', 'requests')).toBeUndefined();
    expect(spreadOfFigure(rounds, 'spillway', 'requests')?.rounds).toBe(3);
  });

  it('name the targets in the order of the tables', () => {
    expect(targetsOf([{ other: {}, naive: {} }, { direct: {} }], ['direct', 'naive'])).toEqual([
      ...['direct', 'naive', 'other'],
    ]);
  });
});

describe('goals', () => {
  const json = (ours: number) => [
    { spillway: { requests: ours, cpu: 0.5 }, naive: { requests: 100, cpu: 1 } },
  ];

  it('are judged by the median, those that were measured alone', () => {
    const judged = judgeGoals([result('json-32', json(140))]);
    expect(judged.map(({ goal, isMet }) => [goal.figure, goal.over, isMet])).toEqual([
      ['requests', 'naive', false],
      ['cpu', 'naive', true],
    ]);
    expect(judgeGoals([])).toEqual([]);
  });

  it('have a limit each', () => {
    expect(goals.filter(({ atLeast, atMost }) => (atLeast === undefined) === (atMost === undefined))).toEqual(
      [],
    );
  });

  it('that are absolute are judged by the figure itself', () => {
    const [idle] = judgeGoals([result('idle', [{ spillway: { idleApi: 1.4 } }])]);
    expect(idle).toMatchObject({ isMet: false, measured: { median: 1.4 } });
  });
});

describe('what is printed', () => {
  const results = [
    result('json-32', [
      { spillway: { requests: 200, cpu: 0.5 }, naive: { requests: 100, cpu: 1 } },
      { spillway: { requests: 300, cpu: 0.5 }, naive: { requests: 100, cpu: 1 } },
    ]),
  ];

  it('has the medians, the ratios with their span, and the goals', () => {
    const text = printResults(results);
    expect(text).toMatch(/^json-32 +naive +100 +1\.000$/m);
    expect(text).toMatch(/^json-32 +spillway +250 +0\.500$/m);
    expect(text).toContain('2.50 (2.00 to 3.00)');
    expect(text).toMatch(/^met +json-32 +req\/s +spillway \/ naive .*at least 1\.5 \(aim 2\)$/m);
    expect(text).not.toContain('kB/stream');
  });

  it('tells what was wrong and what was dropped', () => {
    const [first] = results;
    const bad = {
      ...(first ?? result('', [])),
      dropped: ['others used 0.33 of a core'],
      wrong: ['lost event 3'],
    };
    expect(printResults([bad])).toContain('json-32: WRONG lost event 3');
    expect(printResults([bad])).toContain('json-32: 1 windows dropped (others used 0.33 of a core…)');
  });

  it('is a chart with a bar for each ratio', () => {
    const chart = drawChart(results);
    expect(chart).toMatch(/^<svg [^]*<\/svg>\n$/);
    expect(chart.match(/<rect class="better"/g)).toHaveLength(2);
    expect(chart).toContain('json-32 / naive');
    const slower = [result('json-32', [{ spillway: { requests: 50 }, naive: { requests: 100 } }])];
    expect(drawChart(slower).match(/<rect class="worse"/g)).toHaveLength(1);
  });
});
