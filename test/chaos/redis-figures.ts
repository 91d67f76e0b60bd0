/** What a measured loop came to. */
export interface RedisFigures {
  /** Counts and percentiles; written to the report as they are. */
  readonly figures: Readonly<Record<string, unknown>>;
  /** What did not hold, a sentence each; empty if all did. */
  readonly failures: readonly string[];
}

export interface Spread {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** Of times in ms, rounded. */
export function spreadOf(times: readonly number[]): Spread {
  const sorted = times.toSorted((one, other) => one - other);
  const at = (share: number) => Math.round(sorted[Math.ceil(sorted.length * share) - 1] ?? 0);
  return { count: sorted.length, p50: at(0.5), p99: at(0.99), max: at(1) };
}
