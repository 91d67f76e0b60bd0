import { describe, expect, it } from '@jest/globals';
import { parseConfig, type Override } from './parse-config.js';
import { formatPath } from './problem.js';
import { resolveSecret } from './secret.js';
import type { Config } from './schema.js';
import type { Env } from './template.js';

const gpu = { kind: 'openai-compatible', location: 'local', baseUrl: 'http://10.0.0.5:8000/v1' };

function parse(tree: unknown, env: Env = {}, overrides: Override[] = []): Config {
  const parsed = parseConfig(tree, env, overrides);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.config;
}

function problemsOf(tree: unknown, env: Env = {}, overrides: Override[] = []): string[] {
  const parsed = parseConfig(tree, env, overrides);
  return parsed.ok ? [] : parsed.problems.map(({ path, message }) => `${formatPath(path)}: ${message}`);
}

function routed(...targets: unknown[]): unknown {
  return { providers: { gpu, demo: { kind: 'demo' } }, models: { m: { targets } } };
}

describe('a right configuration', () => {
  it.each([{}, null, undefined, { server: null, models: null }])('%j has every default', (tree) => {
    expect(parse(tree)).toEqual({
      server: {
        host: '127.0.0.1',
        port: 4100,
        ...{ holdMs: 10_000, heartbeatMs: 10_000 },
        bodyLimitBytes: 33_554_432,
        requestTimeoutMs: 30_000,
        headersTimeoutMs: 10_000,
        stallTimeoutMs: 60_000,
        wholeAnswerKeepAlive: false,
      },
      redis: { url: 'redis://127.0.0.1:6379', prefix: 'spillway', shards: 1 },
      providers: {},
      models: {},
      applications: {},
      timeouts: { firstTokenMs: 60_000, idleMs: 30_000, responseMs: 300_000, totalMs: 570_000 },
      queue: { maxWaiting: 1000, maxRetryDelayMs: 30_000 },
      requests: { keepMs: 3_600_000 },
      worker: { drainMs: 25_000 },
    });
  });

  it.each([
    [gpu, { concurrency: 4, workerConcurrency: 4 }],
    [
      { ...gpu, location: 'cloud' },
      { concurrency: 64, workerConcurrency: 64 },
    ],
    [
      { ...gpu, concurrency: 8 },
      { concurrency: 8, workerConcurrency: 8 },
    ],
    [
      { ...gpu, workerConcurrency: 2 },
      { concurrency: 4, workerConcurrency: 2 },
    ],
    [{ ...gpu, concurrency: '${N}' }, { concurrency: 7 }],
    [{ ...gpu, baseUrl: 'https://api.example.com/v1//' }, { baseUrl: 'https://api.example.com/v1' }],
    [{ kind: 'demo' }, { kind: 'demo', location: 'local', concurrency: 4, timeouts: {} }],
    [
      { kind: 'demo', location: 'cloud' },
      { location: 'cloud', concurrency: 64 },
    ],
  ])('the provider %j becomes %j', (provider, expected) => {
    expect(parse({ providers: { p: provider } }, { N: '7' }).providers['p']).toMatchObject(expected);
  });

  it('names a target after the public id unless it says otherwise', () => {
    expect(
      parse(routed({ provider: 'gpu' }, { provider: 'gpu', model: 'x' })).models['m']?.targets,
    ).toMatchObject([
      { provider: 'gpu', model: 'm' },
      { provider: 'gpu', model: 'x' },
    ]);
  });

  it('keeps secrets as references, whatever the environment says', () => {
    const provider = { ...gpu, apiKey: '${KEY}', headers: { 'x-org': '${ORG}' } };
    const config = parse({
      providers: { gpu: provider },
      applications: { web: { apiKeys: ['${WEB}', 'sk-text'] } },
    });
    expect(JSON.stringify(config)).not.toContain('sk-text');
    const parsed = config.providers['gpu'];
    const ref = parsed?.kind === 'openai-compatible' ? parsed.apiKey : undefined;
    expect(ref && resolveSecret(ref, {})).toEqual({ kind: 'missing', variable: 'KEY' });
    expect(ref && resolveSecret(ref, { KEY: 'sk' })).toEqual({ kind: 'ok', value: 'sk' });
    expect(config.applications['web']?.apiKeys).toHaveLength(2);
  });

  it.each(['constructor', 'toString', '__proto__'])('has no model, provider or application %s', (name) => {
    const { models, providers, applications } = parse(routed({ provider: 'gpu' }));
    expect([models[name], providers[name], applications[name]]).toEqual([undefined, undefined, undefined]);
  });

  it('lets an override win over the file, and over what is wrong there', () => {
    const overrides: Override[] = [
      { path: ['server', 'port'], value: '80' },
      { path: ['redis', 'url'], value: 'rediss://u:p@r:6380' },
    ];
    const config = parse({ server: { port: '${UNSET}', host: '::1' } }, {}, overrides);
    expect(config.server).toMatchObject({ host: '::1', port: 80 });
    expect(config.redis.url).toBe('rediss://u:p@r:6380');
  });
});

describe('a wrong configuration', () => {
  const cases: [string, unknown, (string | RegExp)[]][] = [
    ['not a map', ['x'], [/^: expected a map of settings, got a list$/]],
    ['unknown section', { provider: {} }, ['provider: unknown key "provider"; did you mean "providers"?']],
    [
      'unknown key, far from any',
      { queue: { zzz: 1 } },
      ['queue.zzz: unknown key "zzz"; the known ones are maxWaiting, maxRetryDelayMs'],
    ],
    [
      'two unknown keys',
      { redis: { ur: 1, prefx: 2 } },
      [/^redis\.ur: .*"url"/, /^redis\.prefx: .*"prefix"/],
    ],
    [
      'unknown key of a provider',
      { providers: { p: { ...gpu, base_url: 'x' } } },
      [/p\.base_url: .*"baseUrl"/],
    ],
    [
      'unknown kind',
      { providers: { p: { kind: 'olama' } } },
      [/kind: expected one of the known kinds: openai-compatible, .*demo$/],
    ],
    ['no kind', { providers: { p: {} } }, [/p\.kind: .*openai-compatible, .*demo/]],
    [
      'no location, no URL',
      { providers: { p: { kind: 'openai-compatible' } } },
      [/p\.location: this is required: local or cloud/, /p\.baseUrl: this is required/],
    ],
    ['empty apiKey', { providers: { p: { ...gpu, apiKey: '' } } }, [/apiKey: must not be empty/]],
    [
      'nothing as apiKey',
      { providers: { p: { ...gpu, apiKey: null } } },
      [/apiKey: expected text, got nothing/],
    ],
    ['concurrency 0', { providers: { p: { ...gpu, concurrency: 0 } } }, [/concurrency: must be at least 1/]],
    ['port', { server: { port: 65536 } }, ['server.port: must be at most 65535']],
    [
      'port with a fraction',
      { server: { port: 1.5 } },
      [/port: expected a whole number, got a number with a fraction/],
    ],
    ['port as words', { server: { port: 'http' } }, [/port: expected a whole number, got text/]],
    ['duration', { timeouts: { idleMs: 0 } }, [/idleMs: must be at least 1/]],
    [
      'totalMs for a provider',
      { providers: { p: { ...gpu, timeouts: { totalMs: 5 } } } },
      [/timeouts\.totalMs: unknown key/],
    ],
    [
      'a queue wait below 0',
      { providers: { p: { ...gpu, maxQueueWaitMs: -1 } } },
      [/p\.maxQueueWaitMs: must be at least 0/],
    ],
    ['redis prefix', { redis: { prefix: 'a:{b}' } }, [/redis\.prefix: expected 1 to 64/]],
    ['no targets', { models: { m: { targets: [] } } }, ['models.m.targets: must not be empty']],
    [
      'model id with a space',
      { models: { 'a b': { targets: [{ provider: 'p' }] } }, providers: { p: gpu } },
      [/^models\["a b"\]: a model id/],
    ],
    ['no keys', { applications: { web: { apiKeys: [] } } }, ['applications.web.apiKeys: must not be empty']],
    [
      'empty key',
      { applications: { web: { apiKeys: [''] } } },
      ['applications.web.apiKeys[0]: must not be empty'],
    ],
    [
      'no provider of this name',
      routed({ provider: 'gpux' }),
      ['models.m.targets[0].provider: there is no provider "gpux"; did you mean "gpu"?'],
    ],
    ['no provider near', routed({ provider: 'zzz' }), [/"zzz"; the known ones are gpu, demo/]],
    ['no providers', { models: { m: { targets: [{ provider: 'p' }] } } }, [/"p"; `providers` is empty/]],
    [
      'the same target',
      routed({ provider: 'gpu' }, { provider: 'demo' }, { provider: 'gpu', model: 'm' }),
      [/^models\.m\.targets\[2\]: a fallback loop: .* targets\[0\]/],
    ],
    [
      'two credentials',
      { providers: { p: { ...gpu, apiKey: '${K}', headers: { Authorization: 'x' } } } },
      [/headers\.Authorization: apiKey is sent/],
    ],
    [
      'managed header',
      { providers: { p: { ...gpu, headers: { Host: 'x' } } } },
      [/headers\.Host: this header is set by/],
    ],
    [
      'header name',
      { providers: { p: { ...gpu, headers: { 'x y': 'x' } } } },
      [/not a name that an HTTP header/],
    ],
    [
      'unset variable, once',
      { server: { port: '${P}' } },
      [/^server\.port: the environment variable P is not set/],
    ],
  ];
  it.each(cases)('%s', (_name, tree, expected) => {
    const problems = problemsOf(tree);
    expect(problems).toHaveLength(expected.length);
    expect(expected.filter((each, i) => !fits(problems[i] ?? '', each))).toEqual([]);
  });

  it.each(['A', 'gpu:box', 'a/b', 'a{b', '-a', '', 'x'.repeat(65), 'a b'])(
    'refuses the provider name %j',
    (name) => {
      expect(problemsOf({ providers: { [name]: { kind: 'demo' } } })).toEqual([
        expect.stringMatching(/a name here is 1 to 64/),
      ]);
    },
  );

  it.each([
    'localhost:8000',
    'ftp://host/v1',
    'not a url',
    '',
    'http://user:sk-secret@host/v1',
    'http://host/v1?key=sk-secret',
    'http://host/v1#sk-secret',
    'https://api.openai.com/v1/chat/completions',
  ])('refuses the baseUrl %j without quoting it', (baseUrl) => {
    const problems = problemsOf({ providers: { p: { ...gpu, baseUrl } } });
    expect(problems).toEqual([expect.stringMatching(/^providers\.p\.baseUrl: /)]);
    expect(problems.join()).not.toContain('sk-secret');
  });

  it.each(['http://:sk-secret@x', 'redis://', 'sk-secret', ''])(
    'refuses the Redis URL %j without quoting it',
    (url) => {
      expect(problemsOf({ redis: { url } })).toEqual([
        expect.stringMatching(/^redis\.url: expected a URL like redis:/),
      ]);
    },
  );

  it('shows every problem in one run, of every stage', () => {
    const tree = {
      server: { port: '${UNSET}', hots: 'x' },
      providers: { gpu: { ...gpu, location: 'here' } },
      models: { m: { targets: [{ provider: 'gpux' }] } },
    };
    expect(problemsOf(tree).map((line) => line.split(': ')[0])).toEqual([
      'server.port',
      'server.hots',
      'providers.gpu.location',
      'models.m.targets[0].provider',
    ]);
  });

  it('quotes no value from the environment', () => {
    const secret = 'sk-leaked';
    const everywhere = {
      server: { host: '${S}', port: '${S}' },
      redis: { url: '${S}', prefix: '${S}:' },
      providers: {
        p: { ...gpu, location: '${S}', baseUrl: '${S}', concurrency: '${S}' },
        q: { kind: '${S}' },
      },
      models: { m: { targets: [{ provider: '${S}' }, { provider: '${S}' }] } },
    };
    const problems = problemsOf(everywhere, { S: secret });
    expect(problems.length).toBeGreaterThan(8);
    expect(problems.join('\n')).not.toContain(secret);
  });

  it('gives the sections that are right, for the checks that follow', () => {
    const parsed = parseConfig({ server: { port: -1 }, applications: { web: { apiKeys: ['k'] } } }, {});
    expect(parsed.ok ? [] : Object.keys(parsed.sections)).toEqual([
      'redis',
      'providers',
      'models',
      'applications',
      'timeouts',
      'queue',
      'requests',
      'worker',
    ]);
  });
});

function fits(problem: string, expected: string | RegExp): boolean {
  return typeof expected === 'string' ? problem === expected : expected.test(problem);
}
