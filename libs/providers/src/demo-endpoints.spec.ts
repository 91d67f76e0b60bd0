import { describe, expect, it } from '@jest/globals';
import { collectCall } from '../../../test/support/collect-call.js';
import { DemoProvider } from './demo.js';

const provider = new DemoProvider({ wordDelayMs: 0, createId: () => 'id-1', now: () => 0 });

function body(members: object): Buffer {
  return Buffer.from(JSON.stringify({ model: 'demo', ...members }));
}

describe('DemoProvider beside chat', () => {
  it('completes a prompt, whole and as a stream', async () => {
    const asked = { endpoint: 'completions', body: body({ prompt: 'Once upon', n: 2 }) } as const;
    const whole = await collectCall(provider, { ...asked, stream: false });
    const { choices } = JSON.parse(whole.text) as { choices: { index: number; text: string }[] };
    expect(JSON.parse(whole.text)).toMatchObject({ object: 'text_completion', usage: { prompt_tokens: 11 } });
    expect(choices.map(({ index }) => index)).toEqual([0, 1]);
    const streamed = await collectCall(provider, asked);
    const chunks = streamed.text.split('\n\n').filter((event) => event.startsWith('data: {'));
    const pieces = chunks.map(
      (event) => JSON.parse(event.slice(6)) as { object: string; choices: typeof choices },
    );
    expect(new Set(pieces.map(({ object }) => object))).toEqual(new Set(['text_completion']));
    const second = pieces.flatMap((piece) => piece.choices.filter(({ index }) => index === 1));
    expect(second.map(({ text }) => text).join('')).toBe(choices[1]?.text);
    expect(streamed.text).toMatch(/data: \[DONE\]\n\n$/);
  });

  async function vectors(members: object): Promise<number[][]> {
    const call = { endpoint: 'embeddings', stream: false, body: body(members) } as const;
    const { data } = JSON.parse((await collectCall(provider, call)).text) as {
      data: { embedding: number[] }[];
    };
    return data.map(({ embedding }) => embedding);
  }

  it('embeds texts: equal ones alike, near ones near', async () => {
    const [cat, dog, cats, again] = await vectors({
      input: ['a cat sat', 'dogs bark', 'the cat sat', 'a cat sat'],
    });
    const dot = (one: number[] = [], other: number[] = []) =>
      one.reduce((sum, value, at) => sum + value * (other[at] ?? 0), 0);
    expect(cat).toHaveLength(256);
    expect(again).toEqual(cat);
    expect(dot(cat, cat)).toBeCloseTo(1);
    expect(dot(cat, cats)).toBeGreaterThan(0.5);
    expect(dot(cat, dog)).toBeLessThan(0.5);
  });

  it('embeds with as many dimensions as asked for, as floats and as base64', async () => {
    const [floats] = await vectors({ input: 'a cat', dimensions: 12, encoding_format: 'float' });
    expect(floats).toHaveLength(12);
    const [encoded] = await vectors({ input: 'a cat', dimensions: 12, encoding_format: 'base64' });
    const bytes = new Uint8Array(Buffer.from(String(encoded), 'base64'));
    expect([...new Float32Array(bytes.buffer)]).toEqual(floats?.map(Math.fround));
  });

  it.each(['moderations', 'rerank'] as const)('has no %s', async (endpoint) => {
    const { end } = await collectCall(provider, { endpoint, stream: false });
    expect(end).toMatchObject({ ok: false, facts: { kind: 'status', status: 400 } });
  });
});
