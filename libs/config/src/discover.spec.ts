import { describe, expect, it } from '@jest/globals';
import { expandPresets } from '#core/config/expand-presets.js';
import type { Env } from '#core/config/template.js';
import { describeServices } from './describe-services.js';
import { discoverConfig } from './discover.js';
import { readEnvironment } from './environment.js';

/** What was found, written out. */
function providersOf(variables: Env) {
  const { tree } = expandPresets(discoverConfig(readEnvironment(variables)).tree, variables);
  return (tree as { providers: Record<string, Readonly<Record<string, unknown>>> }).providers;
}

describe('discoverConfig', () => {
  it('puts model servers first, then accounts in the order of the table', () => {
    const keys = { OPENROUTER_API_KEY: 'a', ANTHROPIC_API_KEY: 'b', OPENAI_API_KEY: 'c' };
    expect(Object.keys(providersOf(keys))).toEqual([
      ...['ollama', 'vllm', 'llama-server', 'lm-studio'],
      ...['openai', 'anthropic', 'openrouter'],
    ]);
  });

  it('makes an account of a key: its address, a reference to the key, and the model it stands in with', () => {
    expect(providersOf({ GROQ_API_KEY: 'gsk-secret' })['groq']).toMatchObject({
      kind: 'openai-compatible',
      location: 'cloud',
      baseUrl: 'https://api.groq.com/openai/v1',
      apiKey: '${GROQ_API_KEY}',
      fallbackModel: 'llama-3.3-70b-versatile',
    });
  });

  it.each([
    [{ GEMINI_API_KEY: 'a' }, '${GEMINI_API_KEY}'],
    [{ GOOGLE_API_KEY: 'b' }, '${GOOGLE_API_KEY}'],
    [{ GEMINI_API_KEY: 'a', GOOGLE_API_KEY: 'b' }, '${GEMINI_API_KEY}'],
    [{ GEMINI_API_KEY: ' ', GOOGLE_API_KEY: 'b' }, '${GOOGLE_API_KEY}'],
  ])('takes the first of %j', (variables, apiKey) => {
    expect(providersOf(variables)['gemini']?.['apiKey']).toBe(apiKey);
  });

  it('counts an empty key as none, and then has the demo', () => {
    expect(Object.keys(providersOf({ OPENAI_API_KEY: ' ' }))).toContain('demo');
    expect(Object.keys(providersOf({ OPENAI_API_KEY: 'x' }))).not.toContain('demo');
  });

  it('takes addresses and models from variables of its own, never from those of the clients', () => {
    const variables = {
      OPENAI_API_KEY: 'a',
      OPENAI_BASE_URL: 'http://127.0.0.1:4100/v1',
      SPILLWAY_OPENAI_BASE_URL: 'http://127.0.0.1:9999/v1',
      SPILLWAY_OPENAI_FALLBACK_MODEL: 'gpt-x',
    };
    expect(providersOf(variables)['openai']).toMatchObject({
      baseUrl: '${SPILLWAY_OPENAI_BASE_URL}',
      fallbackModel: 'gpt-x',
    });
  });

  it.each(['0', 'false', 'off', 'no'])('has nobody stand in with SPILLWAY_CLOUD_FALLBACK=%s', (value) => {
    const off = { OPENAI_API_KEY: 'a', SPILLWAY_CLOUD_FALLBACK: value };
    expect(providersOf(off)['openai']).not.toHaveProperty('fallbackModel');
    expect(providersOf({ ...off, SPILLWAY_CLOUD_FALLBACK: '1' })['openai']).toHaveProperty('fallbackModel');
  });

  it('looks for model servers at their ports, or where a variable says', () => {
    const urls = (variables: Env) =>
      discoverConfig(readEnvironment(variables)).services.flatMap((service) =>
        service.by === 'address' ? [service.baseUrl] : [],
      );
    const others = [8000, 8080, 1234].map((port) => `http://127.0.0.1:${port}/v1`);
    expect(urls({})).toEqual(['http://127.0.0.1:11434', ...others]);
    expect(
      urls({
        OLLAMA_HOST: 'ignored:1',
        OLLAMA_BASE_URL: 'http://ollama:11434/v1',
        VLLM_BASE_URL: 'http://a/v1',
        LLAMA_SERVER_BASE_URL: 'http://b/v1',
        LM_STUDIO_BASE_URL: 'http://c/v1',
      }),
    ).toEqual(['http://ollama:11434/v1', 'http://a/v1', 'http://b/v1', 'http://c/v1']);
    expect(urls({ OLLAMA_HOST: 'gpu-box' })[0]).toBe('http://gpu-box:11434');
  });

  it('sends a key to a model server that was started with one', () => {
    expect(providersOf({ VLLM_API_KEY: 'x' })['vllm']?.['apiKey']).toBe('${VLLM_API_KEY}');
    expect(providersOf({})['vllm']).not.toHaveProperty('apiKey');
  });

  it('does not look where it listens itself', () => {
    expect(Object.keys(providersOf({ PORT: '8000' }))).not.toContain('vllm');
    expect(Object.keys(providersOf({ PORT: '8000', VLLM_BASE_URL: 'http://box/v1' }))).toContain('vllm');
  });

  it('takes an address on the internet for a cloud', () => {
    const { ollama } = providersOf({ OLLAMA_HOST: 'https://ollama.com' });
    expect(ollama).toMatchObject({ location: 'cloud', baseUrl: 'https://ollama.com', optional: true });
  });
});

describe('describeServices', () => {
  const linesOf = (variables: Env, answers: readonly (readonly [string, readonly string[]])[] = []) =>
    describeServices(discoverConfig(readEnvironment(variables)).services, new Map(answers));

  it('says what was found and where it comes from, and never the key', () => {
    expect(linesOf({ OPENAI_API_KEY: 'sk-secret' }, [['ollama', ['phi']]])).toEqual([
      'found ollama (local): answers at http://127.0.0.1:11434 with 1 model',
      'found openai (cloud): OPENAI_API_KEY is set; takes over from local models with gpt-4o-mini',
      'not there: vllm at http://127.0.0.1:8000/v1, llama-server at http://127.0.0.1:8080/v1, lm-studio at http://127.0.0.1:1234/v1 (looked for again every few seconds)',
    ]);
  });

  it('says that nobody takes over', () => {
    const [line] = linesOf({ OPENAI_API_KEY: 'sk-secret', SPILLWAY_CLOUD_FALLBACK: '0' });
    expect(line).toBe('found openai (cloud): OPENAI_API_KEY is set');
  });

  it('says that there is only the demo', () => {
    expect(linesOf({})[0]).toMatch(/^found no model server and no API key: the built-in demo/);
    expect(linesOf({}, [['vllm', ['a', 'b']]])[0]).toMatch(/^found vllm/);
    expect(linesOf({}, [['vllm', ['a', 'b']]]).join()).not.toContain('demo');
  });
});
