import { once } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { ollamaScene } from './testing/scene.js';

const scene = ollamaScene();
const { collect } = scene;

describe('what an Ollama offers', () => {
  const discover = () => scene.provider.discover(new AbortController().signal);

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
    scene.wire.add('qwen3:8b');
    expect((await discover()).models).toContain('qwen3:8b');
  });

  it('is nothing that a local server passes on to a cloud, and such a model is not called', async () => {
    scene.wire.add('gpt-oss:120b-cloud', { remoteHost: 'https://ollama.com' });
    scene.wire.add('innocent', { remoteHost: 'https://ollama.com' });
    const { models } = await discover();
    expect(models).toEqual(['llama3.2:latest', 'gpt-oss:latest', 'tiny:latest']);
    for (const model of ['gpt-oss:120b-cloud', 'innocent', 'library/Innocent', 'library/innocent:latest']) {
      expect((await collect({ model })).end).toMatchObject({
        ok: false,
        phase: 'not_sent',
        facts: { status: 404 },
      });
    }
    expect(scene.wire.calls).toHaveLength(0);
    const cloud = scene.serve({ location: 'cloud' });
    expect((await cloud.discover(new AbortController().signal)).models).toContain('gpt-oss:120b-cloud');
    await cloud.close();
  });

  it('is asked for before the first call, as one of its models may be elsewhere', async () => {
    scene.wire.add('innocent', { remoteHost: 'https://ollama.com' });
    expect((await collect({ model: 'innocent' })).end).toMatchObject({ ok: false, facts: { status: 404 } });
    expect(scene.wire.calls).toHaveLength(0);
    expect((await collect()).end.ok).toBe(true);
  });

  it('is waited for by no call that nobody wants any more', async () => {
    const left = new AbortController();
    scene.wire.scriptModels(async ({ closed }) => {
      left.abort();
      await once(closed, 'abort');
    });
    const { end } = await collect({ signal: left.signal });
    expect(end).toEqual({ ok: false, aborted: true, phase: 'not_sent' });
    expect(scene.wire.calls).toHaveLength(0);
  });

  it('is not known of one that is away', async () => {
    await scene.wire.close();
    expect(await discover()).toEqual({ credential: 'ok', away: true });
  });
});
