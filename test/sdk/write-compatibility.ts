/** Renews the generated part of docs/compatibility.md: `npm run generate` runs it in the top folder. */
import { readFileSync, writeFileSync } from 'node:fs';
import { PYTHON_SDK } from '../support/python.js';
import { insertCompatibility } from './compatibility-page.js';

const PAGE = 'docs/compatibility.md';

const { devDependencies: node } = JSON.parse(readFileSync('package.json', 'utf8')) as {
  devDependencies: Record<string, string>;
};
writeFileSync(PAGE, insertCompatibility(readFileSync(PAGE, 'utf8'), { node, python: PYTHON_SDK }));
