import { describe, expect, it } from '@jest/globals';
import type { Endpoint } from '#core/endpoint.js';
import { askedChoices } from './asked-choices.js';

describe('askedChoices', () => {
  it.each<[Endpoint, object, number]>([
    ['chat', {}, 1],
    ['chat', { n: null }, 1],
    ['chat', { n: 3 }, 3],
    ['completions', { prompt: 'a' }, 1],
    ['completions', { prompt: 'a', n: 2 }, 2],
    ['completions', { prompt: ['a', 'b'] }, 2],
    ['completions', { prompt: ['a', 'b'], n: 2 }, 4],
    ['completions', { prompt: [1, 2, 3] }, 1],
    ['completions', { prompt: [[1], [2], [3]], n: 2 }, 6],
    ['embeddings', { input: ['a', 'b'] }, 1],
    ['rerank', { n: 3 }, 1],
  ])('%s %j: %i', (endpoint, body, expected) => {
    expect(askedChoices({ endpoint, body: Buffer.from(JSON.stringify(body)) })).toBe(expected);
  });
});
