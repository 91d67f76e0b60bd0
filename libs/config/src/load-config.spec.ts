import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { PRESET_NAMES, presetOf } from '#core/config/presets.js';
import type { Env } from '#core/config/template.js';
import { hashKey } from './application-keys.js';
import { ConfigError } from './config-error.js';
import { readEnvironment } from './environment.js';
import { loadConfig, type LoadedConfig, type LoadOptions } from './load-config.js';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'spillway-config-'));
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
  batch: { apiKeys: ["\${BATCH_KEY}"] }
`;
const KEYS = { WEB_KEY: 'sk-web', WEB_KEY_OLD: 'sk-web-old', BATCH_KEY: 'sk-batch' };

function load(text: string | undefined, options: LoadOptions, variables: Env = {}): LoadedConfig {
  if (text !== undefined) writeFileSync(join(directory, 'spillway.yaml'), text);
  return loadConfig({ environment: readEnvironment(variables), directory, ...options });
}

/** The lines of the ConfigError; fails if nothing was thrown. */
function problemLines(text: string | undefined, options: LoadOptions, variables: Env = {}): string[] {
  try {
    load(text, options, variables);
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split('\n');
    throw error;
  }
  throw new Error('the configuration was accepted');
}

describe('without a file', () => {
  it('looks for model servers, and has the demo for as long as there is nothing else', () => {
    const { config, source, workerProviders } = load(undefined, { for: 'api' });
    expect(source).toMatchObject({ kind: 'discovered', name: 'configuration' });
    expect(workerProviders).toEqual(['ollama', 'vllm', 'llama-server', 'lm-studio', 'demo']);
    expect(config.providers).toMatchObject({
      ollama: { kind: 'ollama', location: 'local', optional: true },
      demo: { kind: 'demo', location: 'local', optional: true },
    });
  });

  it('has OpenAI if its key is set, wherever OPENAI_BASE_URL points', () => {
    const variables = { OPENAI_API_KEY: 'sk-secret', OPENAI_BASE_URL: 'http://127.0.0.1:4100/v1' };
    const { config, workerProviders } = load(undefined, { for: 'worker' }, variables);
    expect(workerProviders).toEqual(['ollama', 'vllm', 'llama-server', 'lm-studio', 'openai']);
    expect(config.providers['openai']).toMatchObject({
      location: 'cloud',
      baseUrl: 'https://api.openai.com/v1',
    });
    expect(JSON.stringify(config)).not.toContain('sk-secret');
  });

  it('is right with every service there is', () => {
    const accounts = PRESET_NAMES.filter((name) => {
      const { location, found } = presetOf(name);
      return location === 'cloud' && found;
    });
    const keys = accounts.map((name) => [presetOf(name).keys[0], 'sk-secret'] as const);
    const variables = { ...Object.fromEntries<string>(keys), AZURE_OPENAI_RESOURCE: 'mine' };
    const { config } = load(undefined, { for: 'api' }, variables);
    expect(Object.keys(config.providers)).toEqual([
      ...['ollama', 'vllm', 'llama-server', 'lm-studio'],
      ...accounts,
    ]);
  });

  it('refuses a file that SPILLWAY_CONFIG names and that is not there', () => {
    expect(problemLines(undefined, { for: 'check' }, { SPILLWAY_CONFIG: 'prod.yaml' })).toEqual([
      `prod.yaml: SPILLWAY_CONFIG names this file; it does not exist (${join(directory, 'prod.yaml')})`,
    ]);
    expect(problemLines(undefined, { for: 'check', path: 'x.yaml' })).toEqual([
      `x.yaml: this file does not exist (${join(directory, 'x.yaml')})`,
    ]);
  });

  it('says where a bad variable comes from', () => {
    expect(problemLines(undefined, { for: 'api' }, { PORT: 'http', REDIS_URL: 'sk-secret' })).toEqual([
      'environment: PORT: expected a whole number, got text',
      expect.stringMatching(/^environment: REDIS_URL: expected a URL like redis:(?!.*sk-secret)/),
    ]);
  });
});

describe('a file that cannot be read', () => {
  it('may be a directory', () => {
    mkdirSync(join(directory, 'spillway.yaml'));
    expect(problemLines(undefined, { for: 'api' })).toEqual(['spillway.yaml: this file is a directory']);
  });

  it('may be no text', () => {
    writeFileSync(join(directory, 'spillway.yaml'), Buffer.from([0x61, 0xff, 0xfe]));
    expect(problemLines(undefined, { for: 'api' })).toEqual(['spillway.yaml: this file is not UTF-8 text']);
  });
});

describe('with a file', () => {
  it('gives the api the hashes of its applications, and needs no key of a provider', () => {
    const loaded = load(FILE, { for: 'api' }, KEYS);
    expect(loaded.applicationKeys).toEqual([
      { application: 'web', keyHash: hashKey('sk-web') },
      { application: 'web', keyHash: hashKey('sk-web-old') },
      { application: 'batch', keyHash: hashKey('sk-batch') },
    ]);
    expect(JSON.stringify(loaded)).not.toContain('sk-');
  });

  it('gives a worker its providers, and needs no key at all', () => {
    expect(load(FILE, { for: 'worker' })).toMatchObject({
      workerProviders: ['gpu-box', 'openai'],
      applicationKeys: [],
      source: { kind: 'file', name: 'spillway.yaml' },
    });
  });

  it('serves what the command line says before what the environment says', () => {
    const variables = { SPILLWAY_WORKER_PROVIDERS: 'openai' };
    expect(load(FILE, { for: 'worker' }, variables).workerProviders).toEqual(['openai']);
    const options = { for: 'worker', workerProviders: ['gpu-box', 'gpu-box'] } as const;
    expect(load(FILE, options, variables).workerProviders).toEqual(['gpu-box']);
  });

  it('refuses to serve a provider that is not there', () => {
    expect(problemLines(FILE, { for: 'worker', workerProviders: ['gpubox'] })).toEqual([
      'command line: --provider: there is no provider "gpubox"; did you mean "gpu-box"?',
    ]);
    expect(problemLines(FILE, { for: 'worker' }, { SPILLWAY_WORKER_PROVIDERS: 'openai,zzz' })).toEqual([
      'environment: SPILLWAY_WORKER_PROVIDERS: there is no provider "zzz"; the known ones are gpu-box, openai',
    ]);
    expect(problemLines('models:\n', { for: 'worker' })).toEqual([
      'spillway.yaml: providers: a worker needs at least one provider to serve',
    ]);
  });

  it('takes a remote worker with no more than redis and its provider', () => {
    const file = 'redis: { url: "rediss://w:p@r.example.com:6380" }\nproviders: { d: { kind: demo } }\n';
    expect(load(file, { for: 'worker' }).workerProviders).toEqual(['d']);
  });

  it('lets HOST, PORT and REDIS_URL win', () => {
    const variables = { HOST: 'localhost', PORT: '0', REDIS_URL: 'redis://r:1', REDIS: '' };
    const { config } = load('server: { host: 0.0.0.0, port: nonsense }\n', { for: 'api' }, variables);
    expect([config.server.host, config.server.port, config.redis.url]).toEqual([
      'localhost',
      0,
      'redis://r:1',
    ]);
  });
});

describe('keys of applications', () => {
  it.each([
    [
      'unset',
      { ...KEYS, BATCH_KEY: undefined },
      /:15: applications\.batch\.apiKeys\[0\]: .* BATCH_KEY is not set or empty/,
    ],
    [
      'empty',
      { ...KEYS, WEB_KEY: '' },
      /:14: applications\.web\.apiKeys\[0\]: .* WEB_KEY is not set or empty/,
    ],
    [
      'not to be sent',
      { ...KEYS, WEB_KEY: 'sk web' },
      /:14: applications\.web\.apiKeys\[0\]: a key is printable/,
    ],
    [
      'of two',
      { ...KEYS, BATCH_KEY: 'sk-web' },
      /:15: applications\.batch\.apiKeys\[0\]: application "web" has the same/,
    ],
  ])('are refused for the api when %s', (_name, variables, expected) => {
    const lines = problemLines(FILE, { for: 'api' }, variables);
    expect(lines).toEqual([expect.stringMatching(expected)]);
    expect(lines.join()).not.toContain('sk-');
  });
});

describe('an api without applications', () => {
  it.each([
    ['server: { host: 0.0.0.0 }\n', {}, /^spillway\.yaml:1: server\.host: .*SPILLWAY_ALLOW_NO_AUTH=1/],
    ['queue: {}\n', { HOST: '0.0.0.0' }, /^environment: HOST: .*SPILLWAY_ALLOW_NO_AUTH=1/],
  ])('may not be bound to other than loopback: %j %j', (text, variables, expected) => {
    expect(problemLines(text, { for: 'api' }, variables)).toEqual([expect.stringMatching(expected)]);
  });

  it('may be, if that is asked for, and if it has applications', () => {
    const open = { HOST: '0.0.0.0', SPILLWAY_ALLOW_NO_AUTH: '1' };
    expect(load('', { for: 'api' }, open).config.server.host).toBe('0.0.0.0');
    expect(load(FILE, { for: 'api' }, { ...KEYS, HOST: '0.0.0.0' }).config.server.host).toBe('0.0.0.0');
  });

  it('is no matter of a worker', () => {
    expect(
      load('server: { host: 0.0.0.0 }\nproviders: { d: { kind: demo } }\n', { for: 'worker' })
        .workerProviders,
    ).toEqual(['d']);
  });
});

describe('the problems', () => {
  it('come all at once, in the order of the file, each with its line', () => {
    const file = `server:
  host: 0.0.0.0
  prot: 80
redis:
  url: http://:sk-secret@x
providers:
  gpu-box: { kind: openai-compatible, location: local, baseUrl: "http://x/v1", concurency: 4 }
models:
  llama3.2:
    targets:
      - provider: gpubox
      - provider: gpu-box
      - provider: gpu-box
applications:
  web: { apiKeys: ["\${WEB_KEY}"] }
timeouts:
  idleMs: soon
`;
    const { locatedLines, text } = collect(problemLines(file, { for: 'api' }, { PORT: '-1' }));
    expect(locatedLines).toEqual(['3', '5', '7', '11', '13', '15', '17', undefined]);
    expect(text).toContain(
      'spillway.yaml:11: models.llama3.2.targets[0].provider: there is no provider "gpubox"; did you mean "gpu-box"?',
    );
    expect(text).toContain('spillway.yaml:3: server.prot: unknown key "prot"; did you mean "port"?');
    expect(text).not.toContain('sk-secret');
  });

  it('of the YAML itself have their lines too', () => {
    expect(problemLines('a: 1\na: 2\nb: "sk-secret\n', { for: 'api' })).toEqual([
      expect.stringMatching(/^spillway\.yaml:2: the key "a" stands twice/),
      expect.stringMatching(/^spillway\.yaml:4: a character is missing/),
    ]);
  });

  function collect(lines: readonly string[]): { locatedLines: (string | undefined)[]; text: string } {
    return {
      locatedLines: lines.map((line) => /^spillway\.yaml:(\d+):/.exec(line)?.[1]),
      text: lines.join('\n'),
    };
  }
});
