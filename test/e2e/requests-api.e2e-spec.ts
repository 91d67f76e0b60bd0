import { describe, expect, it } from '@jest/globals';
import { eventually, fetchAnswer, send, type Answer } from '../support/client.js';
import { oneProvider, withScene } from '../support/fault-scene.js';
import { markedAnswer, promptOf } from '../support/marked-answer.js';
import { hang } from '../support/upstream-behaviours.js';
import { createGate } from '../support/upstream-gate.js';

const TEST_MS = 60_000;
const KEYS = { web: 'key-of-web', shop: 'key-of-shop' };
const applications = { web: { apiKeys: [KEYS.web] }, shop: { apiKeys: [KEYS.shop] } };
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

function bodyOf(marker: string, stream = false): object {
  return { model: 'm', stream, messages: [{ role: 'user', content: promptOf(marker) }] };
}

function stateOf({ text }: Answer): Record<string, unknown> {
  return JSON.parse(text) as Record<string, unknown>;
}

describe('a request', () => {
  it.concurrent(
    'is seen queued, at work and completed by its id, from any replica, and by its application alone',
    () => {
      const config = oneProvider({ concurrency: 1 }, { applications });
      return withScene({ apis: 2, config }, async ({ broker, upstream, script }) => {
        const gate = createGate();
        script('ahead', markedAnswer(1, gate));
        const headers = { ...bearer(KEYS.web), 'x-spillway-on-disconnect': 'continue' };
        const [first, second] = broker.apis;
        const post = (marker: string) =>
          send(`${first?.url}/v1/chat/completions`, { body: bodyOf(marker), headers });
        const ahead = post('ahead');
        await upstream.waitForCall(1);
        // Nothing is sent before the answer, so the id of the second one is known only by its end: it is asked as a stream.
        const behind = send(`${first?.url}/v1/chat/completions`, {
          body: bodyOf('behind', true),
          headers,
        });
        await eventually(() => behind.headers['x-request-id'], 'the id of the second', 20_000);
        const id = String(behind.headers['x-request-id']);
        const path = `${second?.url}/v1/requests/${id}`;
        const show = async (key = KEYS.web) => fetchAnswer(path, { headers: bearer(key) });
        expect(stateOf(await show())).toMatchObject({
          id,
          status: 'queued',
          position: 1,
          model: 'm',
          provider: 'gpu',
        });
        gate.open();
        expect((await ahead.answer()).status).toBe(200);
        expect((await behind.answer()).events.at(-1)).toBe('[DONE]');
        expect(stateOf(await show())).toMatchObject({
          id,
          status: 'completed',
          stream: true,
          attempts: 1,
          error: null,
        });
        for (const [method, tail] of [
          ['GET', ''],
          ['GET', '/stream'],
          ['POST', '/cancel'],
          ['DELETE', ''],
        ] as const) {
          const foreign = await fetchAnswer(path + tail, { method, headers: bearer(KEYS.shop) });
          expect(foreign.status).toBe(404);
          expect(foreign.text).toContain('"code":"request_not_found"');
        }
        const whole = await ahead.answer();
        const answered = await fetchAnswer(`${second?.url}/v1/requests/${whole.headers['x-request-id']}`, {
          headers: bearer(KEYS.web),
        });
        expect(answered.text.endsWith(`"response":${whole.text}}`)).toBe(true);
      });
    },
    TEST_MS,
  );

  it.concurrent(
    'is cancelled or deleted from another replica: its upstream call ends within a second',
    () =>
      withScene({ apis: 2 }, async ({ broker, upstream, script, redis, keys }) => {
        const [first, second] = broker.apis;
        const ways = [
          { method: 'POST', tail: '/cancel', status: 200, says: '"status":"cancelled"', logs: 1 },
          { method: 'DELETE', tail: '', status: 404, says: '"code":"request_not_found"', logs: 0 },
        ];
        for (const [number, { method, tail, status, says, logs }] of ways.entries()) {
          const marker = `ended${number}`;
          script(marker, hang());
          const headers = { 'idempotency-key': marker };
          const asked = send(`${first?.url}/v1/chat/completions`, { body: bodyOf(marker), headers });
          const call = await upstream.waitForCall(number + 1);
          const id = /^(req_\w+?)(-\d+)?$/.exec(String(call.headers['x-request-id']))?.[1] ?? '';
          const path = `${second?.url}/v1/requests/${id}`;
          const endedAt = Date.now();
          expect((await fetchAnswer(path + tail, { method })).status).toBe(200);
          expect((await upstream.waitForHangUp(call)) - endedAt).toBeLessThan(1_000);
          const after = await fetchAnswer(path);
          expect(after.status).toBe(status);
          expect(after.text).toContain(says);
          expect(await redis.exists(keys.body(id))).toBe(0);
          expect(await redis.exists(keys.log(id))).toBe(logs);
          expect((await asked.answer()).text).toContain('"code":"stream_interrupted"');
        }
        expect(upstream.calls).toHaveLength(2);
      }),
    TEST_MS,
  );
});
