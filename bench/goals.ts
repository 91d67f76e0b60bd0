import { ratioOf, spreadOfFigure, type FigureName, type ScenarioResult } from './report/figures.js';
import type { Spread } from './report/statistics.js';

/** A figure of Spillway over the same of another target in the same scenario, or the figure itself. */
export interface Goal {
  readonly scenario: string;
  readonly figure: FigureName;
  /** Default: spillway. */
  readonly of?: string;
  /** Without: the figure itself counts. */
  readonly over?: string;
  /** The goal and, where there is one, the aim beyond it. */
  readonly atLeast?: readonly [goal: number, aim?: number];
  readonly atMost?: readonly [goal: number, aim?: number];
}

/** What Spillway wants to be, on two cores with authentication, metrics and request log on. */
export const goals: readonly Goal[] = [
  { scenario: 'json-32', figure: 'requests', over: 'naive', atLeast: [1.5, 2] },
  { scenario: 'json-32', figure: 'requests', over: 'portkey', atLeast: [1.3, 1.6] },
  { scenario: 'json-32', figure: 'requests', over: 'litellm', atLeast: [5] },
  { scenario: 'json-256', figure: 'requests', over: 'naive', atLeast: [1.6] },
  { scenario: 'json-256', figure: 'requests', over: 'portkey', atLeast: [1.7] },
  { scenario: 'sse-32', figure: 'requests', over: 'naive', atLeast: [3, 4] },
  { scenario: 'sse-32', figure: 'requests', over: 'portkey', atLeast: [1.5, 2] },
  { scenario: 'sse-32', figure: 'requests', over: 'litellm', atLeast: [5] },
  { scenario: 'sse-256', figure: 'requests', over: 'naive', atLeast: [4] },
  { scenario: 'sse-256', figure: 'requests', over: 'portkey', atLeast: [1.8] },
  { scenario: 'json-32', figure: 'cpu', over: 'naive', atMost: [0.65, 0.5] },
  { scenario: 'json-32', figure: 'cpu', over: 'portkey', atMost: [0.95, 0.75] },
  { scenario: 'sse-32', figure: 'cpu', over: 'naive', atMost: [0.32] },
  { scenario: 'sse-32', figure: 'cpu', over: 'portkey', atMost: [0.9] },
  { scenario: 'paced-100', figure: 'cpuEvent', over: 'portkey', atMost: [1] },
  { scenario: 'paced-400', figure: 'cpuEvent', over: 'portkey', atMost: [1] },
  { scenario: 'sse-1', figure: 'first50', over: 'portkey', atMost: [0.15] },
  { scenario: 'slow-16', figure: 'p50', over: 'direct', atMost: [1.1, 1.06] },
  { scenario: 'ledger-json', figure: 'cpu', over: 'no-ledger', atMost: [1.15] },
  { scenario: 'ledger-sse', figure: 'cpu', over: 'no-ledger', atMost: [1.15] },
  { scenario: 'enqueue', figure: 'p50', of: '100000 waiting', over: 'empty', atMost: [1.3] },
  { scenario: 'open-1000', figure: 'memory', over: 'portkey', atMost: [0.6] },
  { scenario: 'idle', figure: 'idleApi', atMost: [1] },
  { scenario: 'idle', figure: 'idleWorker', atMost: [1] },
  { scenario: 'idle', figure: 'idleRedis', atMost: [1] },
];

export interface Judgement {
  readonly goal: Goal;
  readonly measured: Spread;
  readonly isMet: boolean;
}

/** The goals that these results can say something about. */
export function judgeGoals(results: readonly ScenarioResult[]): Judgement[] {
  return goals.flatMap((goal) => {
    const rounds = results.find(({ name }) => name === goal.scenario)?.rounds ?? [];
    const { figure, of = 'spillway', over } = goal;
    const measured =
      over === undefined ? spreadOfFigure(rounds, of, figure) : ratioOf(rounds, of, over, figure);
    if (!measured) return [];
    const { median } = measured;
    const isMet = median >= (goal.atLeast?.[0] ?? -Infinity) && median <= (goal.atMost?.[0] ?? Infinity);
    return [{ goal, measured, isMet }];
  });
}
