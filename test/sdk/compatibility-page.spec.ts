import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { PYTHON_SDK } from '../support/python.js';
import { insertCompatibility } from './compatibility-page.js';
import { FEATURES } from './features.js';
import { SDKS } from './sdk-table.js';

const page = readFileSync('docs/compatibility.md', 'utf8');
const { devDependencies: node } = JSON.parse(readFileSync('package.json', 'utf8')) as {
  devDependencies: Record<string, string>;
};

describe('docs/compatibility.md', () => {
  it('has what `npm run generate` makes of the tables that the suites run', () => {
    expect(page).toBe(insertCompatibility(page, { node, python: PYTHON_SDK }));
  });

  it('has a row for each feature and a reason for each that an SDK lacks', () => {
    for (const { title } of FEATURES) expect(page).toContain(title);
    const reasons = Object.values(SDKS).flatMap(({ lacks }) => Object.values(lacks));
    expect(reasons.length).toBeGreaterThan(0);
    for (const reason of reasons) expect(page).toContain(reason);
  });

  it('refuses a page without a place for it', () => {
    expect(() => insertCompatibility('# Another page', { node, python: PYTHON_SDK })).toThrow(
      'needs the lines',
    );
  });
});
