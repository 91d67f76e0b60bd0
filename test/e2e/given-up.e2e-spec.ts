import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { Keys } from '#broker/keys.js';
import { eventually, jsonOf, send, waitForModel } from '../support/client.js';
import type { HttpCall } from '../support/client.js';
import { TestBroker } from '../support/start-broker.js';
import { startUpstream } from '../support/upstream.js';
import type { Upstream } from '../support/upstream.js';
import { answer, gated, hang, status } from '../support/upstream-behaviours.js';
import { createGate } from '../support/upstream-gate.js';

/** Room for a busy machine. */
const TEST_MS = 30_000;
/** Whoever waits on purpose is given up by then, ms. */
const TIMEOUT_MS = '600';
/** The time for a delayed retry: long enough to be given up in, ms. */
const RETRY_MS = 800;

let upstream: Upstream;
let broker: TestBroker;
let redis: Redis;
const { waiting, retrying } = new Keys('spillway', 1).shard(0);

beforeAll(async () => {
  upstream = await startUpstream();
  const provider = { kind: 'openai-compatible', location: 'local', baseUrl: upstream.baseUrl, models: ['m'] };
  const names = ['full', 'iced', 'unserved', 'open', 'busy'];
  broker = await TestBroker.start({
    config: {
      providers: {
        full: { ...provider, concurrency: 1 },
        iced: { ...provider, models: ['announced-by-iced'] },
        unserved: provider,
        open: provider,
        busy: provider,
        next: { ...provider, models: ['announced'] },
      },
      models: {
        ...Object.fromEntries(names.map((name) => [name, { targets: [{ provider: name }] }])),
        // What is given up does not go on to another target either.
        'open-next': { targets: [{ provider: 'open' }, { provider: 'next' }] },
      },
    },
    env: { SPILLWAY_WORKER_PROVIDERS: 'full,open,busy,next' },
  });
  redis = new Redis(broker.redis.url);
  await broker.startWorker({ SPILLWAY_WORKER_PROVIDERS: 'iced' });
  await Promise.all(['announced', 'announced-by-iced'].map((model) => waitForModel(broker.url, model)));
}, 40_000);

afterAll(async () => {
  redis?.disconnect();
  await broker?.stop();
  await upstream?.close();
});

const WAYS = [
  { way: 'deadline', streams: true },
  { way: 'deadline', streams: false },
  { way: 'cancel', streams: true },
  { way: 'cancel', streams: false },
] as const;

function ask(
  model: string,
  streams: boolean,
  marker: string,
  headers: Record<string, string> = {},
): HttpCall {
  const body = { model, stream: streams, messages: [{ role: 'user', content: marker }] };
  return send(`${broker.url}/v1/chat/completions`, { body, headers });
}

/** Asks so that the request can be given up in this way. */
function askFor(way: keyof typeof giveUp, model: string, streams: boolean, marker: string): HttpCall {
  return ask(model, streams, marker, way === 'deadline' ? { 'x-spillway-timeout-ms': TIMEOUT_MS } : {});
}

/** Ends a request before its time; resolves once nothing waits in any queue. */
const giveUp = {
  deadline: async (call: HttpCall, expected = [504, 'deadline_exceeded']) => {
    const reply = await call.answer();
    expect([reply.status, jsonOf(reply).error?.code]).toEqual(expected);
    await isEmpty();
  },
  cancel: async (call: HttpCall) => {
    call.leave();
    await isEmpty();
  },
};

async function isEmpty(): Promise<void> {
  await eventually(async () => (await redis.zcard(waiting)) === 0 || undefined, 'empty queues');
}

async function isWaiting(): Promise<void> {
  await eventually(async () => (await redis.zcard(waiting)) === 1 || undefined, 'a request that waits');
}

async function hasRetry(): Promise<void> {
  await eventually(async () => (await redis.zcard(retrying)) === 1 || undefined, 'a retry that waits');
}

function callsFor(marker: string): number {
  return upstream.calls.filter(({ body }) => body.includes(marker)).length;
}

/** A request that came later has been through the queue of its provider. */
async function passQueue(model: string): Promise<void> {
  expect((await ask(model, false, `comes later to ${model}`).answer()).status).toBe(200);
}

describe('a request that is given up', () => {
  it.each(WAYS)(
    'by $way in the queue is never run (stream: $streams)',
    async ({ way, streams }) => {
      const marker = `queued and given up by ${way} ${streams}`;
      const gate = createGate();
      const occupant = `occupies ${marker}`;
      upstream.when({ marker: occupant }, gated(gate, answer('done')));
      const first = ask('full', false, occupant);
      await eventually(() => callsFor(occupant) === 1 || undefined, 'the call that takes the place');
      const call = askFor(way, 'full', streams, marker);
      await isWaiting();
      await giveUp[way](call);
      gate.open();
      expect((await first.answer()).status).toBe(200);
      await passQueue('full');
      expect(callsFor(`"${marker}"`)).toBe(0);
    },
    TEST_MS,
  );

  it.each(WAYS)(
    'by $way while its worker is frozen is never run (stream: $streams)',
    async ({ way, streams }) => {
      const marker = `frozen and given up by ${way} ${streams}`;
      const worker = broker.workers[1];
      worker?.signal('SIGSTOP');
      const call = askFor(way, 'iced', streams, marker);
      await isWaiting();
      await giveUp[way](call);
      worker?.signal('SIGCONT');
      await passQueue('iced');
      expect(callsFor(marker)).toBe(0);
    },
    TEST_MS,
  );

  it.each(WAYS)(
    'by $way in its call is not called again (stream: $streams)',
    async ({ way, streams }) => {
      const marker = `called and given up by ${way} ${streams}`;
      upstream.when({ marker }, hang());
      const call = askFor(way, 'open-next', streams, marker);
      await eventually(() => callsFor(marker) === 1 || undefined, 'the call');
      await giveUp[way](call);
      const made = upstream.calls.find(({ body }) => body.includes(marker));
      if (made) await upstream.waitForHangUp(made);
      await passQueue('open');
      await passQueue('next/m');
      expect(callsFor(marker)).toBe(1);
    },
    TEST_MS,
  );

  it(
    'without a worker is not run by the one that comes later',
    async () => {
      const given = WAYS.map(({ way, streams }) => ({ way, streams, marker: `unserved ${way} ${streams}` }));
      for (const { way, streams, marker } of given) {
        const call = askFor(way, 'unserved', streams, marker);
        await isWaiting();
        await giveUp[way](call, [503, 'no_worker']);
      }
      await broker.startWorker({ SPILLWAY_WORKER_PROVIDERS: 'unserved' });
      await passQueue('unserved');
      for (const { marker } of given) expect(callsFor(marker)).toBe(0);
    },
    TEST_MS,
  );
});

describe('a request that waits for a busy provider', () => {
  const again = { headers: { 'retry-after-ms': String(RETRY_MS) } };

  it.each([true, false])(
    'is called again when the time has come (stream: %s)',
    async (streams) => {
      const marker = `waits and is answered ${streams}`;
      upstream.when({ marker }, status(429, again), answer('now'));
      const reply = await ask('busy', streams, marker).answer();
      expect([reply.status, callsFor(marker)]).toEqual([200, 2]);
      expect(reply.totalMs).toBeGreaterThanOrEqual(RETRY_MS);
    },
    TEST_MS,
  );

  it.each([true, false])(
    'and is cancelled is not called again (stream: %s)',
    async (streams) => {
      const [marker, later] = [`leaves while it waits ${streams}`, `a bystander ${streams}`];
      upstream.when({ marker }, status(429, again), answer('too late'));
      upstream.when({ marker: later }, status(429, again), answer('now'));
      const call = ask('busy', streams, marker);
      await hasRetry();
      await giveUp.cancel(call);
      expect(await redis.zcard(retrying)).toBe(0);
      // Its own wait begins later, so when it is over the other one's would be, too.
      expect((await ask('open', false, later).answer()).status).toBe(200);
      expect([callsFor(marker), callsFor(later)]).toEqual([1, 2]);
    },
    TEST_MS,
  );

  it(
    'and whose deadline comes while its worker is frozen is not called again',
    async () => {
      const marker = 'frozen while it waits';
      upstream.when({ marker }, status(429, again), answer('too late'));
      const call = ask('iced', true, marker, { 'x-spillway-timeout-ms': String(RETRY_MS + 1_400) });
      await hasRetry();
      broker.workers[1]?.signal('SIGSTOP');
      await giveUp.deadline(call);
      broker.workers[1]?.signal('SIGCONT');
      await passQueue('iced');
      expect(callsFor(marker)).toBe(1);
    },
    TEST_MS,
  );
});
