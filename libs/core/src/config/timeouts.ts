import type { Config } from './schema.js';

/** Limits of one upstream call, ms. */
export type EffectiveTimeouts = Readonly<Record<'firstTokenMs' | 'idleMs' | 'responseMs', number>>;

/**
 * The timeouts of a call to a target: its own, else its provider's, else the global ones. A provider that is not in
 * this process's file (a remote worker's) has the global ones.
 */
export function effectiveTimeouts(
  config: Pick<Config, 'timeouts' | 'providers'>,
  target: { readonly provider: string; readonly timeouts?: Partial<EffectiveTimeouts> },
): EffectiveTimeouts {
  const { firstTokenMs, idleMs, responseMs } = config.timeouts;
  return {
    firstTokenMs,
    idleMs,
    responseMs,
    ...config.providers[target.provider]?.timeouts,
    ...target.timeouts,
  };
}
