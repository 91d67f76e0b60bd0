import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { HTTP_ROUTES } from '../http-routes.js';
import { insertRoutes } from './routes-page.js';

const page = readFileSync(new URL('../../../../docs/api.md', import.meta.url), 'utf8');

describe('docs/api.md', () => {
  // Where this fails, the routes have changed: `npm run generate`.
  it('has the table of the routes as they are now', () => {
    expect(page).toBe(insertRoutes(page));
    const rows = page.match(/^\| `(GET|POST|DELETE) \/.*$/gm) ?? [];
    expect(rows).toHaveLength(Object.keys(HTTP_ROUTES).length);
    expect(rows[0]).toMatch(/^\| `POST \/v1\/chat\/completions` +\| yes \| a chat completion/);
  });

  it('needs a place for it', () => {
    expect(() => insertRoutes('# The HTTP API\n')).toThrow('The page needs the lines');
  });
});
