import { describe, expect, it } from '@jest/globals';
import { contentOf, eventually, fetchAnswer, send, type HttpCall } from '../support/client.js';
import { withScene } from '../support/fault-scene.js';
import { markedAnswer, markedTokens, promptOf } from '../support/marked-answer.js';
import { createGate } from '../support/upstream-gate.js';

const TEST_MS = 60_000;
const COUNT = 12;

/** Asks for a stream that goes on without its client. */
function ask(url: string, marker: string): HttpCall {
  const messages = [{ role: 'user', content: promptOf(marker) }];
  return send(`${url}/v1/chat/completions`, {
    body: { model: 'm', stream: true, messages },
    headers: { 'x-spillway-on-disconnect': 'continue' },
  });
}

function idsOf({ items }: Pick<HttpCall, 'items'>): string[] {
  return items.flatMap(({ id }) => (id === undefined ? [] : [id]));
}

async function untilEvents(call: HttpCall, count: number): Promise<void> {
  await eventually(() => idsOf(call).length >= count || undefined, `${count} events`);
}

/** What was received up to the end of the event with this id. */
function upTo(text: string, id: string): string {
  const start = text.indexOf(`id: ${id}\n`);
  return text.slice(0, text.indexOf('\n\n', start) + 2);
}

describe('a stream that its client wants to go on with', () => {
  it.concurrent(
    'goes on after the death of its api, on another one, byte for byte',
    () =>
      withScene({ apis: 2 }, async ({ broker, upstream, script, redis, keys }) => {
        const gate = createGate();
        script('resumed', markedAnswer(COUNT, gate));
        const [first, second] = broker.apis;
        const call = ask(first?.url ?? '', 'resumed');
        gate.release(4);
        await untilEvents(call, 5);
        await first?.end('SIGKILL');
        const cut = await call.answer();
        expect(cut.whole).toBe(false);
        const request = String(cut.headers['x-request-id']);
        const last = idsOf(call).at(-1) ?? '';
        const path = `${second?.url}/v1/requests/${request}/stream`;
        // One that comes back at once, one by the header that browsers send, and one that lost the last event on its way.
        const before = idsOf(call).at(-2) ?? '';
        const rest = send(`${path}?starting_after=${last}`);
        const byHeader = send(path, { headers: { 'last-event-id': last } });
        const fromBefore = send(`${path}?starting_after=${before}`);
        gate.open();
        const whole = await fetchAnswer(path);
        const received = upTo(cut.text, last);
        for (const [seen, answer] of [
          [received, await rest.answer()],
          [received, await byHeader.answer()],
          [upTo(cut.text, before), await fromBefore.answer()],
        ] as const) {
          expect(answer).toMatchObject({ status: 200, whole: true });
          expect(answer.headers).toMatchObject({ 'x-request-id': request, 'x-spillway-provider': 'gpu' });
          expect(withoutComments(seen + answer.text)).toBe(withoutComments(whole.text));
        }
        expect(contentOf(whole).split(' ')).toEqual(markedTokens('resumed', 1, COUNT));
        expect(whole.events.at(-1)).toBe('[DONE]');
        expect(upstream.calls).toHaveLength(1);
        expect(await redis.hget(keys.record(request), 'outcome')).toBe('completed');
      }),
    TEST_MS,
  );

  it.concurrent(
    'goes on without anybody, and can be read afterwards, on any replica',
    () =>
      withScene({ apis: 2 }, async ({ broker, upstream, script }) => {
        const gate = createGate();
        script('left', markedAnswer(COUNT, gate));
        const call = ask(broker.url, 'left');
        gate.release(2);
        await untilEvents(call, 3);
        call.leave();
        const request = String(call.headers['x-request-id']);
        gate.open();
        const upstreamCall = await upstream.waitForCall(1);
        await upstream.waitForEnd(upstreamCall);
        expect(upstreamCall.hungUpAt).toBeUndefined();
        for (const { url } of broker.apis) {
          const answer = await fetchAnswer(`${url}/v1/requests/${request}/stream`);
          expect(contentOf(answer).split(' ')).toEqual(markedTokens('left', 1, COUNT));
          expect(answer.events.at(-1)).toBe('[DONE]');
        }
      }),
    TEST_MS,
  );

  it.concurrent(
    'tells that it broke off to whoever comes back after the death of its worker',
    () =>
      withScene({ apis: 2 }, async ({ broker, upstream, script }) => {
        const gate = createGate();
        script('broken', markedAnswer(COUNT, gate));
        const call = ask(broker.url, 'broken');
        gate.release(3);
        await untilEvents(call, 4);
        const last = idsOf(call).at(-1) ?? '';
        call.leave();
        const request = String(call.headers['x-request-id']);
        await broker.workers[0]?.end('SIGKILL');
        const path = `${broker.apis[1]?.url}/v1/requests/${request}/stream?starting_after=${last}`;
        const answer = await fetchAnswer(path);
        expect(answer.status).toBe(200);
        expect(answer.events).toHaveLength(1);
        expect(answer.events[0]).toContain('"code":"stream_interrupted"');
        expect(upstream.calls).toHaveLength(1);
      }),
    TEST_MS,
  );
});

function withoutComments(text: string): string {
  return text.replaceAll(/^:.*\n/gm, '');
}
