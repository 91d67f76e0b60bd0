import type { Config } from './schema.js';

/** Limits of one upstream call, ms. Without `streamMs` only the deadline ends a stream that goes on. */
export type EffectiveTimeouts = Readonly<Record<'firstTokenMs' | 'idleMs' | 'responseMs', number>> & {
  readonly streamMs?: number;
};

/**
 * The timeouts of a call to a target: its own, else its provider's, else the global ones. A provider that is not in
 * this process's file (a remote worker's) has the global ones.
 */
export function effectiveTimeouts(
  config: Pick<Config, 'timeouts' | 'providers'>,
  target: { readonly provider: string; readonly timeouts?: Partial<EffectiveTimeouts> },
): EffectiveTimeouts {
  const { totalMs: _ofTheRequest, ...global } = config.timeouts;
  return { ...global, ...config.providers[target.provider]?.timeouts, ...target.timeouts };
}
