import { describe, expect, it } from '@jest/globals';
import { waitForModel } from '../support/client.js';
import { oneProvider, providerOf, TOKENS, withScene, type SceneOptions } from '../support/fault-scene.js';
import { markedTokens, runOf } from '../support/marked-answer.js';
import { hang } from '../support/upstream-behaviours.js';

const TEST_MS = 60_000;
/** What an end may come after its time. */
const GRACE_MS = 2_000;
/** A provider without a heartbeat for this long has no worker. */
const SILENT_MS = 15_000;

/** Model `m` on `first` and then on `second`; their calls differ in the upstream's model name. */
const twoTargets: SceneOptions['config'] = (upstream) => ({
  providers: {
    first: { ...providerOf(upstream), models: ['of-first'] },
    second: { ...providerOf(upstream), models: ['of-second'] },
  },
  models: {
    m: {
      targets: [
        { provider: 'first', model: 'one' },
        { provider: 'second', model: 'two' },
      ],
    },
  },
});

const serving = (name: string) => ({ SPILLWAY_WORKER_PROVIDERS: name });

describe('a request without a worker', () => {
  it.concurrent(
    'stays with its target for as long as a restart may take, and then moves on',
    () =>
      withScene({ workers: 0, config: twoTargets }, async ({ broker, upstream, ask }) => {
        const [first] = await Promise.all(
          ['first', 'second'].map((name) => broker.startWorker(serving(name))),
        );
        await Promise.all(['of-first', 'of-second'].map((id) => waitForModel(broker.url, id)));
        expect((await ask('before').answered).headers).toMatchObject({ 'x-spillway-provider': 'first' });
        await first?.end('SIGKILL');
        const killedAt = performance.now();
        const moved = await ask('moved', { stream: false }).answered;
        expect(moved).toMatchObject({ status: 200, tokens: markedTokens('moved', 2, TOKENS) });
        expect(moved.headers).toMatchObject({ 'x-spillway-provider': 'second', 'x-spillway-attempts': '2' });
        // Its last heartbeat was at most 2 s before the kill.
        expect(moved.endedAt - killedAt).toBeGreaterThan(SILENT_MS - 3_000);
        expect(moved.endedAt - killedAt).toBeLessThan(SILENT_MS + 5_000);
        expect(upstream.calls.map(({ model }) => model)).toEqual(['one', 'two']);
      }),
    TEST_MS,
  );

  it.concurrent(
    'ends with no_worker after the longest wait of its target',
    () => {
      const models = { m: { targets: [{ provider: 'gpu', maxQueueWaitMs: 1_500 }] } };
      return withScene({ workers: 0, config: oneProvider({}, { models }) }, async ({ ask }) => {
        const calls = [ask('stream'), ask('whole', { stream: false })];
        for (const answered of await Promise.all(calls.map((call) => call.answered))) {
          expect(answered).toMatchObject({ status: 503, error: { code: 'no_worker', type: 'server_error' } });
          expect(answered.ms).toBeGreaterThanOrEqual(1_500);
          expect(answered.ms).toBeLessThan(1_500 + GRACE_MS);
        }
      });
    },
    TEST_MS,
  );

  it.concurrent(
    'ends with no_worker at its deadline where its target names no longest wait',
    () =>
      withScene({ workers: 0 }, async ({ ask }) => {
        const headers = { 'x-spillway-timeout-ms': '3000' };
        const calls = [ask('stream', { headers }), ask('whole', { stream: false, headers })];
        for (const answered of await Promise.all(calls.map((call) => call.answered))) {
          expect(answered).toMatchObject({ status: 503, error: { code: 'no_worker' } });
          expect(answered.ms).toBeGreaterThanOrEqual(3_000);
          expect(answered.ms).toBeLessThan(3_000 + GRACE_MS);
        }
      }),
    TEST_MS,
  );

  it.concurrent(
    'is answered by the worker that starts while it waits',
    () =>
      withScene({ workers: 0 }, async ({ broker, upstream, ask }) => {
        const calls = [ask('stream'), ask('whole', { stream: false })];
        await broker.startWorker();
        const readyAt = performance.now();
        for (const { answered, question } of calls) {
          const { status, tokens, endedAt } = await answered;
          expect({ status, count: tokens.length }).toEqual({ status: 200, count: TOKENS });
          expect(runOf(question.marker, tokens)).toBeGreaterThan(0);
          expect(endedAt - readyAt).toBeLessThan(GRACE_MS);
        }
        expect(upstream.calls).toHaveLength(2);
      }),
    TEST_MS,
  );

  it.concurrent(
    'goes to the next target at once where only that has one',
    () =>
      withScene({ workers: 0, config: twoTargets }, async ({ broker, upstream, ask }) => {
        await broker.startWorker(serving('second'));
        await waitForModel(broker.url, 'of-second');
        const answered = await ask('next').answered;
        expect(answered).toMatchObject({ done: true, tokens: markedTokens('next', 1, TOKENS) });
        expect(answered.headers).toMatchObject({
          'x-spillway-provider': 'second',
          'x-spillway-attempts': '1',
        });
        expect(answered.ms).toBeLessThan(GRACE_MS);
        expect(upstream.calls.map(({ model }) => model)).toEqual(['two']);
      }),
    TEST_MS,
  );
});

describe('a running request', () => {
  it.concurrent(
    'is hung up on at its deadline, and its client told',
    () =>
      withScene({}, async ({ upstream, script, ask }) => {
        script('stream', hang());
        script('whole', hang());
        const headers = { 'x-spillway-timeout-ms': '2000' };
        const deadlineAt = Date.now() + 2_000;
        const calls = [ask('stream', { headers }), ask('whole', { stream: false, headers })];
        for (const answered of await Promise.all(calls.map((call) => call.answered))) {
          expect(answered).toMatchObject({ status: 504, error: { code: 'deadline_exceeded' } });
          expect(answered.headers).toMatchObject({ 'x-should-retry': 'false' });
          expect(answered.ms).toBeLessThan(2_000 + GRACE_MS);
        }
        expect(upstream.calls).toHaveLength(2);
        for (const call of upstream.calls) {
          expect((await upstream.waitForHangUp(call)) - deadlineAt).toBeLessThan(GRACE_MS);
        }
      }),
    TEST_MS,
  );
});
