import { describe, expect, it } from '@jest/globals';
import { oneProvider, TOKENS, withScene } from '../support/fault-scene.js';
import { markedAnswer, markedTokens, runOf } from '../support/marked-answer.js';
import { hang } from '../support/upstream-behaviours.js';
import { createGate } from '../support/upstream-gate.js';

/** A client hears within this of a worker's death, ms: a lease of 5 s, the sweeper's second, the next pick-up. */
const NOTICED_MS = 8_000;
const TEST_MS = 60_000;

describe('a worker that is killed', () => {
  it.concurrent(
    'by one job, three times: that request fails and is kept as a dead letter, others are answered',
    () =>
      withScene({}, async ({ broker, redis, keys, upstream, script, ask }) => {
        script('killer', hang());
        const killer = ask('killer', { stream: false });
        for (let start = 1; start <= 3; start++) {
          // Each bystander that was answered before made a call, too.
          await upstream.waitForCall(2 * start - 1, 15_000);
          await broker.workers.at(-1)?.end('SIGKILL');
          await broker.startWorker();
          expect(await ask(`bystander${start}`).answered).toMatchObject({ status: 200, done: true });
        }
        const { status, error, headers } = await killer.answered;
        expect({ status, code: error?.code }).toEqual({ status: 500, code: 'internal_error' });
        expect(upstream.calls).toHaveLength(6);
        const [row] = await redis.xrange(keys.shard(0).dead, '-', '+');
        expect(row?.[1]).toEqual(expect.arrayContaining(['request', headers['x-request-id'], 'starts', '3']));
      }),
    TEST_MS,
  );

  it.concurrent(
    'before output: another one answers on the same connection, though the dead one held the only place',
    () =>
      withScene({ config: oneProvider({ concurrency: 1 }) }, async ({ broker, upstream, script, ask }) => {
        script('early', hang(), markedAnswer(5));
        const early = ask('early');
        await upstream.waitForCall(1);
        const behind = ask('behind', { stream: false });
        await broker.workers[0]?.end('SIGKILL');
        const killedAt = performance.now();
        await broker.startWorker({}, { ready: false });
        const answered = await early.answered;
        expect(answered).toMatchObject({ status: 200, done: true, tokens: markedTokens('early', 2, 5) });
        expect(answered.endedAt - killedAt).toBeLessThan(NOTICED_MS);
        expect(await behind.answered).toMatchObject({
          status: 200,
          tokens: markedTokens('behind', 3, TOKENS),
        });
        expect(upstream.calls).toHaveLength(3);
      }),
    TEST_MS,
  );

  it.concurrent(
    'after output: its stream ends with a typed error behind the tokens so far; a whole answer is made anew',
    () =>
      withScene({}, async ({ broker, upstream, script, ask }) => {
        const gate = createGate();
        script('cut', markedAnswer(9, gate));
        script('whole', hang(), markedAnswer(4));
        const cut = ask('cut');
        await upstream.waitForCall(1);
        const whole = ask('whole', { stream: false });
        gate.release(3);
        await Promise.all([cut.waitForTokens(3), upstream.waitForCall(2)]);
        await broker.workers[0]?.end('SIGKILL');
        const killedAt = performance.now();
        await broker.startWorker({}, { ready: false });
        const interrupted = await cut.answered;
        expect(interrupted).toMatchObject({
          status: 200,
          tokens: markedTokens('cut', 1, 3),
          error: { code: 'stream_interrupted', type: 'upstream_error' },
          done: false,
          whole: true,
        });
        expect(interrupted.endedAt - killedAt).toBeLessThan(NOTICED_MS);
        const again = await whole.answered;
        expect(again).toMatchObject({ status: 200, tokens: markedTokens('whole', 3, 4) });
        expect(again.endedAt - killedAt).toBeLessThan(NOTICED_MS);
        expect(upstream.calls).toHaveLength(3);
      }),
    TEST_MS,
  );

  it.concurrent(
    'among 40 requests on two workers: each answer is whole or ends with a typed error, from one run alone',
    () => {
      const config = oneProvider({ concurrency: 40, workerConcurrency: 20 });
      return withScene({ workers: 2, config }, async ({ broker, upstream, script, ask }) => {
        const wholeGate = createGate();
        upstream.otherwise(markedAnswer(TOKENS, wholeGate));
        const streams = Array.from({ length: 20 }, (_, n) => {
          const gate = createGate();
          script(`stream${n}`, markedAnswer(TOKENS, gate), markedAnswer(TOKENS));
          // Half of them have had output when the worker dies.
          if (n < 10) gate.release(2);
          return { call: ask(`stream${n}`), gate };
        });
        const wholes = Array.from({ length: 20 }, (_, n) => ask(`whole${n}`, { stream: false }));
        await upstream.waitForCall(40, 15_000);
        await Promise.all(streams.slice(0, 10).map(({ call }) => call.waitForTokens(2)));
        await broker.workers[0]?.end('SIGKILL');
        for (const { gate } of streams) gate.open();
        wholeGate.open();
        for (const { answered, question } of wholes) {
          const { status, tokens } = await answered;
          expect({ status, count: tokens.length }).toEqual({ status: 200, count: TOKENS });
          expect(runOf(question.marker, tokens)).toBeGreaterThan(0);
        }
        const ended = await Promise.all(streams.map(({ call }) => call.answered));
        ended.forEach(({ tokens }, n) => expect(runOf(`stream${n}`, tokens)).toBeGreaterThan(0));
        const interrupted = ended.filter(({ error }) => error?.code === 'stream_interrupted');
        const finished = ended.filter(({ done, tokens }) => done && tokens.length === TOKENS);
        expect(interrupted.length + finished.length).toBe(20);
        // The dead worker had its twenty calls; each was made once more, but for those with output.
        const cut = upstream.calls.filter(({ hungUpAt }) => hungUpAt !== undefined);
        expect(cut).toHaveLength(20);
        expect(upstream.calls).toHaveLength(60 - interrupted.length);
      });
    },
    TEST_MS,
  );
});
