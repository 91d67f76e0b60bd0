import type { Redis } from 'ioredis';
import type { Fault } from './history.js';

/** How often Redis is asked, and how long its answer may take before somebody was starved, ms. */
const ASK_MS = 50;
const SLOW_MS = 100;

/**
 * Watches whether the machine still lets Redis, and whoever asks it, have their turn: where our own PING waits this
 * long, an api's waits as well, and takes Redis for away. Call the result to stop.
 */
export function watchStarvation(redis: Redis, faults: Fault[]): () => void {
  let asked = false;
  const timer = setInterval(() => {
    if (asked) return;
    asked = true;
    const from = Date.now();
    void redis
      .ping()
      .catch(() => undefined)
      .finally(() => {
        asked = false;
        const to = Date.now();
        if (to - from < SLOW_MS) return;
        faults.push({ kind: 'starved', process: '', point: 'any', request: '', from, to });
      });
  }, ASK_MS);
  return () => clearInterval(timer);
}
