/** Rewrites the generated part of docs/api.md: `node dist/apps/api/src/openapi/write-docs.js` in the top folder. */
import { readFileSync, writeFileSync } from 'node:fs';
import { insertRoutes } from './routes-page.js';

const PAGE = 'docs/api.md';

writeFileSync(PAGE, insertRoutes(readFileSync(PAGE, 'utf8')));
