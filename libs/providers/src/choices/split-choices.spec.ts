import { describe, expect, it } from '@jest/globals';
import type { ProviderCall } from '../provider.js';
import { createCall } from '../../../../test/support/collect-call.js';
import { countEmulated, splitChoices } from './split-choices.js';

function callOf(text: string, more: Partial<ProviderCall> = {}): ProviderCall {
  return createCall({ body: Buffer.from(text), capabilities: { n: 'emulated' }, ...more });
}

describe('countEmulated', () => {
  it.each<[string, Partial<ProviderCall>, number]>([
    ['{"n":3}', {}, 3],
    ['{"n":3}', { endpoint: 'completions' }, 3],
    ['{"n":1}', {}, 1],
    ['{"n":null}', {}, 1],
    ['{}', {}, 1],
    ['{"n":3}', { endpoint: 'embeddings' }, 1],
    ['{"n":3}', { capabilities: { n: 'native' } }, 1],
    ['{"n":3}', { capabilities: {} }, 1],
  ])('of %s with %j is %i', (text, more, count) => {
    expect(countEmulated(callOf(text, more))).toBe(count);
  });
});

describe('splitChoices', () => {
  function bodiesOf(text: string, count: number): string[] {
    return splitChoices(callOf(text), count).map(({ body }) => body.toString());
  }

  it('asks for one answer each, without a word of n, and changes nothing else', () => {
    expect(bodiesOf('{"big":1.50e2,"n":2, "x":[{"n":5}]}', 2)).toEqual([
      '{"big":1.50e2, "x":[{"n":5}]}',
      '{"big":1.50e2, "x":[{"n":5}]}',
    ]);
  });

  it('gives each call a seed of its own, since one for all would make one answer of them', () => {
    expect(bodiesOf('{"seed":9007199254740993,"n":3}', 3)).toEqual([
      '{"seed":9007199254740993}',
      '{"seed":9007199254740994}',
      '{"seed":9007199254740995}',
    ]);
  });

  it.each(['null', '1.5', '"x"'])('leaves a seed that is no whole number alone: %s', (seed) => {
    expect(new Set(bodiesOf(`{"seed":${seed},"n":2}`, 2))).toEqual(new Set([`{"seed":${seed}}`]));
  });
});
