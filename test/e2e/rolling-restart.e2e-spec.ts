import { describe, expect, it } from '@jest/globals';
import { setTimeout as pace } from 'node:timers/promises';
import { oneProvider, withScene, type Scene } from '../support/fault-scene.js';
import { markedTokens } from '../support/marked-answer.js';
import { callOf, SteadyLoad, type Asked } from '../support/steady-load.js';
import { answer, type Behaviour } from '../support/upstream-behaviours.js';
import { createGate } from '../support/upstream-gate.js';

const TOKENS = 10;
/** Between two tokens of an answer, ms: different for each, so that some run while their process is replaced. */
const PACES = [2, 15, 60];
const CLIENTS = 8;
/** Answers between two replacements: every process that is left has served some of them. */
const BETWEEN = 16;
/** A pause that people notice; one that waits for a lease, a heartbeat or a stalled job takes 5 s and more. */
const PAUSE_MS = 4_500;
const TEST_MS = 120_000;

/** An answer of ten tokens that takes its time: 0.02 to 0.6 s. */
const unhurried: Behaviour = async (call) => {
  const marker = /Answer <(\w+)>/.exec(call.record.body.toString())?.[1] ?? 'unmarked';
  const gate = createGate();
  const everyMs = PACES[call.record.number % PACES.length] ?? 0;
  const answered = answer(markedTokens(marker, call.record.number, TOKENS).join(' '), { gate })(call);
  // A body waits for one pass only, and is to take as long.
  for (let token = 0; token < TOKENS && !call.closed.aborted; token++) {
    await pace(everyMs);
    if (call.record.stream || token === TOKENS - 1) gate.release();
  }
  await answered;
};

/** Each question was answered, whole, by one call of its own; and nothing was called that nobody was answered with. */
async function expectNothingLost({ upstream, redis, keys }: Scene, asked: readonly Asked[]): Promise<void> {
  const calls = asked.map((each) => callOf(each, TOKENS));
  expect(new Set(calls).size).toBe(asked.length);
  expect(upstream.calls).toHaveLength(asked.length);
  expect(await redis.xlen(keys.shard(0).usage)).toBe(asked.length);
}

/** SIGTERM to each worker in turn, with a new one started beside it. */
async function replaceWorkers({ broker }: Scene, load: SteadyLoad): Promise<void> {
  await load.waitForMore(BETWEEN);
  for (const old of broker.workers.slice()) {
    old.signal('SIGTERM');
    const [status] = await Promise.all([old.exited, broker.startWorker()]);
    expect(status).toBe(0);
    await load.waitForMore(BETWEEN);
  }
}

describe('a rolling restart under load', () => {
  it(
    'of every worker: each answer comes whole, from one call, and without a pause',
    () =>
      withScene({ workers: 3 }, async (scene) => {
        const { broker, upstream } = scene;
        upstream.otherwise(unhurried);
        const options = { clients: CLIENTS, urls: () => [broker.url] };
        const load = await SteadyLoad.during(options, (running) => replaceWorkers(scene, running));
        await expectNothingLost(scene, load.asked);
        expect(load.asked.flatMap(({ refusals }) => refusals)).toEqual([]);
        expect(load.longestPauseMs).toBeLessThan(PAUSE_MS);
      }),
    TEST_MS,
  );

  it(
    'of every api: what it answers it finishes, and who asks again is answered by the other',
    () =>
      withScene({ apis: 2 }, async (scene) => {
        const { broker, upstream } = scene;
        upstream.otherwise(unhurried);
        let live = broker.apis.slice();
        const options = { clients: CLIENTS, urls: () => live.map(({ url }) => url) };
        const load = await SteadyLoad.during(options, async (running) => {
          await running.waitForMore(BETWEEN);
          for (const old of broker.apis.slice()) {
            live = [...live, await broker.startApi()];
            old.signal('SIGTERM');
            expect(await old.exited).toBe(0);
            live = live.filter((each) => each !== old);
            await running.waitForMore(BETWEEN);
          }
        });
        await expectNothingLost(scene, load.asked);
        expect(load.longestPauseMs).toBeLessThan(PAUSE_MS);
      }),
    TEST_MS,
  );

  it(
    'of workers that wait for nobody: what had no output is handed back, and answered by another',
    () => {
      const config = oneProvider({}, { worker: { drainMs: 50 } });
      return withScene({ workers: 3, config }, async (scene) => {
        const { broker, upstream } = scene;
        upstream.otherwise(unhurried);
        const options = { clients: CLIENTS, urls: () => [broker.url], isStream: () => false };
        const load = await SteadyLoad.during(options, (running) => replaceWorkers(scene, running));
        const calls = load.asked.map((each) => callOf(each, TOKENS));
        expect(new Set(calls).size).toBe(calls.length);
        const cut = upstream.calls.filter(({ hungUpAt }) => hungUpAt !== undefined);
        expect(cut.length).toBeGreaterThan(0);
        // One more where the upstream was through with its answer, and the worker was stopped before it had read it.
        const calledAgain = upstream.calls.length - calls.length;
        expect(calledAgain).toBeGreaterThanOrEqual(cut.length);
        expect(calledAgain).toBeLessThanOrEqual(broker.workers.length * CLIENTS);
        expect(load.longestPauseMs).toBeLessThan(PAUSE_MS);
      });
    },
    TEST_MS,
  );
});
