import { readFileSync } from 'node:fs';
import path from 'node:path';

export interface FencedBlock {
  /** What stands behind the three backticks; empty for a picture. */
  readonly language: string;
  readonly text: string;
}

/** The fenced blocks of a page, in order. */
export function blocksOf(page: string): FencedBlock[] {
  const text = readFileSync(path.resolve(page), 'utf8');
  return [...text.matchAll(/^```(\w*)\n([^]*?)^```$/gm)].map(([, language = '', block = '']) => ({
    language,
    text: block,
  }));
}

export interface ShownCommand {
  readonly command: string;
  /** The lines that the README shows below it. */
  readonly output: readonly string[];
}

/** The commands of a `console` block, each with what it is said to print. */
export function shownCommands(block: string): ShownCommand[] {
  return block
    .split(/^\$ /m)
    .slice(1)
    .map((part) => {
      const [, command = '', rest = ''] = /^((?:.*\\\n)*.*)\n([^]*)$/.exec(part) ?? [];
      return { command, output: rest.split('\n').filter((line) => line.trim() !== '') };
    });
}

/**
 * Is the line among what was printed, but for what differs from run to run: ids, numbers, paths, names of machines?
 * `…` at the end of a shown line stands for the rest of it.
 */
export function wasPrinted(shown: string, printed: string): boolean {
  const lines = printed.split('\n').map(plain);
  const line = plain(shown);
  return line.endsWith('…')
    ? lines.some((each) => each.startsWith(line.slice(0, -1).trimEnd()))
    : lines.includes(line);
}

function plain(line: string): string {
  return line
    .replaceAll(/req_\d+_\w{26}/g, 'ID')
    .replaceAll(/chatcmpl-[\w-]+/g, 'ID')
    .replaceAll(/worker-\S+/g, 'WORKER')
    .replaceAll(/Redis: .*$/g, 'Redis: ONE')
    .replaceAll(/\d+(\.\d+)?/g, 'N')
    .replaceAll(/\s+/g, ' ')
    .trim();
}
