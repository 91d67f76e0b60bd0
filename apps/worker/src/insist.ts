import { setTimeout as delay } from 'node:timers/promises';
import { refusalOf } from '#broker/refusal.js';

/** Pause before what Redis refused is sent again, ms. */
const REFUSED_PAUSE_MS = 200;

/**
 * Sends a transition of the ledger until Redis takes it: what a run came to must not be lost, and paid for twice,
 * because Redis is full for a moment. Every transition may be sent again. Rejects with the refusal once `untilAt` (by
 * `performance.now()`) has passed or `signal` is aborted, and with any other error at once.
 */
export async function insist<T>(
  send: () => Promise<T>,
  { untilAt = Infinity, signal }: { readonly untilAt?: number; readonly signal?: AbortSignal },
): Promise<T> {
  for (;;) {
    try {
      return await send();
    } catch (error) {
      if (refusalOf(error) === undefined || signal?.aborted || performance.now() >= untilAt) throw error;
      // An abort ends the pause; the last try follows.
      await delay(REFUSED_PAUSE_MS, undefined, signal && { signal }).catch(() => undefined);
    }
  }
}
