import { ratioOf, targetsOf, type FigureName, type ScenarioResult } from './figures.js';
import { targetOrder } from './print.js';
import type { Spread } from './statistics.js';

interface Bar {
  readonly label: string;
  readonly ratio: Spread;
}

const LABEL_PX = 190;
const BARS_PX = 420;
const ROW_PX = 20;
const MARGIN_PX = 16;
const CSS =
  'text{font:12px sans-serif;fill:#222}.h{font-weight:bold}.b{fill:#4573c4}.s{stroke:#222;stroke-width:1}.o{stroke:#c33;stroke-dasharray:3 3}';

/** Bars of Spillway over each other target, with the span of the rounds; the red line is "the same as theirs". */
export function drawChart(results: readonly ScenarioResult[]): string {
  const groups = [
    {
      title: 'Requests per second: Spillway over the other (longer is better)',
      bars: bars(results, 'requests'),
    },
    { title: 'CPU per request: Spillway over the other (shorter is better)', bars: bars(results, 'cpu') },
  ].filter((group) => group.bars.length > 0);
  let top = MARGIN_PX;
  const drawn = groups.map(({ title, bars }) => {
    const group = drawGroup(title, bars, top);
    top += (bars.length + 2) * ROW_PX;
    return group;
  });
  const width = LABEL_PX + BARS_PX + 3 * MARGIN_PX + 120;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${top}" viewBox="0 0 ${width} ${top}">`,
    `<style>${CSS}</style><rect width="100%" height="100%" fill="#fff"/>`,
    ...drawn,
    '</svg>\n',
  ].join('\n');
}

function bars(results: readonly ScenarioResult[], figure: FigureName): Bar[] {
  return results.flatMap(({ name, rounds }) =>
    targetsOf(rounds, targetOrder).flatMap((other) => {
      const ratio = other === 'spillway' ? undefined : ratioOf(rounds, 'spillway', other, figure);
      return ratio ? [{ label: `${name} / ${other}`, ratio }] : [];
    }),
  );
}

function drawGroup(title: string, bars: readonly Bar[], top: number): string {
  const longest = Math.max(1, ...bars.map(({ ratio }) => ratio.max));
  const px = (value: number) => (value / longest) * BARS_PX;
  const left = LABEL_PX + MARGIN_PX;
  const rows = bars.map(({ label, ratio }, index) => {
    const y = top + (index + 1) * ROW_PX;
    const [from, to, middle] = [left + px(ratio.min), left + px(ratio.max), y + 7];
    return [
      `<text x="${MARGIN_PX}" y="${y + 11}">${escapeXml(label)}</text>`,
      `<rect class="b" x="${left}" y="${y}" width="${px(ratio.median).toFixed(1)}" height="14"/>`,
      `<line class="s" x1="${from.toFixed(1)}" x2="${to.toFixed(1)}" y1="${middle}" y2="${middle}"/>`,
      `<text x="${(to + 6).toFixed(1)}" y="${y + 11}">${ratio.median.toFixed(2)}</text>`,
    ].join('');
  });
  const one = (left + px(1)).toFixed(1);
  const bottom = top + (bars.length + 1) * ROW_PX;
  return [
    `<text class="h" x="${MARGIN_PX}" y="${top + 11}">${escapeXml(title)}</text>`,
    ...rows,
    `<line class="o" x1="${one}" x2="${one}" y1="${top + ROW_PX - 3}" y2="${bottom}"/>`,
  ].join('\n');
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
