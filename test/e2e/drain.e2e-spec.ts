import { describe, expect, it } from '@jest/globals';
import { oneProvider, TOKENS, withScene } from '../support/fault-scene.js';
import { markedAnswer, markedTokens, runOf } from '../support/marked-answer.js';
import { hang } from '../support/upstream-behaviours.js';
import { createGate } from '../support/upstream-gate.js';

/** An exit without anything left to wait for takes at most this, ms. */
const EXIT_MS = 2_000;
/** A free worker takes a job in a few ms; starting one takes many times this. */
const TAKEN_AT_ONCE_MS = 100;
const TEST_MS = 45_000;

describe('a worker that is told to stop', () => {
  it.concurrent(
    'finishes its running stream, and leaves new requests to another worker',
    () =>
      withScene({}, async ({ broker, upstream, script, ask }) => {
        const gate = createGate();
        script('running', markedAnswer(6, gate));
        const running = ask('running');
        gate.release(2);
        await running.waitForTokens(2);
        const [draining] = broker.workers;
        draining?.signal('SIGTERM');
        await draining?.prints('draining');
        const waiting = ask('waiting');
        const spawnedAt = Date.now();
        await broker.startWorker();
        expect(await waiting.answered).toMatchObject({ tokens: markedTokens('waiting', 2, TOKENS) });
        const taken = await upstream.waitForCall(2);
        expect(taken.startedAt - spawnedAt).toBeGreaterThan(TAKEN_AT_ONCE_MS);
        expect(draining?.isRunning).toBe(true);
        gate.open();
        expect(await running.answered).toMatchObject({ done: true, tokens: markedTokens('running', 1, 6) });
        const endedAt = performance.now();
        expect(await draining?.exited).toBe(0);
        expect(performance.now() - endedAt).toBeLessThan(EXIT_MS);
      }),
    TEST_MS,
  );

  it.concurrent(
    'hands back what had no output in time, uncounted, and ends the streams that had',
    () => {
      const drainMs = 1_000;
      const config = oneProvider({}, { worker: { drainMs } });
      return withScene({ config }, async ({ broker, upstream, script, ask, recordOf }) => {
        const gate = createGate();
        script('early', hang(), markedAnswer(5));
        script('whole', hang(), markedAnswer(4));
        script('visible', markedAnswer(6, gate));
        const [early, whole, visible] = [ask('early'), ask('whole', { stream: false }), ask('visible')];
        gate.release(2);
        await Promise.all([visible.waitForTokens(2), upstream.waitForCall(3)]);
        const [draining] = broker.workers;
        await broker.startWorker();
        draining?.signal('SIGTERM');
        const toldAt = performance.now();
        expect(await draining?.exited).toBe(0);
        expect(performance.now() - toldAt).toBeLessThan(drainMs + EXIT_MS);
        for (const [call, count] of [
          [early, 5],
          [whole, 4],
        ] as const) {
          const { status, tokens, endedAt } = await call.answered;
          expect({ status, count: tokens.length }).toEqual({ status: 200, count });
          expect(runOf(call.question.marker, tokens)).toBeGreaterThan(3);
          expect(endedAt - toldAt).toBeLessThan(drainMs + EXIT_MS);
          expect(await recordOf(call)).toMatchObject({ starts: '1', epoch: '2', attempt: '1' });
        }
        const cut = await visible.answered;
        expect(cut).toMatchObject({ done: false, whole: true, error: { code: 'stream_interrupted' } });
        expect(cut.tokens).toHaveLength(2);
        expect(runOf('visible', cut.tokens)).toBeLessThanOrEqual(3);
        expect(upstream.calls).toHaveLength(5);
      });
    },
    TEST_MS,
  );

  it.concurrent(
    'exits at once when it is idle',
    () =>
      withScene({}, async ({ broker, ask }) => {
        expect(await ask('before').answered).toMatchObject({ status: 200 });
        const toldAt = performance.now();
        expect(await broker.workers[0]?.end('SIGTERM')).toBe(0);
        expect(performance.now() - toldAt).toBeLessThan(EXIT_MS);
      }),
    TEST_MS,
  );
});
