import { showName } from '../scrub.js';

/** The way to a value: names of members and places in lists, the outermost first. */
export type JsonPath = readonly (string | number)[];

/** Longest path that a message repeats, in characters. */
const PATH_MAX_CHARS = 200;

/** A path as OpenAI writes them: `messages[2].content`; a name that is no plain word stands in quotes. */
export function formatPath(path: JsonPath): string {
  const text = path.map(formatPart).join('');
  return text.length <= PATH_MAX_CHARS ? text : `${text.slice(0, PATH_MAX_CHARS - 1).toWellFormed()}…`;
}

function formatPart(part: string | number, at: number): string {
  if (typeof part === 'number') return `[${part}]`;
  const name = showName(part).toWellFormed();
  if (name !== part || !/^[\w$-]+$/.test(name)) return `[${JSON.stringify(name)}]`;
  return at === 0 ? name : `.${name}`;
}
