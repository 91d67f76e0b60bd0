import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { PYTHON_SDK } from '../support/python.js';
import { DOCUMENTS } from './snippet-blocks.js';

const FOLDER = path.resolve('test/sdk/snippets');
const read = (file: string) => readFileSync(path.join(FOLDER, file), 'utf8');
const onDisk = readdirSync(FOLDER, { withFileTypes: true, recursive: true })
  .filter((entry) => entry.isFile())
  .map((entry) => path.relative(FOLDER, path.join(entry.parentPath, entry.name)))
  .toSorted();

/** The test that sends the controls in Python's other form, which no document shows. */
const OWN = ['python/one-level-fallback-controls.py'];

const page = readFileSync(path.resolve('docs/compatibility.md'), 'utf8');
const rows = readRows();
const blocks = Object.entries(DOCUMENTS).flatMap(([document, list]) =>
  list.map((block) => ({ document, ...block })),
);

/** The rows of docs/compatibility.md: snippet, whether it runs, and the cells behind that. */
function readRows() {
  const cells = page
    .slice(page.indexOf('### Every example'))
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) => line.split('|').map((cell) => cell.trim()));
  return cells
    .filter(([, , , runs]) => runs === 'yes' || runs === 'no')
    .map(([, document = '', snippet = '', runs, why = '', instead = '']) => ({
      document,
      snippet: snippet.replaceAll('`', ''),
      runs: runs === 'yes',
      why,
      instead,
    }));
}

function mentions(spec: string): readonly string[] {
  const source = readFileSync(path.resolve('test/sdk', spec), 'utf8');
  return onDisk.filter((file) => source.includes(`'${file}'`));
}

describe('the snippets of the documents', () => {
  it.each(blocks.filter((block) => 'files' in block))('$document: $files is as it was printed', (block) => {
    const text = block.files.map(read).join('').replace(/\s/g, '');
    expect(createHash('sha256').update(text).digest('hex').slice(0, 16)).toBe(block.fingerprint);
  });

  it('are all here, and nothing else is', () => {
    const inBlocks = blocks.flatMap((block) => ('files' in block ? block.files : []));
    expect(onDisk).toEqual([...new Set([...inBlocks, ...OWN])].toSorted());
  });

  it.each(Object.keys(DOCUMENTS))('have each a row in docs/compatibility.md: %s', (document) => {
    const named = (DOCUMENTS[document] ?? []).flatMap((block) =>
      'files' in block ? block.files : [block.listed],
    );
    const expected = named.length === 0 ? ['all of it'] : [...new Set(named)];
    const listed = rows.filter((row) => row.document === document).map(({ snippet }) => snippet);
    expect(listed.toSorted()).toEqual(expected.toSorted());
  });

  it('are run by a test, where the row says that they run, and by another where it says why not', () => {
    const files = rows.filter(({ snippet }) => onDisk.includes(snippet));
    const listed = (runs: boolean) => files.filter((row) => row.runs === runs).map(({ snippet }) => snippet);
    expect(mentions('snippets.e2e-spec.ts')).toEqual([...new Set([...listed(true), ...OWN])].toSorted());
    const refused = mentions('snippets-that-do-not-run.e2e-spec.ts');
    expect(refused).toEqual(expect.arrayContaining(listed(false)));
    expect(listed(false).length).toBeGreaterThan(0);
  });

  it('ran with the SDKs that the page names', () => {
    const text = readFileSync(path.resolve('package.json'), 'utf8');
    const { devDependencies } = JSON.parse(text) as { devDependencies: Record<string, string> };
    expect(page).toContain(`openai ${devDependencies['openai']} for Node, ${PYTHON_SDK} for Python`);
  });

  it.each(rows.filter(({ runs }) => !runs))('has a reason and a way out for $document: $snippet', (row) => {
    expect(row.why.length).toBeGreaterThan(20);
    expect(row.instead).not.toBe('');
  });
});
