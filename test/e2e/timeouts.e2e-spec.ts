import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  chunksOf,
  contentOf,
  eventually,
  fetchAnswer,
  jsonOf,
  send,
  waitForModel,
} from '../support/client.js';
import type { Answer, HttpCall, SendOptions } from '../support/client.js';
import { TestBroker } from '../support/start-broker.js';
import { startUpstream } from '../support/upstream.js';
import type { Upstream } from '../support/upstream.js';
import { answer, gated, hang, stream } from '../support/upstream-behaviours.js';
import type { Behaviour } from '../support/upstream-behaviours.js';
import { createGate } from '../support/upstream-gate.js';
import { endless, hangOn, role, token } from '../support/upstream-steps.js';

/** Room for a busy machine. */
const TEST_MS = 30_000;
const SHORT_MS = 300;
const CHUNK = `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: 'on ' }, finish_reason: null }] })}\n\n`;

let upstream: Upstream;
let broker: TestBroker;

beforeAll(async () => {
  upstream = await startUpstream();
  const provider = { kind: 'openai-compatible', location: 'local', baseUrl: upstream.baseUrl, models: ['m'] };
  const short = { firstTokenMs: SHORT_MS, idleMs: SHORT_MS, responseMs: SHORT_MS };
  const patient = { firstTokenMs: 60_000, responseMs: 60_000 };
  broker = await TestBroker.start({
    config: {
      providers: {
        quick: { ...provider, timeouts: short },
        brief: { ...provider, timeouts: { streamMs: SHORT_MS } },
        roomy: { ...provider, models: ['announced'] },
        narrow: { ...provider, concurrency: 1, maxQueueWaitMs: SHORT_MS },
      },
      models: {
        'quick-target': route({ provider: 'roomy', timeouts: short }),
        'brief-target': route({ provider: 'roomy', timeouts: { streamMs: SHORT_MS } }),
        'patient-target': route({ provider: 'quick', timeouts: patient }),
        'patient-queue': route({ provider: 'narrow', maxQueueWaitMs: 60_000 }),
        'next-queue': route({ provider: 'narrow' }, { provider: 'roomy' }),
      },
    },
  });
  await waitForModel(broker.url, 'announced');
}, 30_000);

afterAll(async () => {
  await broker?.stop();
  await upstream?.close();
});

function route(...targets: readonly object[]): object {
  return { targets };
}

function completions(): string {
  return `${broker.url}/v1/chat/completions`;
}

function chat(model: string, streams: boolean, marker: string): SendOptions {
  return { body: { model, stream: streams, messages: [{ role: 'user', content: marker }] } };
}

function errorOf(reply: Answer) {
  const text = reply.status === 200 ? (reply.events.at(-1) ?? '{}') : reply.text;
  const { error } = jsonOf({ text });
  return { status: reply.status, code: error?.code, message: error?.message };
}

interface Limit {
  readonly limit: string;
  readonly models: readonly [ofProvider: string, ofTarget: string];
  readonly streams: boolean;
  readonly behaviour: Behaviour;
  readonly status: number;
  readonly code: string;
  readonly reason: RegExp;
}

const limits: readonly Limit[] = [
  {
    limit: 'the first token',
    models: ['quick/m', 'quick-target'],
    streams: true,
    behaviour: stream(role(), hangOn()),
    status: 504,
    code: 'upstream_timeout',
    reason: /first token timeout/,
  },
  {
    limit: 'a whole answer',
    models: ['quick/m', 'quick-target'],
    streams: false,
    behaviour: hang(),
    status: 504,
    code: 'upstream_timeout',
    reason: /response timeout/,
  },
  {
    limit: 'silence in a stream',
    models: ['quick/m', 'quick-target'],
    streams: true,
    behaviour: stream(role(), token('Hi'), hangOn()),
    status: 200,
    code: 'stream_interrupted',
    reason: /idle timeout/,
  },
  {
    limit: 'a whole stream, however steadily it comes',
    models: ['brief/m', 'brief-target'],
    streams: true,
    behaviour: stream(role(), endless(CHUNK)),
    status: 200,
    code: 'stream_interrupted',
    reason: /stream timeout/,
  },
];

const settings = limits.flatMap(({ models, ...rest }) =>
  (['provider', 'target'] as const).map((place, n) => ({ ...rest, place, model: models[n] ?? '' })),
);

describe('a timeout', () => {
  it.each(settings)(
    'of a $place for $limit: $status $code',
    async (row) => {
      const marker = `${row.limit} of a ${row.place}`;
      upstream.when({ marker }, row.behaviour);
      const reply = await fetchAnswer(completions(), chat(row.model, row.streams, marker));
      expect(errorOf(reply)).toEqual({
        status: row.status,
        code: row.code,
        message: expect.stringMatching(row.reason),
      });
      const calls = upstream.calls.filter(({ body }) => body.includes(marker));
      expect(calls).toHaveLength(1);
      for (const call of calls) await upstream.waitForHangUp(call);
      expect(
        chunksOf(reply).flatMap(({ choices = [] }) => choices.flatMap((each) => each.finish_reason ?? [])),
      ).toEqual([]);
    },
    TEST_MS,
  );

  it.each([true, false])(
    'of a target may be longer than that of its provider (stream: %s)',
    async (streams) => {
      const gate = createGate();
      const [slow, silent] = [`takes its time ${streams}`, `says nothing ${streams}`];
      upstream.when({ marker: slow }, gated(gate, answer('here it is')));
      upstream.when({ marker: silent }, hang());
      const patient = send(completions(), chat('patient-target', streams, slow));
      await upstream.waitForCall(upstream.calls.length + 1);
      const impatient = await fetchAnswer(completions(), chat('quick/m', streams, silent));
      expect(errorOf(impatient)).toMatchObject({ status: 504, code: 'upstream_timeout' });
      gate.open();
      expect(textOf(await patient.answer())).toBe('here it is');
    },
    TEST_MS,
  );
});

describe('the wait in the queue of a provider', () => {
  it(
    'is the one of its configuration where the target sets none',
    async () => {
      const free = await occupy();
      const replies = await Promise.all(
        [true, false].map((streams) => fetchAnswer(completions(), chat('narrow/m', streams, 'waits'))),
      );
      for (const reply of replies)
        expect(errorOf(reply)).toMatchObject({ status: 504, code: 'queue_timeout' });
      const moved = await fetchAnswer(completions(), chat('next-queue', false, 'moves'));
      expect([moved.status, moved.headers['x-spillway-provider']]).toEqual([200, 'roomy']);
      await free();
      expect(upstream.calls.some(({ body }) => body.includes('"waits"'))).toBe(false);
    },
    TEST_MS,
  );

  it(
    'may be longer for a target',
    async () => {
      const free = await occupy();
      const patient = send(completions(), chat('patient-queue', false, 'patience'));
      const impatient = await fetchAnswer(completions(), chat('narrow/m', false, 'impatience'));
      expect(errorOf(impatient)).toMatchObject({ status: 504, code: 'queue_timeout' });
      await free();
      expect(textOf(await patient.answer())).toBe('Hello from the upstream');
    },
    TEST_MS,
  );
});

let occupied = 0;

/** Takes the one place of `narrow`; answers how to free it. */
async function occupy(): Promise<() => Promise<void>> {
  const gate = createGate();
  const marker = `occupies the place ${++occupied}`;
  upstream.when({ marker }, gated(gate, answer('done')));
  const call: HttpCall = send(completions(), chat('patient-queue', false, marker));
  const isThere = () => upstream.calls.some(({ body }) => body.includes(marker)) || undefined;
  await eventually(isThere, 'the call that takes the place');
  return async () => {
    gate.open();
    expect((await call.answer()).status).toBe(200);
  };
}

function textOf(reply: Answer): string | undefined {
  const isStream = reply.events.length > 0;
  return isStream ? contentOf(reply) : jsonOf(reply).choices?.[0]?.message?.content;
}
