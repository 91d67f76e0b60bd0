import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { collectCall, type CollectOptions } from '../../../../test/support/collect-call.js';
import { startOllama, type OllamaWire } from '../../../../test/support/wire/ollama.js';
import { OllamaProvider, type OllamaOptions } from './ollama-provider.js';

let wire: OllamaWire;
let provider: OllamaProvider;

function serve(options: Partial<OllamaOptions> = {}): OllamaProvider {
  return new OllamaProvider({ name: 'box', baseUrl: wire.baseUrl, location: 'local', ...options });
}

beforeEach(async () => {
  wire = await startOllama({ 'llama3.2': {}, 'gpt-oss': { thinking: 'levels' }, tiny: { thinking: 'none' } });
  provider = serve();
});
afterEach(async () => {
  await provider.close();
  await wire.close();
});

const collect = (options: CollectOptions = {}) => collectCall(provider, { model: 'llama3.2', ...options });

describe('what an Ollama offers', () => {
  const discover = () => provider.discover(new AbortController().signal);

  it('is what it has, and what of it is loaded', async () => {
    await collect();
    expect(await discover()).toEqual({
      models: ['llama3.2:latest', 'gpt-oss:latest', 'tiny:latest'],
      loaded: ['llama3.2:latest'],
      credential: 'ok',
    });
  });

  it('is known at once after a pull', async () => {
    await discover();
    wire.add('qwen3:8b');
    expect((await discover()).models).toContain('qwen3:8b');
  });

  it('is nothing that a local server passes on to a cloud, and such a model is not called', async () => {
    wire.add('gpt-oss:120b-cloud', { remoteHost: 'https://ollama.com' });
    wire.add('innocent', { remoteHost: 'https://ollama.com' });
    const { models } = await discover();
    expect(models).toEqual(['llama3.2:latest', 'gpt-oss:latest', 'tiny:latest']);
    for (const model of ['gpt-oss:120b-cloud', 'innocent', 'library/Innocent', 'library/innocent:latest']) {
      expect((await collect({ model })).end).toMatchObject({
        ok: false,
        phase: 'not_sent',
        facts: { status: 404 },
      });
    }
    expect(wire.calls).toHaveLength(0);
    const cloud = serve({ location: 'cloud' });
    expect((await cloud.discover(new AbortController().signal)).models).toContain('gpt-oss:120b-cloud');
    await cloud.close();
  });

  it('is asked for before the first call, as one of its models may be elsewhere', async () => {
    wire.add('innocent', { remoteHost: 'https://ollama.com' });
    expect((await collect({ model: 'innocent' })).end).toMatchObject({ ok: false, facts: { status: 404 } });
    expect(wire.calls).toHaveLength(0);
    expect((await collect()).end.ok).toBe(true);
  });

  it('is waited for by no call that nobody wants any more', async () => {
    const left = new AbortController();
    wire.scriptModels(async ({ closed }) => {
      left.abort();
      await once(closed, 'abort');
    });
    const { end } = await collect({ signal: left.signal });
    expect(end).toEqual({ ok: false, aborted: true, phase: 'not_sent' });
    expect(wire.calls).toHaveLength(0);
  });

  it('is not known of one that is away', async () => {
    await wire.close();
    expect(await discover()).toEqual({ credential: 'ok', away: true });
  });
});
