import { describe, expect, it } from '@jest/globals';
import { noteProvider, type KnownProvider } from './provider-note.js';

describe('noteProvider', () => {
  it.each<[string, Partial<KnownProvider>, RegExp]>([
    ['a missing credential', { credential: 'missing' }, /is not set/],
    [
      'a refused credential',
      { credential: 'rejected', trouble: { reason: '503' } },
      /refuses our credential/,
    ],
    ['failing calls', { credential: 'ok', trouble: { reason: '503' } }, /calls fail \(503\)/],
    [
      'an open breaker',
      { breaker: {}, trouble: { reason: '503' } },
      /too often \(503\); requests go elsewhere/,
    ],
    ['an open breaker of old', { breaker: {} }, /too often; requests go elsewhere/],
    ['cool-downs', { coolDowns: [{ model: 'a' }, { model: 'b' }] }, /left alone for a while \(a, b\)/],
    ['one that is away', { reachable: false }, /nobody answers/],
    ['a request without a worker', { workers: 0, waiting: 1 }, /1 request waits, .* --provider gpu$/],
    ['requests without a worker', { workers: 0, waiting: 2 }, /2 requests wait, /],
  ])('tells of %s, and what to do', (_, provider, text) => {
    expect(noteProvider({ name: 'gpu', workers: 1, ...provider })).toMatch(text);
  });

  it('is silent where all is well, or nobody asks', () => {
    const well = { name: 'gpu', workers: 1, waiting: 3, credential: 'ok', reachable: true } as const;
    expect(noteProvider(well)).toBeUndefined();
    expect(noteProvider({ name: 'gpu', workers: 0, waiting: 0 })).toBeUndefined();
  });
});
