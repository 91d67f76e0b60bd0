import { describe, expect, it } from '@jest/globals';
import { isFull, parseMemory } from './admission.js';

describe('isFull', () => {
  it.each([
    [0, 0, false, false],
    [1_000_000, 0, false, false],
    [1_000_000, 0, true, false],
    [799, 1_000, false, false],
    [800, 1_000, false, true],
    [2_000, 1_000, false, true],
    [799, 1_000, true, true],
    [780, 1_000, true, true],
    [779, 1_000, true, false],
  ])('at %d of %d, where it was full before: %s, says %s', (used, max, wasFull, expected) => {
    expect(isFull({ used, max }, wasFull)).toBe(expected);
  });
});

describe('parseMemory', () => {
  const info = (...lines: readonly string[]) => ['# Memory', ...lines, ''].join('\r\n');

  it('reads what is used and what may be', () => {
    const text = info('used_memory:900', 'used_memory_human:900B', 'used_memory_rss:5', 'maxmemory:1000');
    expect(parseMemory(text)).toEqual({ used: 900, max: 1_000 });
  });

  it('leaves out the buffers that Redis leaves out', () => {
    const text = info('used_memory:900', 'maxmemory:1000', 'mem_not_counted_for_evict:300');
    expect(parseMemory(text)).toEqual({ used: 600, max: 1_000 });
  });

  it.each(['', info('used_memory:1'), info('maxmemory:1'), 'NOPERM'])('knows nothing from %j', (text) => {
    expect(parseMemory(text)).toBeUndefined();
  });
});
