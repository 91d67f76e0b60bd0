import { describe, expect, it } from '@jest/globals';
import type { ChatCall } from '../support/chat-call.js';
import { withScene, type Scene } from '../support/fault-scene.js';
import { markedAnswer, markedTokens } from '../support/marked-answer.js';
import { createGate } from '../support/upstream-gate.js';

/** A lease of 5 s, the sweeper's second, and the next pick-up, ms. */
const NOTICED_MS = 8_000;
/** A woken worker asks for its leases within a second. */
const HUNG_UP_MS = 2_000;
const TEST_MS = 45_000;

/** The log ids of the frames that were taken for a question. */
async function framesOf({ redis, keys }: Scene, { headers }: ChatCall): Promise<readonly string[]> {
  const entries = await redis.xrange(keys.log(String(headers['x-request-id'])), '-', '+');
  return entries.filter(([, [, type]]) => type === 'data').map(([id]) => id);
}

describe('a worker that is frozen past its lease', () => {
  it.concurrent(
    'before output: another one answers; awake, its frames are refused and its call is hung up on',
    () =>
      withScene({}, async (scene) => {
        const { broker, upstream, script, ask } = scene;
        const gate = createGate();
        script('early', markedAnswer(6, gate), markedAnswer(5));
        const early = ask('early');
        const call = await upstream.waitForCall(1);
        const [frozen] = broker.workers;
        frozen?.signal('SIGSTOP');
        const frozenAt = performance.now();
        await broker.startWorker();
        // These wait in its socket for it to wake.
        gate.release(3);
        const answered = await early.answered;
        expect(answered).toMatchObject({ status: 200, done: true, tokens: markedTokens('early', 2, 5) });
        expect(answered.endedAt - frozenAt).toBeLessThan(NOTICED_MS);
        frozen?.signal('SIGCONT');
        const wokenAt = Date.now();
        expect((await upstream.waitForHangUp(call)) - wokenAt).toBeLessThan(HUNG_UP_MS);
        const epochs = (await framesOf(scene, early)).map((id) => id.split('-')[0]);
        expect(new Set(epochs)).toEqual(new Set(['2']));
        expect(upstream.calls).toHaveLength(2);
        expect(await ask('after').answered).toMatchObject({ status: 200, done: true });
      }),
    TEST_MS,
  );

  it.concurrent(
    'after output: the stream ends with one typed error, and nothing is added to it when it wakes',
    () =>
      withScene({ workers: 2 }, async (scene) => {
        const { broker, upstream, script, ask, recordOf } = scene;
        const gate = createGate();
        script('cut', markedAnswer(9, gate));
        const cut = ask('cut');
        gate.release(3);
        await cut.waitForTokens(3);
        const call = await upstream.waitForCall(1);
        const { worker } = await recordOf(cut);
        const frozen = broker.workers.find(({ pid }) => worker?.includes(`-${pid}-`));
        expect(frozen).toBeDefined();
        frozen?.signal('SIGSTOP');
        const frozenAt = performance.now();
        gate.release(3);
        const answered = await cut.answered;
        expect(answered).toMatchObject({ tokens: markedTokens('cut', 1, 3), done: false, whole: true });
        expect(answered.error).toMatchObject({ code: 'stream_interrupted' });
        expect(answered.endedAt - frozenAt).toBeLessThan(NOTICED_MS);
        const frames = await framesOf(scene, cut);
        frozen?.signal('SIGCONT');
        const wokenAt = Date.now();
        expect((await upstream.waitForHangUp(call)) - wokenAt).toBeLessThan(HUNG_UP_MS);
        expect(frames.length).toBeGreaterThan(0);
        expect(await framesOf(scene, cut)).toEqual(frames);
        expect(upstream.calls).toHaveLength(1);
        // Awake, it takes part again.
        await Promise.all(
          broker.workers.filter((each) => each !== frozen).map((each) => each.end('SIGKILL')),
        );
        expect(await ask('after').answered).toMatchObject({ status: 200, done: true });
      }),
    TEST_MS,
  );
});
