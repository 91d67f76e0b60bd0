/** Where a provider runs. A `local` one is the operator's own: nothing sent there leaves their machines. */
export type Location = 'local' | 'cloud';

/** A provider and the model name it knows: what an attempt is placed on. */
export interface Target {
  readonly provider: string;
  /** The upstream's own model name; the public one is the route's. */
  readonly model: string;
  readonly location: Location;
  /** Longest wait in this target's queue, ms; then the attempt moves on. Absent: up to the deadline. */
  readonly maxQueueWaitMs?: number;
  /** Context length in tokens, where the operator declared it. */
  readonly contextTokens?: number;
}
