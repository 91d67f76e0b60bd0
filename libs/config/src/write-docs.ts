/** Rewrites the generated parts of docs/ from the schema: `node dist/libs/config/src/write-docs.js` in the top folder. */
import { readFileSync, writeFileSync } from 'node:fs';
import { insertPreset, insertPresetIndex } from '#core/config/describe-preset.js';
import { printConfigJsonSchema } from '#core/config/json-schema.js';
import { PRESET_NAMES } from '#core/config/presets.js';
import { insertReference } from '#core/config/reference.js';

function renew(file: string, insert: (page: string) => string): void {
  writeFileSync(file, insert(readFileSync(file, 'utf8')));
}

writeFileSync('docs/spillway.schema.json', printConfigJsonSchema());
renew('docs/configuration.md', insertReference);
renew('docs/providers/README.md', insertPresetIndex);
for (const name of PRESET_NAMES) renew(`docs/providers/${name}.md`, (page) => insertPreset(page, name));
