import { describe, expect, it } from '@jest/globals';
import { ChunkCorrections } from './chunk-corrections.js';

describe('ChunkCorrections', () => {
  it('gives all chunks the id and the time of the first that has them', () => {
    const corrections = new ChunkCorrections();
    const chunks = [
      { id: '', created: 0, choices: [] },
      { id: 'a"', created: 7 },
      { id: 'a"', created: 7 },
      { id: 'b', created: 8 },
      {},
    ];
    expect(chunks.map((chunk) => corrections.next(chunk))).toEqual([
      {},
      {},
      {},
      { id: '"a\\""', created: '7' },
      { id: '"a\\""', created: '7' },
    ]);
  });

  it('gives chunks without id and time none', () => {
    const corrections = new ChunkCorrections();
    expect([{}, {}].map((chunk) => corrections.next(chunk))).toEqual([{}, {}]);
  });

  it('gives each choice a delta, which clients look into, and legacy completions none', () => {
    const corrected = (...choices: object[]) => new ChunkCorrections().next({ choices })['choices'];
    const end = { index: 0, finish_reason: 'stop' };
    expect(JSON.parse(corrected(end, { ...end, delta: null }) ?? '')).toEqual([
      { ...end, delta: {} },
      { ...end, delta: {} },
    ]);
    expect(corrected({ ...end, delta: {} })).toBeUndefined();
    expect(corrected({ ...end, text: '' })).toBeUndefined();
  });
});
