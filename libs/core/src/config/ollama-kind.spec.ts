import { describe, expect, it } from '@jest/globals';
import { parseConfig } from './parse-config.js';
import { formatPath } from './problem.js';
import type { Env } from './template.js';

function parse(provider: object, env: Env = {}) {
  const parsed = parseConfig({ providers: { box: { kind: 'ollama', ...provider } } }, env);
  return parsed.ok
    ? { provider: parsed.config.providers['box'], problems: [] }
    : { problems: parsed.problems.map(({ path, message }) => `${formatPath(path)}: ${message}`) };
}

describe('a provider of the kind ollama', () => {
  it('needs nothing but its kind', () => {
    expect(parse({}).provider).toMatchObject({
      ...{ kind: 'ollama', location: 'local', baseUrl: 'http://127.0.0.1:11434' },
      ...{ concurrency: 4, workerConcurrency: 4, pull: false },
    });
  });

  it.each(['http://box:11434', 'http://box:11434/', 'http://box:11434/v1', 'http://box:11434/api/'])(
    'is at %s',
    (baseUrl) => {
      expect(parse({ baseUrl }).provider).toMatchObject({ baseUrl: 'http://box:11434' });
    },
  );

  it.each([
    ['30m', '30m'],
    ['1h30m', '1h30m'],
    [-1, -1],
    ['-1', -1],
    [0, 0],
    ['3600', 3600],
  ])('keeps models alive for %j', (keepAlive, expected) => {
    expect(parse({ keepAlive }).provider).toMatchObject({ keepAlive: expected });
  });

  it('has options as Ollama names them, numbers from variables too', () => {
    const options = { num_ctx: '${CTX}', temperature: '0.5', stop: ['END'], use_mmap: true };
    expect(parse({ options }, { CTX: '8192' }).provider).toMatchObject({
      options: { num_ctx: 8192, temperature: 0.5, stop: ['END'], use_mmap: true },
    });
  });

  it.each([true, ['llama3.2', 'hf.co/some/model']])('may pull %j', (pull) => {
    expect(parse({ pull }).provider).toMatchObject({ pull });
  });

  it.each<[object, string]>([
    [{ baseUrl: 'https://ollama.com' }, 'providers.box.location: this address is not of your own network'],
    [{ baseUrl: 'https://box.example.com/ollama' }, 'providers.box.location: '],
    [{ keepAlive: 'long' }, 'providers.box.keepAlive: '],
    [{ keepAlive: '5 minutes' }, 'providers.box.keepAlive: '],
    [{ think: 'hard' }, 'providers.box.think: '],
    [{ options: { 'num ctx': 1 } }, 'providers.box.options'],
    [{ keep_alive: 1 }, 'providers.box: unknown key "keep_alive"'],
  ])('is refused with %j', (provider, problem) => {
    const { problems } = parse(provider);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(problem.replace('providers.box: ', ''));
  });

  it('may be in a cloud where that is written', () => {
    const written = { baseUrl: 'https://ollama.com', location: 'cloud', apiKey: '${OLLAMA_API_KEY}' };
    expect(parse(written).provider).toMatchObject({ location: 'cloud', concurrency: 64 });
  });

  it.each<[string | undefined, object, number]>([
    ['2', {}, 2],
    [' 8 ', {}, 8],
    ['2', { concurrency: 3 }, 3],
    ['0', {}, 4],
    ['many', {}, 4],
    [undefined, {}, 4],
  ])('takes as many calls at once as OLLAMA_NUM_PARALLEL=%s and %j say', (value, provider, concurrency) => {
    const env = value === undefined ? {} : { OLLAMA_NUM_PARALLEL: value };
    expect(parse(provider, env).provider).toMatchObject({ concurrency });
    const preset = parseConfig({ providers: { box: { preset: 'ollama', ...provider } } }, env);
    expect(preset.ok && preset.config.providers['box']).toMatchObject({ concurrency });
  });

  it('says nothing of what others take', () => {
    const vllm = { preset: 'vllm' };
    const parsed = parseConfig({ providers: { vllm } }, { OLLAMA_NUM_PARALLEL: '2' });
    expect(parsed.ok && parsed.config.providers['vllm']).toMatchObject({ concurrency: 4 });
  });
});
