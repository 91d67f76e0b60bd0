/** A process that lived this long, ms, is taken to have been well: its next end counts as the first. */
export const WELL_AFTER_MS = 60_000;

/** How long to wait before a dead process is started again, ms: half a second, doubling up to half a minute. */
export function restartDelayMs(deathsInARow: number): number {
  return Math.min(500 * 2 ** Math.max(0, deathsInARow - 1), 30_000);
}

/** Deaths in a row, this one included, of a process that lived `livedMs`. */
export function countDeath(before: number, livedMs: number): number {
  return livedMs >= WELL_AFTER_MS ? 1 : before + 1;
}
