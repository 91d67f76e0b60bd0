import { describe, expect, it } from '@jest/globals';
import { AnswerMerger } from './answer-merger.js';

function merge(...bodies: string[]): string {
  const merger = new AnswerMerger(bodies.length);
  // The last call may well be the first to answer.
  for (const [call, body] of [...bodies.entries()].toReversed()) {
    expect(merger.take(call, { bytes: Buffer.from(body), output: true })).toBeUndefined();
  }
  const { bytes, output } = merger.finish();
  expect(output).toBe(true);
  return bytes.toString();
}

describe('AnswerMerger', () => {
  it('is the answer of the first call with the choices of all, byte for byte', () => {
    expect(
      merge(
        '{"id":"a","created":1, "choices":[{"index":0,"message":{"content":"é\\u00e9"},"p":1.50e-20}],"x":1.0}',
        '{"id":"b","created":2,"choices":[ {"message":{"content":"2"},"index":0} ],"x":2.0}',
      ),
    ).toBe(
      '{"id":"a","created":1, "choices":[{"index":0,"message":{"content":"é\\u00e9"},"p":1.50e-20},' +
        '{"message":{"content":"2"},"index":1}],"x":1.0}',
    );
  });

  it('adds up the usage, and gives none where one call gave none', () => {
    const body = (usage: object | null) => JSON.stringify({ choices: [{ index: 0 }], usage });
    const usage = { prompt_tokens: 7, completion_tokens: 2, prompt_tokens_details: { cached_tokens: 3 } };
    expect(JSON.parse(merge(body(usage), body(usage), body(usage)))).toMatchObject({
      usage: { prompt_tokens: 21, completion_tokens: 6, prompt_tokens_details: { cached_tokens: 9 } },
    });
    expect(JSON.parse(merge(body(usage), body(null)))).not.toHaveProperty('usage');
  });

  it('puts the choices of each prompt side by side', () => {
    const body = (name: string) =>
      JSON.stringify({ choices: [0, 1].map((index) => ({ index, text: `${name}${index}` })) });
    const { choices } = JSON.parse(merge(body('a'), body('b'), body('c'))) as { choices: object[] };
    expect(choices).toEqual(['a0', 'b0', 'c0', 'a1', 'b1', 'c1'].map((text, index) => ({ index, text })));
  });
});
