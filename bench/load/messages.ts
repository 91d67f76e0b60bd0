import type { Load, LoadResult } from '../contract.js';

/** What the process of the load generator is asked. */
export interface LoadRequestMessage {
  readonly kind: 'run';
  readonly load: Load;
}

/** What it answers. */
export type LoadReplyMessage =
  | { readonly kind: 'result'; readonly result: LoadResult }
  | { readonly kind: 'failed'; readonly reason: string };
