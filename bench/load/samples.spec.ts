import { describe, expect, it } from '@jest/globals';
import { Samples } from './samples.js';

describe('Samples', () => {
  it('gives the percentiles of what was added, in any order', () => {
    const samples = new Samples();
    for (let value = 3_000; value > 0; value--) samples.add(value);
    expect(samples.percentiles()).toEqual({ p50: 1_500, p90: 2_700, p99: 2_970, max: 3_000 });
  });

  it('gives the only value for all, and 0 for none', () => {
    const samples = new Samples();
    expect(samples.percentiles()).toEqual({ p50: 0, p90: 0, p99: 0, max: 0 });
    samples.add(7);
    expect(samples.percentiles()).toEqual({ p50: 7, p90: 7, p99: 7, max: 7 });
  });
});
