import { describe, expect, it } from '@jest/globals';
import { ChatCall } from '../support/chat-call.js';
import { eventually, fetchAnswer, jsonOf } from '../support/client.js';
import { oneProvider, withScene } from '../support/fault-scene.js';
import { markedAnswer, markedTokens } from '../support/marked-answer.js';
import { createGate } from '../support/upstream-gate.js';

/** A request without a reader is kept for this long, ms, in case its client comes back. */
const ORPHAN_MS = 30_000;
const TEST_MS = 75_000;

describe('an api', () => {
  it.concurrent(
    'that is killed takes only its own clients along; what nobody reads any more is cancelled',
    () => {
      // So that nothing but the cancel can end the call of a silent upstream.
      const config = oneProvider({ timeouts: { idleMs: 2 * ORPHAN_MS } });
      return withScene({ apis: 2, config }, async ({ broker, upstream, script, ask, recordOf }) => {
        const [orphanGate, otherGate] = [createGate(), createGate()];
        script('orphan', markedAnswer(9, orphanGate));
        script('other', markedAnswer(9, otherGate));
        const [first, second] = broker.apis;
        const orphan = ask('orphan');
        const call = await upstream.waitForCall(1);
        const other = new ChatCall(second?.url ?? '', { marker: 'other' });
        for (const gate of [orphanGate, otherGate]) gate.release(2);
        await Promise.all([orphan, other].map((each) => each.waitForTokens(2)));
        await first?.end('SIGKILL');
        const killedAt = Date.now();
        expect(await orphan.answered).toMatchObject({ status: 200, done: false, whole: false });
        otherGate.open();
        expect(await other.answered).toMatchObject({ done: true, tokens: markedTokens('other', 2, 9) });
        // The last sign of its reader was at most a second before the kill.
        const orphanedMs = (await upstream.waitForHangUp(call, ORPHAN_MS + 10_000)) - killedAt;
        expect(orphanedMs).toBeGreaterThan(ORPHAN_MS - 2_000);
        expect(orphanedMs).toBeLessThan(ORPHAN_MS + 5_000);
        expect(await recordOf(orphan)).toMatchObject({ state: 'ended', outcome: 'cancelled' });
        expect(upstream.calls).toHaveLength(2);
      });
    },
    TEST_MS,
  );

  it.concurrent(
    'that is told to stop finishes its running stream, refuses new requests, and exits',
    () =>
      withScene({}, async ({ broker, script, ask }) => {
        const gate = createGate();
        script('running', markedAnswer(6, gate));
        const running = ask('running');
        gate.release(2);
        await running.waitForTokens(2);
        const ready = () => fetchAnswer(`${broker.url}/readyz`);
        expect((await ready()).status).toBe(200);
        broker.apis[0]?.signal('SIGTERM');
        const stopping = await eventually(async () => {
          const answer = await ready();
          return answer.status === 200 ? undefined : answer;
        }, 'readyz to say that the api is stopping');
        expect(stopping.status).toBe(503);
        expect(jsonOf(stopping).error?.code).toBe('shutting_down');
        expect(await ask('late').answered).toMatchObject({ status: 503, error: { code: 'shutting_down' } });
        gate.open();
        expect(await running.answered).toMatchObject({ done: true, tokens: markedTokens('running', 1, 6) });
        const endedAt = performance.now();
        expect(await broker.apis[0]?.exited).toBe(0);
        expect(performance.now() - endedAt).toBeLessThan(2_000);
        expect(await ask('gone').answered).toMatchObject({ status: 0, refused: 'ECONNREFUSED' });
      }),
    TEST_MS,
  );
});
