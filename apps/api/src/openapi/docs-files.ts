import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { DOCS_START } from './docs-page.js';

const JAVASCRIPT = 'application/javascript; charset=utf-8';

const UI_FILES: Readonly<Record<string, string>> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': JAVASCRIPT,
  'favicon-32x32.png': 'image/png',
};

/** A file as it is sent. */
export interface DocsFile {
  readonly type: string;
  readonly content: Buffer | string;
}

/**
 * A file of the page, by its name; undefined for anything but those. Read anew for each who asks: a megabyte and a half
 * is not kept in a server for a page that is hardly ever looked at.
 */
export async function readDocsFile(name: string): Promise<DocsFile | undefined> {
  if (name === 'start.js') return { type: JAVASCRIPT, content: DOCS_START };
  const type = Object.hasOwn(UI_FILES, name) ? UI_FILES[name] : undefined;
  if (type === undefined) return undefined;
  const library = import.meta.resolve('swagger-ui-dist/package.json');
  return { type, content: await readFile(fileURLToPath(new URL(name, library))) };
}
