import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { contentOf, eventually, fetchAnswer, send, waitForModel } from '../support/client.js';
import type { HttpCall } from '../support/client.js';
import { startDeafRedis } from '../support/deaf-redis.js';
import type { DeafRedis } from '../support/deaf-redis.js';
import { TestBroker } from '../support/start-broker.js';
import { startUpstream } from '../support/upstream.js';
import type { Upstream } from '../support/upstream.js';
import { answer, gated, hang, part, stream } from '../support/upstream-behaviours.js';
import type { Behaviour } from '../support/upstream-behaviours.js';
import type { UpstreamCall } from '../support/upstream-call.js';
import { createGate } from '../support/upstream-gate.js';
import { hangOn, role, tokens } from '../support/upstream-steps.js';

/** The promise: an upstream call is aborted this long after its client has gone, by message or by lease, ms. */
const PROMISED_MS = 1_000;

let upstream: Upstream;
let broker: TestBroker;
let deafRedis: DeafRedis;
/** An api that hears no message either, and sends heartbeats at once. */
let deafUrl: string;

beforeAll(async () => {
  upstream = await startUpstream();
  const provider = { kind: 'openai-compatible', location: 'local', baseUrl: upstream.baseUrl, models: ['x'] };
  broker = await TestBroker.start({
    config: {
      server: { holdMs: '${HOLD_MS:-60000}', heartbeatMs: 100 },
      providers: {
        box: { ...provider, concurrency: 16 },
        narrow: { ...provider, concurrency: 1 },
        second: provider,
        deaf: { ...provider, models: ['announced-by-deaf'], concurrency: 16 },
      },
      models: {
        m: { targets: [{ provider: 'box' }, { provider: 'second' }] },
        narrow: { targets: [{ provider: 'narrow' }, { provider: 'second' }] },
        deaf: { targets: [{ provider: 'deaf' }, { provider: 'second' }] },
      },
    },
    env: { SPILLWAY_WORKER_PROVIDERS: 'box,narrow,second' },
  });
  deafRedis = await startDeafRedis(broker.redis.port);
  const api = await broker.startApi({ REDIS_URL: deafRedis.url, HOLD_MS: '0' });
  deafUrl = api.url;
  await broker.startWorker({ REDIS_URL: deafRedis.url, SPILLWAY_WORKER_PROVIDERS: 'deaf' });
  await Promise.all([broker.url, deafUrl].map((url) => waitForModel(url, 'announced-by-deaf')));
}, 40_000);

afterAll(async () => {
  await broker?.stop();
  await deafRedis?.close();
  await upstream?.close();
});

interface Asked {
  readonly model?: string;
  readonly streams: boolean;
  readonly behaviour: Behaviour;
  readonly url?: string;
}

let asked = 0;

/** Sends a request whose upstream call does this; answers once the upstream has been called. */
async function ask({
  model = 'm',
  streams,
  behaviour,
  url = broker.url,
}: Asked): Promise<[HttpCall, UpstreamCall]> {
  const marker = `cancelled ${++asked} times`;
  upstream.when({ marker }, behaviour);
  const before = upstream.calls.length;
  const client = send(`${url}/v1/chat/completions`, chat(model, streams, marker));
  return [client, await upstream.waitForCall(before + 1)];
}

function chat(model: string, streams: boolean, content: string) {
  return { body: { model, stream: streams, messages: [{ role: 'user', content }] } };
}

/** Leaves; answers how long after that the upstream was hung up on, ms. */
async function leave(client: HttpCall, call: UpstreamCall): Promise<number> {
  const leftAt = client.leave();
  const tookMs = (await upstream.waitForHangUp(call)) - leftAt;
  // Nothing is tried in its place.
  expect(upstream.calls.at(-1)).toBe(call);
  return tookMs;
}

/** How many wait for the provider. */
async function waitingFor(provider: string): Promise<number> {
  const { text } = await fetchAnswer(`${broker.url}/metrics`);
  return Number(
    new RegExp(`^spillway_queue_waiting\\{provider="${provider}"\\} (\\d+)$`, 'm').exec(text)?.[1] ?? 0,
  );
}

const silences = [
  { when: 'before headers', streams: true, behaviour: hang() },
  { when: 'before headers', streams: false, behaviour: hang() },
  { when: 'after headers', streams: true, behaviour: stream(hangOn()) },
  { when: 'after the role', streams: true, behaviour: stream(role(), hangOn()) },
  { when: 'in the body', streams: false, behaviour: part('{"choices":[', { rest: 'hang' }) },
];

describe('a client that leaves', () => {
  it.each(silences)(
    'has its upstream call aborted within a second: silent $when (stream: $streams)',
    async (row) => {
      const [client, call] = await ask(row);
      expect(await leave(client, call)).toBeLessThan(PROMISED_MS);
      expect(client.status).toBe(0);
    },
  );

  it('has it aborted in the middle of a stream', async () => {
    const gate = createGate();
    const [client, call] = await ask({ streams: true, behaviour: answer('one two three', { gate }) });
    gate.release(2);
    await client.waitForItem(({ text }) => text.includes('two'), 'the second token');
    expect(await leave(client, call)).toBeLessThan(PROMISED_MS);
  });

  it('has it aborted while heartbeats are sent', async () => {
    const [client, call] = await ask({ streams: true, behaviour: hang(), url: deafUrl });
    await client.waitForItem(({ text }) => text === 'running', 'a heartbeat');
    expect(await leave(client, call)).toBeLessThan(PROMISED_MS);
  });

  it('frees the place of its call for the next one', async () => {
    const [client, call] = await ask({ model: 'narrow', streams: true, behaviour: hang() });
    const next = send(`${broker.url}/v1/chat/completions`, chat('narrow', false, 'next'));
    await eventually(
      async () => (await waitingFor('narrow')) === 1 || undefined,
      'the next one in the queue',
    );
    const leftAt = client.leave();
    expect((await next.answer()).status).toBe(200);
    expect((await upstream.waitForHangUp(call)) - leftAt).toBeLessThan(PROMISED_MS);
  });

  it.each([true, false])(
    'while it waits in the queue never reaches a provider (stream: %s)',
    async (streams) => {
      const gate = createGate();
      const [first] = await ask({ model: 'narrow', streams: true, behaviour: gated(gate, answer('done')) });
      const marker = `left the queue ${streams}`;
      const second = send(`${broker.url}/v1/chat/completions`, chat('narrow', streams, marker));
      await eventually(
        async () => (await waitingFor('narrow')) === 1 || undefined,
        'the second in the queue',
      );
      second.leave();
      await eventually(
        async () => (await waitingFor('narrow')) === 0 || undefined,
        'an empty queue',
        PROMISED_MS,
      );
      gate.open();
      expect(contentOf(await first.answer())).toBe('done');
      // The queue has gone past it.
      const third = await fetchAnswer(`${broker.url}/v1/chat/completions`, chat('narrow', false, 'third'));
      expect(third.headers['x-spillway-provider']).toBe('narrow');
      expect(upstream.calls.some(({ body }) => body.includes(marker))).toBe(false);
    },
  );
});

describe('with every message lost', () => {
  // One of each kind: a lease takes up to a second.
  const some = silences.filter(({ when }) => when === 'after the role' || when === 'in the body');

  it.each(some)('the lease alone has the call aborted: silent $when (stream: $streams)', async (row) => {
    const lost = deafRedis.lostBytes;
    const [client, call] = await ask({ ...row, model: 'deaf' });
    expect(await leave(client, call)).toBeLessThan(PROMISED_MS);
    // The message to the worker was sent, and did not arrive.
    expect(deafRedis.lostBytes).toBeGreaterThan(lost);
  });

  it('has it aborted in the middle of a stream too', async () => {
    const gate = createGate();
    const [client, call] = await ask({
      model: 'deaf',
      streams: true,
      behaviour: answer('one two', { gate }),
    });
    gate.release(1);
    await client.waitForItem(({ text }) => text.includes('one'), 'the first token');
    expect(await leave(client, call)).toBeLessThan(PROMISED_MS);
  });

  it('every token still arrives, from the log', async () => {
    const lost = deafRedis.lostBytes;
    const text = 'all that was lost is read again';
    const behaviour = stream(role(), tokens(text), hangOn());
    const [client, call] = await ask({ model: 'deaf', streams: true, behaviour, url: deafUrl });
    await client.waitForItem(({ text: data }) => data.includes('again'), 'the last token');
    const events = client.items.filter(({ kind }) => kind === 'event').map((item) => item.text);
    expect(contentOf({ events })).toBe(text);
    expect(deafRedis.lostBytes).toBeGreaterThan(lost);
    expect(await leave(client, call)).toBeLessThan(PROMISED_MS);
    const whole = await fetchAnswer(`${deafUrl}/v1/chat/completions`, chat('deaf', true, 'once more'));
    expect([contentOf(whole), whole.events.at(-1)]).toEqual(['Hello from the upstream', '[DONE]']);
  });
});
