import { shownPath, type HttpRoute } from '../http-route.js';
import { HTTP_ROUTES } from '../http-routes.js';

const START = '<!-- generated from the routes: start -->';
const END = '<!-- generated from the routes: end -->';

/** The page with its table of routes renewed; throws where the page has no place for it. */
export function insertRoutes(page: string): string {
  const start = page.indexOf(START);
  const end = page.indexOf(END);
  if (start < 0 || end < start) throw new Error(`The page needs the lines "${START}" and "${END}".`);
  return `${page.slice(0, start + START.length)}\n\n${renderRoutes()}\n\n${page.slice(end)}`;
}

function renderRoutes(): string {
  const rows = Object.values<HttpRoute>(HTTP_ROUTES).map(({ method, path, access, summary }) => [
    `\`${method} ${shownPath(path)}\``,
    access === 'application' ? 'yes' : 'no',
    summary,
  ]);
  return toTable([['route', 'key', 'what it answers'], ...rows]);
}

/** Its columns are as wide as their widest cell, as the formatter of these pages wants them. */
function toTable(rows: readonly (readonly string[])[]): string {
  const [header = [], ...others] = rows;
  const widths = header.map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  const rule = widths.map((width) => '-'.repeat(width));
  return [header, rule, ...others]
    .map((row) => `| ${row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(' | ')} |`)
    .join('\n');
}
