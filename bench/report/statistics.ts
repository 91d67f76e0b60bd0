/** The middle of some figures, and how far they went. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** How many there were. */
  readonly rounds: number;
}

/** The one in the middle; of an even number the mean of the two. Undefined: there is none. */
export function median(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.ceil(sorted.length / 2) - 1];
  return upper === undefined || lower === undefined ? undefined : (upper + lower) / 2;
}

/** The smallest value that at least this share of all is not above. Undefined: there is none. */
export function percentile(values: readonly number[], share: number): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)];
}

/** Undefined: there is none. */
export function spreadOf(values: readonly number[]): Spread | undefined {
  const middle = median(values);
  if (middle === undefined) return undefined;
  return { median: middle, min: Math.min(...values), max: Math.max(...values), rounds: values.length };
}

/** The same in another order. `next` draws from 0 up to, not including, 1. */
export function shuffle<Item>(items: readonly Item[], next: () => number): Item[] {
  const drawn = items.map((item) => ({ item, turn: next() }));
  return drawn.toSorted((a, b) => a.turn - b.turn).map(({ item }) => item);
}
