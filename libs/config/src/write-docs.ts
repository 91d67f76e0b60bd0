/** Rewrites the generated parts of docs/ from the schema: `node dist/libs/config/src/write-docs.js` in the top folder. */
import { readFileSync, writeFileSync } from 'node:fs';
import { printConfigJsonSchema } from '#core/config/json-schema.js';
import { insertReference } from '#core/config/reference.js';

const PAGE = 'docs/configuration.md';

writeFileSync('docs/spillway.schema.json', printConfigJsonSchema());
writeFileSync(PAGE, insertReference(readFileSync(PAGE, 'utf8')));
