import { describe, expect, it } from '@jest/globals';
import type { Capabilities } from '#core/capabilities.js';
import { createCall } from '../../../test/support/collect-call.js';
import type { CallEnd, ProviderFrame } from './provider.js';
import { embed } from './embeddings.js';

type Answer = AsyncGenerator<ProviderFrame, CallEnd, void>;

interface Body {
  readonly input: unknown;
  readonly encoding_format?: string;
}

/** An upstream that embeds a text as its length, in whatever form `write` gives the vector. */
function embedder(
  write: (vector: number[]) => unknown,
  change: (data: object[]) => object[] = (data) => data,
) {
  const bodies: Body[] = [];
  async function* ask(bytes: Buffer): Answer {
    const body = JSON.parse(bytes.toString()) as Body;
    bodies.push(body);
    const texts: unknown[] = Array.isArray(body.input) ? body.input : [body.input];
    const data = texts.map((text, index) => ({
      object: 'embedding',
      index,
      embedding: write([String(text).length, 0.5]),
    }));
    const usage = { prompt_tokens: texts.length, total_tokens: texts.length };
    const answer = { object: 'list', data: change(data), model: 'up', usage };
    yield { bytes: Buffer.from(JSON.stringify(answer)), output: true };
    return { ok: true, usage: { promptTokens: texts.length, completionTokens: 0 } };
  }
  return { bodies, ask };
}

const floats = (vector: number[]) => vector;
const base64 = (vector: number[]) => Buffer.from(new Float32Array(vector).buffer).toString('base64');

async function run(body: object, ask: (bytes: Buffer) => Answer, capabilities: Capabilities = {}) {
  const bytes = Buffer.from(JSON.stringify(body));
  const call = createCall({ endpoint: 'embeddings', stream: false, body: bytes, capabilities });
  const frames: string[] = [];
  const answer = embed(call, ask);
  for (;;) {
    const step = await answer.next();
    if (step.done) return { end: step.value, text: frames.join(''), frames };
    frames.push(step.value.bytes.toString());
  }
}

function vectorsOf(text: string): unknown[] {
  const { data } = JSON.parse(text) as { data: { index: number; embedding: unknown }[] };
  expect(data.map(({ index }) => index)).toEqual(data.map((_, at) => at));
  return data.map(({ embedding }) => embedding);
}

describe('embed', () => {
  it('passes an answer on that is as it was asked for, byte for byte', async () => {
    const { ask, bodies } = embedder(floats);
    const { text, end, frames } = await run({ model: 'm', input: ['a', 'bb'], user: 'u' }, ask);
    const data = [1, 2].map((length, index) => ({ object: 'embedding', index, embedding: [length, 0.5] }));
    const usage = { prompt_tokens: 2, total_tokens: 2 };
    expect(text).toBe(JSON.stringify({ object: 'list', data, model: 'up', usage }));
    expect(frames).toHaveLength(1);
    expect(end).toEqual({ ok: true, usage: { promptTokens: 2, completionTokens: 0 } });
    expect(bodies).toEqual([{ model: 'm', input: ['a', 'bb'], user: 'u' }]);
  });

  it.each([
    ['base64', floats, base64([1, 0.5])],
    ['base64', base64, base64([1, 0.5])],
    ['float', base64, [1, 0.5]],
    ['float', floats, [1, 0.5]],
    [undefined, base64, [1, 0.5]],
  ])('gives %s whatever the upstream answers', async (encoding, write, expected) => {
    const { ask } = embedder(write);
    const { text } = await run({ input: 'a', encoding_format: encoding }, ask);
    expect(vectorsOf(text)).toEqual([expected]);
  });

  it('splits what is too much for one call, and keeps the order', async () => {
    const input = Array.from({ length: 5_000 }, (_, at) => 'x'.repeat(at % 100));
    const { ask, bodies } = embedder(floats);
    const { text, end } = await run({ input, encoding_format: 'float' }, ask);
    expect(bodies.map((body) => (body.input as string[]).length)).toEqual([2_048, 2_048, 904]);
    expect(vectorsOf(text)).toEqual(input.map((each) => [each.length, 0.5]));
    expect(JSON.parse(text)).toMatchObject({
      model: 'up',
      usage: { prompt_tokens: 5_000, total_tokens: 5_000 },
    });
    expect(end).toMatchObject({ ok: true, usage: { promptTokens: 5_000 } });
  });

  it('splits at what the target takes at once', async () => {
    const { ask, bodies } = embedder(floats);
    const { text } = await run({ input: ['a', 'bb', 'ccc', 'dddd', 'e'] }, ask, { embeddingBatch: 2 });
    expect(bodies.map((body) => body.input)).toEqual([['a', 'bb'], ['ccc', 'dddd'], ['e']]);
    expect(vectorsOf(text)).toEqual([1, 2, 3, 4, 1].map((length) => [length, 0.5]));
  });

  it.each([
    ['a text', 'a'],
    ['tokens', [1, 2, 3]],
  ])('takes %s as one input', async (_, input) => {
    const { bodies, ask } = embedder(floats, ([first]) => (first ? [first] : []));
    expect((await run({ input }, ask)).end.ok).toBe(true);
    expect(bodies).toEqual([{ input }]);
  });

  it('takes lists of tokens as an input each', async () => {
    const { ask } = embedder(floats);
    expect(vectorsOf((await run({ input: [[1, 2], [3]] }, ask)).text)).toHaveLength(2);
  });

  it('puts embeddings that came in another order in theirs', async () => {
    const { ask } = embedder(floats, (data) => data.toReversed());
    const { text } = await run({ input: ['a', 'bb', 'ccc'] }, ask);
    expect(vectorsOf(text)).toEqual([
      [1, 0.5],
      [2, 0.5],
      [3, 0.5],
    ]);
  });

  it.each<[string, (data: object[]) => object[]]>([
    ['one too few', (data) => data.slice(1)],
    ['one without a vector', (data) => data.map((each) => ({ ...each, embedding: null }))],
  ])('gives nothing of an answer with %s', async (_, change) => {
    const { ask } = embedder(floats, change);
    const { end, text } = await run({ input: ['a', 'bb'] }, ask);
    expect(end).toMatchObject({ ok: false, facts: { kind: 'malformed' }, usage: { promptTokens: 2 } });
    expect(text).toBe('');
  });

  it.each(['not_sent', 'headers'] as const)(
    'ends as the call that failed (%s), with what the others cost',
    async (phase) => {
      const { ask: good } = embedder(floats);
      let calls = 0;
      async function* ask(body: Buffer): Answer {
        calls += 1;
        if (calls < 2) return yield* good(body);
        return { ok: false, aborted: false, phase, facts: { kind: 'status', status: 500 } };
      }
      const { end, text } = await run({ input: Array.from({ length: 5_000 }, () => 'a') }, ask);
      expect(calls).toBe(2);
      expect(text).toBe('');
      // As if nothing had been sent, there would be no usage row.
      expect(end).toMatchObject({ phase: 'headers', facts: { status: 500 }, usage: { promptTokens: 2_048 } });
    },
  );
});
