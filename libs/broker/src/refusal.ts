/** Redis is there and takes no writes for now: full, a replica, without its replicas, unable to save, loading, busy. */
const REFUSAL =
  /^(OOM|READONLY|NOREPLICAS|MISCONF|LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|BUSY)\b|\bOOM command not allowed\b/;

/**
 * The code with which Redis refused a command, or a script at its first write: nothing of it was done, and the same
 * may be sent again later. Undefined for every other error.
 */
export function refusalOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const found = REFUSAL.exec(error.message);
  return found ? (found[1] ?? 'OOM') : undefined;
}
