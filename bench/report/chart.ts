import { ratioOf, targetsOf, type FigureName, type ScenarioResult } from './figures.js';
import { targetOrder } from './print.js';
import type { Spread } from './statistics.js';

interface Bar {
  readonly label: string;
  readonly ratio: Spread;
}

/** Those that do the same for their users; the others are only there to measure against. */
const charted = ['naive', 'naive-per-read', 'portkey', 'litellm'];

const LABEL_PX = 210;
/** From 1 to the end of the axis, on either side. */
const HALF_PX = 240;
/** The axis ends at this ratio, and at one over it. */
const LONGEST = 32;
const ROW_PX = 20;
const MARGIN_PX = 16;
const CENTER_PX = MARGIN_PX + LABEL_PX + HALF_PX;
const WIDTH_PX = CENTER_PX + HALF_PX + 60;
const STYLE = [
  'text{font:12px sans-serif;fill:#222}',
  '.head{font-weight:bold}',
  '.better{fill:#3a8f5c}',
  '.worse{fill:#c4573f}',
  '.span{stroke:#222}',
  '.axis{stroke:#999;stroke-dasharray:2 3}',
  '.one{stroke:#222}',
].join('');

/** Spillway over each other gateway: a bar from 1 to the median, a line over the span of the rounds. */
export function drawChart(results: readonly ScenarioResult[]): string {
  const groups = [
    { title: 'Requests per second, Spillway over the other', figure: 'requests', moreIsBetter: true },
    { title: 'CPU per request, Spillway over the other', figure: 'cpu', moreIsBetter: false },
  ] as const;
  let top = MARGIN_PX;
  const drawn = groups.map(({ title, figure, moreIsBetter }) => {
    const bars = barsOf(results, figure);
    const group = drawGroup(title, bars, moreIsBetter, top);
    top += (bars.length + 3) * ROW_PX;
    return group;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH_PX}" height="${top}" viewBox="0 0 ${WIDTH_PX} ${top}">`,
    `<style>${STYLE}</style><rect width="100%" height="100%" fill="#fff"/>`,
    ...drawn,
    '</svg>\n',
  ].join('\n');
}

function barsOf(results: readonly ScenarioResult[], figure: FigureName): Bar[] {
  return results.flatMap(({ name, rounds }) =>
    targetsOf(rounds, targetOrder).flatMap((other) => {
      const ratio = charted.includes(other) ? ratioOf(rounds, 'spillway', other, figure) : undefined;
      return ratio ? [{ label: `${name} / ${other}`, ratio }] : [];
    }),
  );
}

function drawGroup(title: string, bars: readonly Bar[], moreIsBetter: boolean, top: number): string {
  const [first, bottom] = [top + 2 * ROW_PX, top + (bars.length + 2) * ROW_PX];
  const ticks = [1 / 16, 1 / 4, 1, 4, 16].map((value) => {
    const [x, kind] = [toX(value), value === 1 ? 'one' : 'axis'];
    const label = value < 1 ? `1/${1 / value}` : String(value);
    return [
      `<line class="${kind}" x1="${x}" x2="${x}" y1="${first - 4}" y2="${bottom}"/>`,
      `<text x="${x}" y="${first - 8}" text-anchor="middle">${label}</text>`,
    ].join('');
  });
  const rows = bars.map(({ label, ratio }, index) => {
    const y = first + index * ROW_PX;
    const [from, to] = [toX(Math.min(1, ratio.median)), toX(Math.max(1, ratio.median))];
    const kind = ratio.median >= 1 === moreIsBetter ? 'better' : 'worse';
    return [
      `<text x="${MARGIN_PX}" y="${y + 11}">${escapeXml(label)}</text>`,
      `<rect class="${kind}" x="${from}" y="${y}" width="${(to - from).toFixed(1)}" height="14"/>`,
      `<line class="span" x1="${toX(ratio.min)}" x2="${toX(ratio.max)}" y1="${y + 7}" y2="${y + 7}"/>`,
      `<text x="${WIDTH_PX - 50}" y="${y + 11}">${ratio.median.toFixed(2)}</text>`,
    ].join('');
  });
  const head = `<text class="head" x="${MARGIN_PX}" y="${top + 11}">${escapeXml(title)}</text>`;
  return [head, ...ticks, ...rows].join('\n');
}

/** Twice and half are equally far from 1. */
function toX(ratio: number): number {
  const share = Math.max(-1, Math.min(1, Math.log(ratio) / Math.log(LONGEST)));
  return Number((CENTER_PX + share * HALF_PX).toFixed(1));
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
