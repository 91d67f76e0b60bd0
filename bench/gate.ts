import { z } from 'zod';
import { ratioOf, type ScenarioResult } from './report/figures.js';

/** How much more CPU than recorded is taken for chance. */
const MARGIN = 0.25;

/** CPU per request of Spillway over another target's, by scenario and target. */
export type Baseline = Readonly<Record<string, Readonly<Record<string, number>>>>;

/** @throws if the text is no baseline */
export function readBaseline(text: string): Baseline {
  return z.record(z.string(), z.record(z.string(), z.number().positive())).parse(JSON.parse(text));
}

/** The ratios of a run, to be kept as a baseline. */
export function toBaseline(results: readonly ScenarioResult[], others: readonly string[]): Baseline {
  const rows = results.map(({ name, rounds }) => [
    name,
    Object.fromEntries(
      others.flatMap((other) => {
        const ratio = ratioOf(rounds, 'spillway', other, 'cpu');
        return ratio ? [[other, Number(ratio.median.toFixed(3))]] : [];
      }),
    ),
  ]);
  return Object.fromEntries(rows) as Baseline;
}

export interface GateVerdict {
  readonly isPassed: boolean;
  readonly lines: readonly string[];
}

/** Every ratio of the baseline must have been measured, and be at most a quarter above it. */
export function judgeGate(results: readonly ScenarioResult[], baseline: Baseline): GateVerdict {
  const verdicts = Object.entries(baseline).flatMap(([scenario, ratios]) =>
    Object.entries(ratios).map(([other, recorded]) => {
      const rounds = results.find(({ name }) => name === scenario)?.rounds ?? [];
      const measured = ratioOf(rounds, 'spillway', other, 'cpu')?.median;
      const what = `${scenario}: CPU per request over ${other}'s`;
      if (measured === undefined) return { isPassed: false, line: `FAIL ${what} was not measured` };
      const isPassed = measured <= recorded * (1 + MARGIN);
      const change = ((measured / recorded - 1) * 100).toFixed(0);
      const told = `${measured.toFixed(3)}, recorded ${recorded.toFixed(3)} (${Number(change) >= 0 ? '+' : ''}${change} %)`;
      return { isPassed, line: `${isPassed ? 'ok  ' : 'FAIL'} ${what} is ${told}` };
    }),
  );
  return {
    // A baseline without a ratio would let everything through.
    isPassed: verdicts.length > 0 && verdicts.every(({ isPassed }) => isPassed),
    lines: verdicts.map(({ line }) => line),
  };
}
