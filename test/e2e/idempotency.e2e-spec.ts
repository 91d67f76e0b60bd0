import { describe, expect, it } from '@jest/globals';
import { jsonOf, send, type HttpCall } from '../support/client.js';
import { withScene } from '../support/fault-scene.js';
import { markedAnswer, promptOf } from '../support/marked-answer.js';
import { status } from '../support/upstream-behaviours.js';
import { createGate } from '../support/upstream-gate.js';

const TEST_MS = 60_000;

interface Ask {
  readonly marker: string;
  readonly key: string;
  readonly stream?: boolean;
}

function ask(url: string | undefined, { marker, key, stream = false }: Ask): HttpCall {
  const messages = [{ role: 'user', content: promptOf(marker) }];
  return send(`${url}/v1/chat/completions`, {
    body: { model: 'm', stream, messages },
    headers: { 'idempotency-key': key },
  });
}

describe('requests with one Idempotency-Key', () => {
  it.concurrent(
    'are one upstream call and one answer, however many replicas they come to at once',
    () =>
      withScene({ apis: 3 }, async ({ broker, upstream, script }) => {
        for (const stream of [true, false]) {
          const marker = `same${stream}`;
          const gate = createGate();
          script(marker, markedAnswer(6, gate));
          const calls = [...broker.apis, ...broker.apis].map(({ url }) =>
            ask(url, { marker, key: marker, stream }),
          );
          const before = upstream.calls.length;
          await upstream.waitForCall(before + 1);
          gate.open();
          const answers = await Promise.all(calls.map((call) => call.answer()));
          const late = await ask(broker.apis[2]?.url, { marker, key: marker, stream }).answer();
          expect(late.headers['x-spillway-replayed']).toBe('true');
          const [first] = answers;
          expect(first?.text).toContain(`${marker}/`);
          for (const answer of [...answers, late]) {
            expect(answer).toMatchObject({ status: 200, whole: true, text: first?.text });
            expect(answer.headers['x-request-id']).toBe(first?.headers['x-request-id']);
          }
          expect(upstream.calls).toHaveLength(before + 1);
        }
      }),
    TEST_MS,
  );

  it.concurrent(
    'outlive the api that took the first one: the client’s own retry gets the same answer',
    () =>
      withScene({ apis: 2 }, async ({ broker, upstream, script }) => {
        const gate = createGate();
        script('retried', markedAnswer(5, gate));
        const [first, second] = broker.apis;
        const lost = ask(first?.url, { marker: 'retried', key: 'retried' });
        await upstream.waitForCall(1);
        await first?.end('SIGKILL');
        await expect(lost.answer()).rejects.toThrow('socket hang up');
        const again = ask(second?.url, { marker: 'retried', key: 'retried' });
        gate.open();
        const answer = await again.answer();
        expect(answer.status).toBe(200);
        expect(jsonOf(answer).choices?.[0]?.message?.content).toContain('retried/1/4');
        expect(upstream.calls).toHaveLength(1);
      }),
    TEST_MS,
  );

  it.concurrent(
    'are refused with another body, and tried again after a failure',
    () =>
      withScene({ apis: 2 }, async ({ broker, upstream, script }) => {
        const [first, second] = broker.apis;
        script('failing', status(400, { message: 'no' }), markedAnswer(2));
        expect((await ask(first?.url, { marker: 'failing', key: 'k' }).answer()).status).toBe(400);
        expect((await ask(second?.url, { marker: 'failing', key: 'k' }).answer()).status).toBe(200);
        const refused = await ask(first?.url, { marker: 'other', key: 'k' }).answer();
        expect(refused.status).toBe(409);
        expect(refused.headers).toMatchObject({ 'x-should-retry': 'false' });
        expect(jsonOf(refused).error?.code).toBe('idempotency_key_conflict');
        expect(upstream.calls).toHaveLength(2);
      }),
    TEST_MS,
  );
});
