import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { configJsonSchema, printConfigJsonSchema } from '#core/config/json-schema.js';
import { parseConfig } from '#core/config/parse-config.js';
import { insertReference } from '#core/config/reference.js';
import { readYaml } from './read-yaml.js';

const top = resolve(import.meta.dirname, '../../..');
const read = (name: string): string => readFileSync(resolve(top, name), 'utf8');

const SET = { OPENAI_API_KEY: 'x', WEB_KEY: 'x', WEB_KEY_OLD: 'x' };

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
