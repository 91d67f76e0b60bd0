import { FEATURES } from './features.js';
import { SDKS } from './sdk-table.js';
import type { SdkRow } from './sdk-table.js';

const START = '<!-- generated from the tables of test/sdk: start -->';
const END = '<!-- generated from the tables of test/sdk: end -->';

export interface Versions {
  /** `devDependencies` of package.json. */
  readonly node: Readonly<Record<string, string>>;
  readonly python: string;
}

/** docs/compatibility.md with its generated part renewed. Throws where the page has no place for it. */
export function insertCompatibility(page: string, versions: Versions): string {
  const [start, end] = [page.indexOf(START), page.indexOf(END)];
  if (start < 0 || end < start) throw new Error(`The page needs the lines "${START}" and "${END}".`);
  return `${page.slice(0, start + START.length)}\n\n${render(versions)}\n\n${page.slice(end)}`;
}

/** A column for each SDK, a row for each feature, and behind them the reasons why not. */
function render(versions: Versions): string {
  const sdks = Object.values(SDKS);
  const reasons: string[] = [];
  const cell = ({ lacks }: SdkRow, id: keyof SdkRow['lacks']) => {
    const reason = lacks[id];
    if (reason === undefined) return 'yes';
    if (!reasons.includes(reason)) reasons.push(reason);
    return `no (${reasons.indexOf(reason) + 1})`;
  };
  const rows = FEATURES.map(({ endpoint, title, id }) => [
    endpoint === 'any' ? 'any' : `\`/v1/${endpoint}\``,
    title,
    ...sdks.map((sdk) => cell(sdk, id)),
  ]);
  const head = ['endpoint', 'feature', ...sdks.map((sdk) => nameOf(sdk, versions))];
  return [...table([head, ...rows]), '', ...reasons.map((reason, at) => `${at + 1}. ${reason}`)].join('\n');
}

function nameOf({ title, dependency }: SdkRow, { node, python }: Versions): string {
  if (dependency === undefined) return `${title} ${python}`;
  const version = String(node[dependency]).replace(/^npm:.*@/, '');
  return dependency.startsWith('openai') ? `${title} ${version}` : `${title}, \`${dependency}\` ${version}`;
}

/** As prettier writes one. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]?.map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0))) ?? [];
  const write = (row: readonly string[], fill = ' ') =>
    `| ${row.map((text, at) => text.padEnd(widths[at] ?? 0, fill)).join(' | ')} |`;
  const [head = [], ...rest] = rows;
  return [
    write(head),
    write(
      head.map(() => '-'),
      '-',
    ),
    ...rest.map((row) => write(row)),
  ];
}
