import { describe, expect, it } from '@jest/globals';
import { countDeath, restartDelayMs, WELL_AFTER_MS } from './back-off.js';

describe('restartDelayMs', () => {
  it('doubles from half a second up to half a minute', () => {
    expect([1, 2, 3, 4, 5, 6, 7, 8, 100].map(restartDelayMs)).toEqual([
      500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000,
    ]);
  });
});

describe('countDeath', () => {
  it('adds up early deaths, and begins anew after a process was well', () => {
    expect(countDeath(0, 10)).toBe(1);
    expect(countDeath(3, WELL_AFTER_MS - 1)).toBe(4);
    expect(countDeath(3, WELL_AFTER_MS)).toBe(1);
  });
});
