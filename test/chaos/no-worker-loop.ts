import { eventually } from '../support/client.js';
import { onStage, type LoopResult } from './loop.js';
import { Random } from '../support/random.js';
import { countBy, endingOf, percentilesOf } from './report.js';

/** The promise: every request has ended this long after its deadline, ms. */
const PROMISED_MS = 2_000;
/** So long after its deadline nobody waits any more, ms. */
const HOPELESS_MS = 15_000;

/**
 * Requests of which half run when every worker dies for good, and half come later: each ends with a typed error by
 * its deadline and 2 s.
 */
export async function runNoWorkerLoop(seed: number, requests: number): Promise<LoopResult> {
  const random = new Random(seed);
  return onStage({ apis: 2, workers: 2 }, async ({ cluster, upstream, ask }) => {
    const askAll = (name: string, count: number) =>
      Array.from({ length: count }, (_, nth) => {
        const timeoutMs = random.between(8_000, 25_000);
        const model = random.chance(0.5) ? 'one' : 'two';
        const plan = { timeoutMs, model, stream: random.chance(0.5), paceMs: 1_000, firstMs: 2_500 } as const;
        const client = ask(`${name}${nth}`, plan);
        const hopeless = setTimeout(() => client.end('open'), timeoutMs + HOPELESS_MS);
        return client.over.finally(() => clearTimeout(hopeless));
      });
    const running = askAll('running', Math.floor(requests / 2));
    await eventually(() => upstream.calls.length >= running.length || undefined, 'every call', 30_000);
    for (const worker of cluster.members('worker')) cluster.kill(worker, { successor: false });
    const later = askAll('later', requests - running.length);
    const histories = await Promise.all([...running, ...later]);
    const lateMs = histories.map(({ endedAt, sentAt, timeoutMs }) => endedAt - sentAt - timeoutMs);
    const inTime = histories.filter(
      ({ ending, events }, nth) =>
        ending === 'whole' && events.at(-1)?.[1] === 'error' && (lateMs[nth] ?? Infinity) <= PROMISED_MS,
    );
    const failures =
      inTime.length === requests ? [] : [`${inTime.length} of ${requests} ended with a typed error in time`];
    const figures = { seed, requests, inTime: inTime.length, lateMs: percentilesOf(lateMs) };
    return { figures: { ...figures, endings: countBy(histories.map(endingOf)) }, failures };
  });
}
