import { readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { insertPreset, insertPresetIndex } from '#core/config/describe-preset.js';
import { configJsonSchema, printConfigJsonSchema } from '#core/config/json-schema.js';
import { parseConfig } from '#core/config/parse-config.js';
import { PRESET_NAMES, presetOf } from '#core/config/presets.js';
import { insertReference } from '#core/config/reference.js';
import { readYaml } from './read-yaml.js';

const top = resolve(import.meta.dirname, '../../..');
const read = (name: string): string => readFileSync(resolve(top, name), 'utf8');

const SET = { OPENAI_API_KEY: 'x', WEB_KEY: 'x', WEB_KEY_OLD: 'x', AZURE_OPENAI_RESOURCE: 'x' };

function problemsOf(text: string): unknown {
  const { tree, problems } = readYaml(text);
  if (problems.length > 0) return problems;
  const parsed = parseConfig(tree, SET);
  return parsed.ok ? [] : parsed.problems;
}

// Where one of the first two fails, the schema has changed: build, run `node dist/libs/config/src/write-docs.js`.
describe('the documents', () => {
  it('docs/spillway.schema.json is what the schema says now', () => {
    expect(read('docs/spillway.schema.json')).toBe(printConfigJsonSchema());
  });

  it('docs/configuration.md has the tables of the schema as it is now', () => {
    const page = read('docs/configuration.md');
    expect(page).toBe(insertReference(page));
    expect(page).toContain('| `queue.maxWaiting` | 1 to 10000000 | `1000` |');
  });

  it('docs/providers says of each preset what the table says, and there is a page for each', () => {
    for (const name of PRESET_NAMES) {
      const page = read(`docs/providers/${name}.md`);
      expect(page).toBe(insertPreset(page, name));
      expect(page.match(/^# \S/gm)).toHaveLength(1);
      expect(page.match(/^## What .*/gm)).toEqual(['## What maps to what', '## What does not']);
    }
    const index = read('docs/providers/README.md');
    expect(index).toBe(insertPresetIndex(index));
  });

  it('has a preset, and so a page, of each kind but the built-in one', () => {
    const providers = configJsonSchema().properties?.['providers']?.additionalProperties;
    const variants = typeof providers === 'object' ? (providers.oneOf ?? []) : [];
    const kinds = variants.flatMap(({ properties }) => properties?.['kind']?.const ?? []);
    expect(kinds).toContain('openai-compatible');
    const withPreset = new Set<unknown>(PRESET_NAMES.map((name) => presetOf(name).kind));
    expect(kinds.filter((kind) => !withPreset.has(kind))).toEqual(['demo']);
  });

  it('every YAML snippet of docs/providers has no problems', () => {
    const pages = readdirSync(resolve(top, 'docs/providers'));
    expect(pages.length).toBeGreaterThan(PRESET_NAMES.length);
    for (const page of pages) {
      const text = read(`docs/providers/${page}`);
      for (const [, snippet = ''] of text.matchAll(/```yaml\n([\s\S]*?)```/g)) {
        expect({ page, snippet, problems: problemsOf(snippet) }).toEqual({ page, snippet, problems: [] });
      }
    }
  });

  it('spillway.example.yaml has no problems', () => {
    expect(problemsOf(read('spillway.example.yaml'))).toEqual([]);
  });

  it('every YAML snippet of docs/configuration.md has no problems', () => {
    const snippets = [...read('docs/configuration.md').matchAll(/```yaml\n([\s\S]*?)```/g)].map(
      (match) => match[1] ?? '',
    );
    expect(snippets.length).toBeGreaterThan(1);
    expect(snippets.map((snippet) => problemsOf(snippet))).toEqual(snippets.map(() => []));
  });

  it('says something of every setting', () => {
    const undescribed: string[] = [];
    const visit = (schema: ReturnType<typeof configJsonSchema>, path: string): void => {
      for (const [name, member] of Object.entries(schema.properties ?? {})) {
        if (!member.description) undescribed.push(`${path}.${name}`);
        visit(member, `${path}.${name}`);
      }
      if (typeof schema.additionalProperties === 'object') visit(schema.additionalProperties, `${path}.*`);
      if (schema.items) visit(schema.items, `${path}[]`);
      for (const variant of schema.oneOf ?? []) visit(variant, path);
    };
    const schema = configJsonSchema();
    expect(Object.keys(schema.properties ?? {})).toHaveLength(9);
    visit(schema, '');
    expect(undescribed).toEqual([]);
  });
});
