import { formatTable } from '../../apps/cli/src/table.js';
import { judgeGoals, type Judgement } from '../goals.js';
import {
  figureNames,
  figureRows,
  ratioOf,
  spreadOfFigure,
  targetsOf,
  type FigureName,
  type ScenarioResult,
} from './figures.js';
import type { Spread } from './statistics.js';

/** The figures whose ratios are printed: how much, how soon, and at what price. */
const ratioFigures = ['requests', 'p50', 'first50', 'cpu', 'cpuEvent', 'memory'] as const;

/** Targets in the order of the tables. */
export const targetOrder = [
  ...['direct', 'fastify', 'naive', 'naive-per-read', 'spillway', 'portkey', 'litellm', 'no-ledger'],
  ...['spillway-2-workers', 'spillway-2-apis', 'spillway-2-of-each'],
];

/** All that was measured, the ratios, and the goals, as text. */
export function printResults(results: readonly ScenarioResult[]): string {
  const blocks = [
    ['Medians of the rounds', ...printFigures(results)],
    ['Spillway over the others, per round: median (min to max)', ...printRatios(results)],
    ['Goals', ...printGoals(judgeGoals(results))],
    printTroubles(results),
  ];
  return blocks
    .filter((lines) => lines.length > 1)
    .map((lines) => `${lines.join('\n')}\n`)
    .join('\n');
}

function printFigures(results: readonly ScenarioResult[]): string[] {
  const rows = results.flatMap(({ name, rounds }) =>
    targetsOf(rounds, targetOrder).map((target) => [
      name,
      target,
      ...figureNames.map((figure) => printFigure(figure, spreadOfFigure(rounds, target, figure)?.median)),
    ]),
  );
  return formatColumns(
    ['scenario', 'target', ...figureNames.map((figure) => figureRows[figure].title)],
    rows,
  );
}

function printFigure(figure: FigureName, value: number | undefined): string {
  return value === undefined ? '' : value.toFixed(figureRows[figure].digits);
}

function printRatios(results: readonly ScenarioResult[]): string[] {
  const rows = results.flatMap(({ name, rounds }) =>
    targetsOf(rounds, targetOrder).map((other) => [
      name,
      `/ ${other}`,
      ...ratioFigures.map((figure) =>
        other === 'spillway' ? '' : printSpread(ratioOf(rounds, 'spillway', other, figure)),
      ),
    ]),
  );
  const told = rows.filter((cells) => cells.slice(2).some((cell) => cell !== ''));
  return formatColumns(['scenario', '', ...ratioFigures.map((figure) => figureRows[figure].title)], told);
}

/** A table without the columns in which no row has anything. */
function formatColumns(heads: readonly string[], rows: readonly (readonly string[])[]): string[] {
  if (rows.length === 0) return [];
  const used = heads.map((_, column) => rows.some((cells) => cells[column] !== ''));
  return formatTable([heads, ...rows].map((cells) => cells.filter((_, column) => used[column])));
}

function printSpread(spread: Spread | undefined): string {
  if (!spread) return '';
  const { median, min, max } = spread;
  return `${median.toFixed(2)} (${min.toFixed(2)} to ${max.toFixed(2)})`;
}

function printGoals(judgements: readonly Judgement[]): string[] {
  const rows = judgements.map(({ goal, measured, isMet }) => {
    const { scenario, figure, of = 'spillway', over, atLeast, atMost } = goal;
    const [limit, aim] = atLeast ?? atMost ?? [];
    const wanted = `${atLeast ? 'at least' : 'at most'} ${limit}${aim === undefined ? '' : ` (aim ${aim})`}`;
    const what = `${of}${over === undefined ? '' : ` / ${over}`}`;
    return [
      isMet ? 'met' : 'NOT MET',
      scenario,
      figureRows[figure].title,
      what,
      printSpread(measured),
      wanted,
    ];
  });
  return rows.length === 0 ? [] : formatTable(rows);
}

function printTroubles(results: readonly ScenarioResult[]): string[] {
  const lines = results.flatMap(({ name, dropped, wrong }) => [
    ...(dropped.length > 0 ? [`${name}: ${dropped.length} windows dropped (${dropped[0]}…)`] : []),
    ...wrong.slice(0, 5).map((text) => `${name}: WRONG ${text}`),
  ]);
  return lines.length === 0 ? [] : ['Dropped, and wrong', ...lines];
}
