import { describe, expect, it } from '@jest/globals';
import type { CollectOptions } from '../../../../test/support/collect-call.js';
import { vectorOf } from '../../../../test/support/upstream-endpoints.js';
import { ollamaScene } from './testing/scene.js';

const scene = ollamaScene();
const { collect } = scene;

async function whole(options: CollectOptions = {}) {
  const { text, end } = await collect({ stream: false, ...options });
  return { answer: JSON.parse(text) as Record<string, unknown>, end };
}

describe('embeddings', () => {
  const embed = (extra: object) => ({
    endpoint: 'embeddings' as const,
    body: Buffer.from(JSON.stringify({ model: 'public', ...extra })),
  });

  it('come in the order of the inputs, with their usage', async () => {
    const { answer, end } = await whole(embed({ input: ['a', 'b'] }));
    expect(answer).toEqual({
      object: 'list',
      model: 'llama3.2',
      data: ['a', 'b'].map((text, index) => ({ object: 'embedding', index, embedding: vectorOf(text) })),
      usage: { prompt_tokens: 2, total_tokens: 2 },
    });
    expect(end).toEqual({ ok: true, usage: { promptTokens: 2, completionTokens: 0 } });
  });

  it('come in base64 where that is asked for, and in the dimensions', async () => {
    const { answer } = await whole(embed({ input: 'a', dimensions: 2, encoding_format: 'base64' }));
    const floats = Buffer.from(Float32Array.from(vectorOf('a', 2)).buffer).toString('base64');
    expect(answer['data']).toEqual([{ object: 'embedding', index: 0, embedding: floats }]);
  });

  it('of very many inputs take several calls', async () => {
    const input = Array.from({ length: 2_050 }, (_, at) => `text ${at}`);
    const { answer, end } = await whole(embed({ input }));
    expect(scene.wire.calls.map(({ json }) => (json?.['input'] as string[] | undefined)?.length)).toEqual([
      2_048, 2,
    ]);
    expect(answer['data']).toHaveLength(2_050);
    expect(end).toMatchObject({ ok: true, usage: { promptTokens: 2_050 } });
  });
});
