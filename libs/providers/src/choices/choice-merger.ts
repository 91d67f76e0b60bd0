import type { ProviderFrame } from '../provider.js';

/** Makes one answer of the answers to several calls. */
export interface ChoiceMerger {
  /** What goes on at once of what a call brought; undefined: nothing. */
  take(call: number, frame: ProviderFrame): ProviderFrame | undefined;
  /** The rest, once every call has ended well. */
  finish(): ProviderFrame;
}
