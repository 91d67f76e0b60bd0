import type { Percentiles } from '../contract.js';

const FIRST_ROOM = 1_024;

/** Figures in their thousands: one array of floats, sorted once in the end. */
export class Samples {
  private values = new Float64Array(FIRST_ROOM);
  private count = 0;

  add(value: number): void {
    if (this.count === this.values.length) {
      const grown = new Float64Array(this.count * 2);
      grown.set(this.values);
      this.values = grown;
    }
    this.values[this.count++] = value;
  }

  /** The smallest value that so many are not above; all 0 without values. */
  percentiles(): Percentiles {
    const sorted = this.values.slice(0, this.count).sort();
    const at = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
    return { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) };
  }
}
