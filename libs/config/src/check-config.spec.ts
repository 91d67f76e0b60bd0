import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Env } from '#core/config/template.js';
import { checkConfig } from './check-config.js';
import { readEnvironment } from './environment.js';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'spillway-check-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

const FILE = `providers:
  gpu-box: { kind: openai-compatible, location: local, baseUrl: "http://127.0.0.1:8000/v1" }
  openai:
    kind: openai-compatible
    location: cloud
    baseUrl: https://api.openai.com/v1
    apiKey: \${OPENAI_API_KEY}
models:
  llama3.2:
    targets:
      - { provider: gpu-box, model: llama }
      - { provider: openai, model: gpt-4o-mini }
applications:
  web: { apiKeys: ["\${WEB_KEY}", "\${WEB_KEY_OLD}"] }
  batch: { apiKeys: ["\${BATCH_KEY}"], models: [llama3.2, "openai/*"] }
`;
const KEYS = { WEB_KEY: 'sk-web', WEB_KEY_OLD: 'sk-web-old', BATCH_KEY: 'sk-batch' };

describe('checkConfig', () => {
  function check(text: string, variables: Env = {}): ReturnType<typeof checkConfig> {
    writeFileSync(join(directory, 'spillway.yaml'), text);
    return checkConfig({ environment: readEnvironment(variables), directory });
  }

  it('prints what a right file holds, and no secret', () => {
    const report = check(FILE, { ...KEYS, OPENAI_API_KEY: 'sk-openai' });
    expect(report.ok).toBe(true);
    expect(report.lines).toEqual([
      'spillway.yaml: no problems',
      '2 providers',
      '  gpu-box (openai-compatible, local, 4 at once)',
      '  openai (openai-compatible, cloud, 64 at once, credential set)',
      '1 model',
      '  llama3.2 -> gpu-box/llama, then openai/gpt-4o-mini',
      '2 applications',
      '  web (2 keys)',
      '  batch (1 key, only llama3.2, openai/*)',
    ]);
    expect(JSON.stringify(report)).not.toContain('sk-');
  });

  it('warns of what would stop an api or a worker here, without failing', () => {
    const { ok, lines } = check(FILE, { WEB_KEY: 'a', WEB_KEY_OLD: 'b' });
    expect(ok).toBe(true);
    expect(lines).toContain(
      '  openai (openai-compatible, cloud, 64 at once, credential missing: OPENAI_API_KEY is not set)',
    );
    expect(lines.at(-1)).toMatch(
      /^warning: the api would not start here: applications\.batch\.apiKeys\[0\]: .*BATCH_KEY/,
    );
    expect(lines[0]).toBe('spillway.yaml: no problems, 1 warning');
    const open = check('server: { host: 0.0.0.0 }');
    expect(open.ok).toBe(true);
    expect(open.lines[0]).toBe('spillway.yaml: no problems, 2 warnings');
    expect(open.lines.slice(-2)).toEqual([
      expect.stringMatching(/^warning: the api .* server\.host: without applications/),
      'warning: no worker would start with this: providers: there is none to serve',
    ]);
  });

  it('fails with every problem, and counts them', () => {
    const { ok, problems, lines } = check('redis: { prefix: "" }\nquue: {}\n');
    expect(ok).toBe(false);
    expect(problems.map(({ line, path }) => [line, path])).toEqual([
      [1, 'redis.prefix'],
      [2, 'quue'],
    ]);
    expect(lines.at(-1)).toBe('2 problems');
  });

  it('says what it found where there is no file', () => {
    const report = checkConfig({ environment: readEnvironment({}), directory });
    expect(report.lines.slice(0, 3)).toEqual([
      'no configuration file; what there is was looked for:',
      '5 providers',
      '  ollama (ollama, local, 4 at once, optional)',
    ]);
    expect(report.services?.map(({ name }) => name)).toEqual([
      ...['ollama', 'vllm', 'llama-server', 'lm-studio', 'demo'],
    ]);
  });
});
