import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '../support/client.js';
import { onStage, type LoopResult, type Stage } from './loop.js';
import { Random } from '../support/random.js';
import { percentilesOf } from './report.js';

/** Clients that leave together; every second round has no pub/sub. */
const ROUND = 50;
/** The clients of a round leave over this time, so that they meet every phase of the leases' renewal, ms. */
const LEAVING_MS = 1_000;
/** Subscriptions are killed this often while there is to be no pub/sub: clients subscribe anew after 100 ms, ms. */
const CUT_MS = 25;
/** The promise: at the 99th percentile the upstream's socket is closed within, ms. */
const PROMISED_MS = 1_000;

/** Clients close, half of them while all pub/sub is cut: how long until the upstream's socket is closed. */
export async function runCancelLoop(seed: number, clients: number): Promise<LoopResult> {
  const random = new Random(seed);
  return onStage({ apis: 2, workers: 3 }, async (stage) => {
    const closedMs: Record<'with' | 'without', number[]> = { with: [], without: [] };
    for (let round = 0; round * ROUND < clients; round++) {
      const kind = round % 2 === 0 ? 'with' : 'without';
      const stopCutting = kind === 'without' ? startCutting(stage) : async () => undefined;
      closedMs[kind].push(...(await playRound(stage, round, random)));
      await stopCutting();
    }
    const withPubSub = percentilesOf(closedMs.with);
    const withoutPubSub = percentilesOf(closedMs.without);
    const all = percentilesOf([...closedMs.with, ...closedMs.without]);
    const failures = [
      ...(all.count === clients ? [] : [`${all.count} of ${clients} upstream calls were closed`]),
      ...(all.p99 <= PROMISED_MS ? [] : [`the 99th percentile is ${all.p99} ms`]),
    ];
    return { figures: { seed, closedMs: all, withPubSub, withoutPubSub }, failures };
  });
}

/** From each client's leaving to the close of its call's socket, ms. */
async function playRound({ ask, upstream }: Stage, round: number, random: Random): Promise<number[]> {
  const markers = Array.from({ length: ROUND }, (_, nth) => `c${round}x${nth}`);
  const callOf = (marker: string) => upstream.calls.find((call) => call.marker === marker);
  const clients = markers.map((marker) => ({
    marker,
    client: ask(marker, { stream: random.chance(0.7) }),
  }));
  await eventually(
    () => markers.every((marker) => callOf(marker) !== undefined) || undefined,
    'every call of the round',
    30_000,
  );
  return Promise.all(
    clients.map(async ({ marker, client }) => {
      await delay(random.between(0, LEAVING_MS));
      client.end('left');
      const { endedAt } = await client.over;
      const closedAt = await eventually(
        () => callOf(marker)?.closedAt,
        `the end of ${marker}'s call`,
        30_000,
      );
      return closedAt - endedAt;
    }),
  );
}

/** Keeps every subscription dead until the returned function is called. */
function startCutting({ redis }: Stage): () => Promise<void> {
  const stop = new AbortController();
  const cutting = (async () => {
    while (!stop.signal.aborted) {
      await redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
      await delay(CUT_MS);
    }
  })();
  return async () => {
    stop.abort();
    await cutting;
  };
}
