import { describe, expect, it } from '@jest/globals';
import { expandPresets } from './expand-presets.js';
import { parseConfig } from './parse-config.js';
import { PRESET_NAMES, presetOf } from './presets.js';
import { formatPath } from './problem.js';
import { resolveSecret } from './secret.js';
import type { Env } from './template.js';

function providerOf(provider: unknown, env: Env = {}) {
  const parsed = parseConfig({ providers: { it: provider } }, env);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  const it = parsed.config.providers['it'];
  if (!it || it.kind === 'demo') throw new Error('another kind');
  return it;
}

/** Of a preset whose service speaks OpenAI's API. */
function openAiOf(provider: unknown, env: Env = {}) {
  const it = providerOf(provider, env);
  if (it.kind !== 'openai-compatible') throw new Error('another kind');
  return it;
}

function problemsOf(provider: unknown, env: Env = {}): string[] {
  const parsed = parseConfig({ providers: { it: provider } }, env);
  return parsed.ok ? [] : parsed.problems.map(({ path, message }) => `${formatPath(path)}: ${message}`);
}

describe('a preset', () => {
  it.each(PRESET_NAMES)('%s is all that it needs, with what its account needs in the environment', (name) => {
    const preset = presetOf(name);
    const env = { [preset.keys[0]]: 'sk-1', ...(preset.resource && { [preset.resource.variable]: 'mine' }) };
    const provider = providerOf({ preset: name }, env);
    expect(provider).toMatchObject({ kind: preset.kind, location: preset.location });
    const named = name === 'azure' ? 'https://mine.openai.azure.com/openai/v1' : undefined;
    expect(provider.baseUrl).toBe(preset.baseUrl ?? named);
    const secret = preset.keyHeader === undefined ? provider.apiKey : provider.headers[preset.keyHeader];
    expect(secret && resolveSecret(secret, env)).toEqual({ kind: 'ok', value: 'sk-1' });
  });

  it.each(PRESET_NAMES)('%s has a key that is missing where it needs one, and none where not', (name) => {
    const preset = presetOf(name);
    const { apiKey, headers } = providerOf({ preset: name }, { AZURE_OPENAI_RESOURCE: 'mine' });
    const secret = preset.keyHeader === undefined ? apiKey : headers[preset.keyHeader];
    const missing = { kind: 'missing', variable: preset.keys[0] };
    expect(secret && resolveSecret(secret, {})).toEqual(preset.keyOptional ? undefined : missing);
  });

  it('does not read the value of a key', () => {
    const { tree } = expandPresets({ providers: { g: { preset: 'groq' } } }, { GROQ_API_KEY: 'gsk-secret' });
    expect(JSON.stringify(tree)).toContain('${GROQ_API_KEY}');
    expect(JSON.stringify(tree)).not.toContain('gsk-secret');
  });

  it.each([
    [{ GOOGLE_API_KEY: 'b' }, 'b'],
    [{ GEMINI_API_KEY: 'a', GOOGLE_API_KEY: 'b' }, 'a'],
    [{ GEMINI_API_KEY: ' ', GOOGLE_API_KEY: 'b' }, 'b'],
  ])('takes the first key of %j', (env, value) => {
    const { apiKey } = providerOf({ preset: 'gemini' }, env);
    expect(apiKey && resolveSecret(apiKey, env)).toEqual({ kind: 'ok', value });
  });

  it('gives way to what the file says, member by member', () => {
    const env = { MY_KEY: 'k', GROQ_API_KEY: 'other' };
    const written = {
      ...{ preset: 'groq', apiKey: '${MY_KEY}', location: 'local', baseUrl: 'http://box/v1' },
      ...{ headers: { 'x-team': 'a' }, timeouts: { idleMs: 5 }, concurrency: 3 },
    };
    const provider = providerOf(written, env);
    expect(provider).toMatchObject({ location: 'local', baseUrl: 'http://box/v1', concurrency: 3 });
    expect(provider.apiKey && resolveSecret(provider.apiKey, env)).toEqual({ kind: 'ok', value: 'k' });
    expect(Object.keys(provider.headers)).toEqual(['x-team']);
    const vllm = providerOf({ preset: 'vllm', timeouts: { idleMs: 5 } });
    expect(vllm.timeouts).toEqual({ firstTokenMs: 120_000, idleMs: 5 });
  });

  it('keeps those of its maps that the file does not name', () => {
    const { quirks, defaults } = openAiOf({ preset: 'fireworks', defaults: { top_k: 40 } });
    expect(quirks).toEqual({ stopInText: true });
    expect(defaults).toEqual({ context_length_exceeded_behavior: 'error', top_k: 40 });
    const other = { context_length_exceeded_behavior: 'truncate' };
    expect(openAiOf({ preset: 'fireworks', defaults: other }).defaults).toEqual(other);
    expect(openAiOf({ preset: 'fireworks', quirks: { stopInText: false } }).quirks).toEqual({
      stopInText: false,
    });
  });

  it('adds no key to a credential that the file sends in a header', () => {
    const provider = providerOf({ preset: 'openai', headers: { Authorization: 'Bearer ${T}' } }, { T: 't' });
    expect(provider.apiKey).toBeUndefined();
    const azure = { preset: 'azure', resource: 'r', headers: { authorization: 'Bearer ${ENTRA_TOKEN}' } };
    expect(Object.keys(providerOf(azure).headers)).toEqual(['authorization']);
  });

  it('takes another address from a variable of its own, or of Ollama', () => {
    const env = { SPILLWAY_GROQ_BASE_URL: 'http://127.0.0.1:9/v1', GROQ_BASE_URL: 'http://not.this' };
    expect(providerOf({ preset: 'groq' }, env).baseUrl).toBe('http://127.0.0.1:9/v1');
    const host = { OLLAMA_HOST: 'gpu-box' };
    expect(providerOf({ preset: 'ollama' }, host).baseUrl).toBe('http://gpu-box:11434');
    const both = { ...host, OLLAMA_BASE_URL: 'http://other/v1' };
    expect(providerOf({ preset: 'ollama' }, both).baseUrl).toBe('http://other');
  });
});

describe('azure', () => {
  const KEY = { AZURE_OPENAI_API_KEY: 'k' };

  it.each<[object, Env, string]>([
    [{ resource: 'mine' }, {}, 'https://mine.openai.azure.com/openai/v1'],
    [{ resource: '${R}' }, { R: 'theirs' }, 'https://theirs.openai.azure.com/openai/v1'],
    [{}, { AZURE_OPENAI_RESOURCE: 'set' }, 'https://set.openai.azure.com/openai/v1'],
    [{ resource: 'mine' }, { AZURE_OPENAI_RESOURCE: 'set' }, 'https://mine.openai.azure.com/openai/v1'],
    [{ baseUrl: 'https://x.example/openai/v1' }, {}, 'https://x.example/openai/v1'],
  ])('%j with %j is at %s', (written, env, url) => {
    expect(providerOf({ preset: 'azure', ...written }, { ...KEY, ...env }).baseUrl).toBe(url);
  });

  it('takes its key in a header of its own, whoever names it', () => {
    const provider = providerOf({ preset: 'azure', resource: 'r', apiKey: '${MINE}' });
    expect(provider.apiKey).toBeUndefined();
    expect(provider.headers['api-key']?.variables).toEqual(['MINE']);
  });

  it.each<[object, Env]>([
    [{ resource: '${R}' }, { R: 'evil.example/x' }],
    [{ resource: 'a-${R}' }, { R: 'evil.example#' }],
    [{}, { AZURE_OPENAI_RESOURCE: 'evil.example/x' }],
  ])('lets no variable lead its key elsewhere: %j with %j', (written, env) => {
    const [first] = problemsOf({ preset: 'azure', ...written }, { ...KEY, ...env });
    expect(first).toContain('providers.it.resource: expected the <name> of');
    expect(first).not.toContain('evil');
  });

  it.each<[object, string]>([
    [{}, 'it.baseUrl: the preset azure does not know its address: write `resource`, or set AZURE_OPENAI_'],
    [{ resource: 'a.b' }, 'it.resource: expected the <name> of https://<name>.openai.azure.com/openai/v1'],
    [{ resource: 7 }, 'it.resource: expected the <name> of'],
  ])('needs a resource: %j', (written, message) => {
    const problems = problemsOf({ preset: 'azure', ...written }, KEY);
    expect(problems[0]).toContain(`providers.${message}`);
    expect(problems.filter((line) => line.startsWith('providers.it.resource')).length).toBeLessThan(2);
  });
});

describe('bedrock', () => {
  /** Its region, and the variables that its keys are in. */
  function bedrockOf(written: object, env: Env) {
    const it = providerOf({ preset: 'bedrock', ...written }, env);
    if (it.kind !== 'bedrock') throw new Error('another kind');
    const secrets = { a: it.apiKey, i: it.accessKeyId, s: it.secretAccessKey, t: it.sessionToken };
    const keys = Object.entries(secrets).flatMap(([name, secret]) =>
      secret ? [[name, ...secret.variables].join(' ')] : [],
    );
    return [it.region, ...keys];
  }
  const SIGNED = ['i AWS_ACCESS_KEY_ID', 's AWS_SECRET_ACCESS_KEY'];
  const TEMPORARY = { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b', AWS_SESSION_TOKEN: 'c' };

  it.each<[object, Env, readonly string[]]>([
    [{}, {}, ['us-east-1', ...SIGNED]],
    [{}, { AWS_REGION: 'eu-central-1', ...TEMPORARY }, ['eu-central-1', ...SIGNED, 't AWS_SESSION_TOKEN']],
    [{}, { ...TEMPORARY, AWS_BEARER_TOKEN_BEDROCK: 'k' }, ['us-east-1', 'a AWS_BEARER_TOKEN_BEDROCK']],
    [{ region: 'eu-west-1', apiKey: '${K}' }, TEMPORARY, ['eu-west-1', 'a K']],
    [
      { accessKeyId: '${I}', secretAccessKey: '${S}' },
      { ...TEMPORARY, AWS_BEARER_TOKEN_BEDROCK: 'k' },
      ['us-east-1', 'i I', 's S'],
    ],
  ])('%j with %j has %j', (written, env, found) => expect(bedrockOf(written, env)).toEqual(found));
});

describe('a mistake', () => {
  it.each<[object, Env, unknown[]]>([
    [{ preset: 'grok' }, {}, ['providers.it.preset: there is no preset "grok"; did you mean "groq"?']],
    [{ preset: 7, oh: 1 }, {}, [expect.stringMatching(/preset: expected the name of a preset; the known/)]],
    [{ preset: 'nothing-like-it' }, {}, [expect.stringMatching(/the known ones are ollama, vllm, .*groq/)]],
    [{ preset: 'groq', kind: 'demo' }, {}, [expect.stringMatching(/it\.kind: .*remove this line/)]],
    [{ preset: 'groq', resource: 'x' }, {}, [expect.stringMatching(/it\.resource: .* has no resources/)]],
    [{ preset: 'groq', baseURL: 'x' }, {}, [expect.stringMatching(/unknown key .* "baseUrl"\?/)]],
    [{ preset: 'groq', timeouts: null }, {}, [expect.stringMatching(/it\.timeouts: expected a map/)]],
    [
      { preset: 'vllm' },
      { VLLM_BASE_URL: 'https://vllm.example.com/v1' },
      [expect.stringMatching(/it\.location: this address is not of your own network/)],
    ],
    [{ preset: 'vllm', baseUrl: '${NO}' }, {}, [expect.stringMatching(/it\.baseUrl: .*variable NO is not/)]],
    [
      { preset: 'groq' },
      { SPILLWAY_GROQ_BASE_URL: 'sk-secret' },
      ['providers.it.baseUrl: expected a URL like http://10.0.0.5:8000/v1'],
    ],
  ])('%j is one problem', (provider, env, problems) => {
    expect(problemsOf(provider, { GROQ_API_KEY: 'k', ...env })).toEqual(problems);
  });

  it('of one provider leaves its name to the models', () => {
    const tree = { providers: { it: { preset: 'grok' } }, models: { m: { targets: [{ provider: 'it' }] } } };
    const parsed = parseConfig(tree, {});
    expect(parsed.ok ? [] : parsed.problems.map(({ path }) => formatPath(path))).toEqual([
      'providers.it.preset',
    ]);
  });

  it.each([null, undefined, [], 'x', { providers: [] }, { providers: { it: 'x' } }])(
    'of another form is left as it is: %j',
    (tree) => expect(expandPresets(tree, {})).toEqual({ tree, problems: [] }),
  );
});

it('a local preset may be anywhere once its location is written', () => {
  const written = { preset: 'vllm', baseUrl: 'https://vllm.example.com/v1' };
  expect(providerOf({ ...written, location: 'cloud' }).location).toBe('cloud');
  expect(providerOf({ ...written, location: 'local' }).location).toBe('local');
});
