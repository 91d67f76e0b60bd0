import type { Capabilities } from './capabilities.js';

/** Where a provider runs. A `local` one is the operator's own: nothing sent there leaves their machines. */
export type Location = 'local' | 'cloud';

/** A provider and the model name it knows: what an attempt is placed on. */
export interface Target {
  readonly provider: string;
  /** The upstream's own model name; the public one is the route's. */
  readonly model: string;
  readonly location: Location;
  /** Longest wait in this target's queue, ms, its provider's default included; then the attempt moves on. Absent: up to the deadline. */
  readonly maxQueueWaitMs?: number;
  /** Limits of calls to this target, ms, where they differ from its provider's. */
  readonly timeouts?: {
    readonly firstTokenMs?: number;
    readonly idleMs?: number;
    readonly streamMs?: number;
    readonly responseMs?: number;
  };
  /** Context length in tokens, where the operator declared it. */
  readonly contextTokens?: number;
  /** What it lacks or names differently, its provider's included. They travel with the request, as the timeouts do. */
  readonly capabilities?: Capabilities;
  /** Top-level members of this request that it does not get; at least one. Only on the targets of a plan. */
  readonly dropped?: readonly string[];
}
