import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { PRESET_NAMES, presetOf } from '#core/config/presets.js';
import type { Env } from '#core/config/template.js';
import { checkConfig } from './check-config.js';
import { discoverConfig } from './discover.js';
import { readEnvironment } from './environment.js';
import { loadConfig } from './load-config.js';
import { writeConfig } from './write-config.js';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'spillway-init-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

/** The file as `init` writes it, in a directory of its own. */
function write(variables: Env, answers: readonly (readonly [string, readonly string[]])[] = []): string {
  const text = writeConfig(discoverConfig(readEnvironment(variables)).services, new Map(answers));
  writeFileSync(join(directory, 'spillway.yaml'), text);
  return text;
}

describe('writeConfig', () => {
  it.each<[string, Env, readonly (readonly [string, readonly string[]])[]]>([
    ['nothing', {}, []],
    ['a model server', {}, [['ollama', ['llama3.2:latest', 'phi']]]],
    ['one with a key', { VLLM_API_KEY: 'x' }, [['vllm', ['m']]]],
    ['one with odd names', {}, [['vllm', ['a: b # "c"', '${HOME}\n  evil: true', ...'defgh']]]],
    ['an account', { OPENAI_API_KEY: 'x' }, []],
    ['an account that takes over for nobody', { OPENAI_API_KEY: 'x', SPILLWAY_CLOUD_FALLBACK: '0' }, []],
    [
      'everything',
      Object.fromEntries(PRESET_NAMES.map((name) => [presetOf(name).keys[0], 'x'])),
      [
        ['ollama', ['m']],
        ['vllm', ['m']],
        ['llama-server', ['m']],
      ],
    ],
  ])('writes a file without problems for %s', (_name, variables, answers) => {
    write(variables, answers);
    const report = checkConfig({ environment: readEnvironment(variables), directory });
    expect(report.lines[0]).toBe('spillway.yaml: no problems');
    expect(report.lines.filter((line) => line.startsWith('note'))).toEqual([]);
  });

  it('says the same as what was found without a file', () => {
    const variables = { OPENAI_API_KEY: 'sk-secret', ANTHROPIC_API_KEY: 'sk-other' };
    const environment = readEnvironment(variables);
    const found = loadConfig({ for: 'api', environment, directory });
    const text = write(variables, [['ollama', ['llama3.2:latest']]]);
    const { config, source } = loadConfig({ for: 'api', environment, directory });
    expect(source.kind).toBe('file');
    const names = ['ollama', 'openai', 'anthropic'];
    expect(Object.keys(config.providers)).toEqual(names);
    for (const name of names) {
      const { optional: _, ...same } = { optional: undefined, ...found.config.providers[name] };
      expect(config.providers[name]).toEqual(same);
    }
    expect(config.models['default']?.targets).toMatchObject([
      { provider: 'ollama', model: 'llama3.2:latest' },
      { provider: 'openai', model: 'gpt-4o-mini' },
    ]);
    expect(text).toContain('apiKey: ${OPENAI_API_KEY}');
    expect(text).not.toContain('sk-');
  });

  it('explains every section that it writes', () => {
    const lines = write({ OPENAI_API_KEY: 'x' }, [['ollama', ['m']]]).split('\n');
    const sections = lines.flatMap((line, index) => (/^[a-z]+:$/.test(line) ? [lines[index - 1] ?? ''] : []));
    expect(sections.length).toBe(5);
    for (const before of sections) expect(before).toMatch(/^# /);
  });
});
