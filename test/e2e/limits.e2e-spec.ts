import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { contentOf, fetchAnswer, jsonOf, send, waitForModel } from '../support/client.js';
import type { SendOptions } from '../support/client.js';
import { exhaustedPlans } from '../support/exhausted-plans.js';
import { TestBroker } from '../support/start-broker.js';
import { startUpstream } from '../support/upstream.js';
import type { Upstream } from '../support/upstream.js';
import { answer, gated, hang, stream } from '../support/upstream-behaviours.js';
import { createGate } from '../support/upstream-gate.js';
import { hangOn, role, token } from '../support/upstream-steps.js';

const cases = exhaustedPlans.flatMap((each, n) =>
  [true, false].map((streams) => ({ ...each, streams, model: `${n}-${streams ? 'stream' : 'whole'}` })),
);

let upstream: Upstream;
let broker: TestBroker;

beforeAll(async () => {
  upstream = await startUpstream();
  const provider = { kind: 'openai-compatible', location: 'local', baseUrl: upstream.baseUrl };
  const narrow = { ...provider, concurrency: 1 };
  const timeouts = { firstTokenMs: 250, responseMs: 250 };
  // Providers remember a refused credential: each case has its own two.
  const pairs = cases.flatMap(({ model }) => [`one-${model}`, `two-${model}`]);
  const served = [...pairs, 'narrow', 'other', 'full'];
  broker = await TestBroker.start({
    config: {
      // Busy providers are not waited for: the counts of calls are those of the plans.
      queue: { maxWaiting: 2, maxRetryDelayMs: 0 },
      providers: {
        ...Object.fromEntries(pairs.map((name) => [name, provider])),
        narrow,
        full: narrow,
        other: { ...provider, models: ['announced'] },
        unserved: provider,
      },
      models: {
        ...Object.fromEntries(
          cases.map(({ model, behaviours, silent }) => {
            const names = behaviours[1] ? [`one-${model}`, `two-${model}`] : [`one-${model}`];
            return [model, route(...names.map((name) => ({ provider: name, ...(silent && { timeouts }) })))];
          }),
        ),
        narrow: route({ provider: 'narrow' }),
        impatient: route({ provider: 'narrow', maxQueueWaitMs: 300 }),
        'impatient-with-other': route({ provider: 'narrow', maxQueueWaitMs: 300 }, { provider: 'other' }),
        full: route({ provider: 'full' }),
        'full-with-other': route({ provider: 'full' }, { provider: 'other' }),
        unserved: route({ provider: 'unserved', maxQueueWaitMs: 300 }),
        'unserved-with-other': route({ provider: 'unserved' }, { provider: 'other' }),
      },
    },
    env: { SPILLWAY_WORKER_PROVIDERS: served.join(',') },
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

function chat(
  model: string,
  streams: boolean,
  marker = 'Hi',
  headers: Record<string, string> = {},
): SendOptions {
  return { body: { model, stream: streams, messages: [{ role: 'user', content: marker }] }, headers };
}

/** Takes the one place of a provider; answers how to free it. */
async function occupy(model: string): Promise<() => Promise<void>> {
  const gate = createGate();
  const marker = `occupies ${model} ${upstream.calls.length}`;
  upstream.when({ marker }, gated(gate, answer('done')));
  const call = send(completions(), chat(model, false, marker));
  await upstream.waitForCall(upstream.calls.length + 1);
  return async () => {
    gate.open();
    expect((await call.answer()).status).toBe(200);
  };
}

describe('when every target fails', () => {
  it.each(cases)('$causes end as $status $code (stream: $streams)', async (row) => {
    const { model, behaviours, streams } = row;
    upstream.when({ model }, ...behaviours.filter((each) => each !== undefined));
    const reply = await fetchAnswer(completions(), chat(model, streams));
    expect([reply.status, jsonOf(reply).error?.code]).toEqual([row.status, row.code]);
    expect(jsonOf(reply).error?.message).toMatch(row.message);
    expect(reply.headers['content-type']).toMatch(/^application\/json/);
    for (const [name, value] of Object.entries(row.headers))
      expect([name, reply.headers[name]]).toEqual([name, value]);
    expect(upstream.calls.filter((call) => call.model === model)).toHaveLength(behaviours.length);
  });
});

describe('a full queue', () => {
  it('is refused with 429, an honest Retry-After and nothing kept; another target is used where there is one', async () => {
    const free = await occupy('full');
    const waiting = [1, 2].map((n) => send(completions(), chat('full', false, `waits ${n}`)));
    // Both are in the queue once a third is refused.
    const refused = await refusedFull();
    expect(refused.headers['retry-after']).toMatch(/^([1-9]|[1-5]\d|60)$/);
    expect(jsonOf(refused).error).toMatchObject({
      type: 'rate_limit_error',
      message: expect.stringContaining('full'),
    });
    const metrics = await fetchAnswer(`${broker.url}/metrics`);
    expect(metrics.text.split('\n')).toContain('spillway_queue_waiting{provider="full"} 2');
    const other = await fetchAnswer(completions(), chat('full-with-other', false));
    expect([other.status, other.headers['x-spillway-provider']]).toEqual([200, 'other']);
    await free();
    for (const call of waiting) expect((await call.answer()).status).toBe(200);
  });
});

/** Fills the queue to its limit, whatever of it is on its way still; answers the refusal. */
async function refusedFull() {
  for (;;) {
    const call = send(completions(), chat('full', false, 'one too many', { 'x-spillway-timeout-ms': '100' }));
    const reply = await call.answer();
    if (reply.status === 429) return reply;
    expect(reply.status).toBe(504);
  }
}

describe('a deadline', () => {
  it.each([true, false])('ends a request that waits in the queue: 504 (stream: %s)', async (streams) => {
    const free = await occupy('narrow');
    const marker = `too late ${streams}`;
    const reply = await fetchAnswer(
      completions(),
      chat('narrow', streams, marker, { 'x-spillway-timeout-ms': '300' }),
    );
    expect([reply.status, jsonOf(reply).error?.code]).toEqual([504, 'deadline_exceeded']);
    expect(reply.headers['x-should-retry']).toBe('false');
    expect(reply.totalMs).toBeLessThan(2_300);
    await free();
    // The queue goes on behind it, and it is not called any more.
    expect((await fetchAnswer(completions(), chat('narrow', false))).status).toBe(200);
    expect(upstream.calls.some(({ body }) => body.includes(marker))).toBe(false);
  });

  it.each([true, false])(
    'ends a request that runs without output: 504, upstream aborted (stream: %s)',
    async (streams) => {
      const marker = `silent ${streams}`;
      upstream.when({ marker }, hang());
      const reply = await fetchAnswer(
        completions(),
        chat('other/m', streams, marker, { 'x-spillway-timeout-ms': '300' }),
      );
      expect([reply.status, jsonOf(reply).error?.code]).toEqual([504, 'deadline_exceeded']);
      expect(reply.totalMs).toBeLessThan(2_300);
      const call = upstream.calls.find(({ body }) => body.includes(marker));
      expect(call).toBeDefined();
      if (call) await upstream.waitForHangUp(call, 2_000);
    },
  );

  it('ends a stream in its middle with a data error and without [DONE]', async () => {
    upstream.when({ marker: 'stops half-way' }, stream(role(), token('half'), hangOn()));
    const reply = await fetchAnswer(
      completions(),
      chat('other/m', true, 'stops half-way', { 'x-spillway-timeout-ms': '300' }),
    );
    expect([reply.status, contentOf(reply)]).toEqual([200, 'half']);
    expect(jsonOf({ text: reply.events.at(-1) ?? '' }).error?.code).toBe('deadline_exceeded');
    expect(reply.totalMs).toBeLessThan(2_300);
  });

  it('follows the hint of an SDK, less the time that the answer needs', async () => {
    upstream.when({ marker: 'hinted' }, hang());
    const reply = await fetchAnswer(
      completions(),
      chat('other/m', false, 'hinted', { 'x-stainless-read-timeout': '3' }),
    );
    expect([reply.status, jsonOf(reply).error?.code]).toEqual([504, 'deadline_exceeded']);
    expect(reply.totalMs).toBeLessThan(3_000);
  });
});

describe('waiting longer than maxQueueWaitMs', () => {
  it('moves on to the next target', async () => {
    const free = await occupy('narrow');
    const reply = await fetchAnswer(completions(), chat('impatient-with-other', true));
    expect(contentOf(reply)).toBe('Hello from the upstream');
    expect(reply.headers).toMatchObject({ 'x-spillway-provider': 'other', 'x-spillway-attempts': '2' });
    await free();
  });

  it('is 504 queue_timeout where there is no other target', async () => {
    const free = await occupy('narrow');
    const reply = await fetchAnswer(completions(), chat('impatient', false));
    expect([reply.status, jsonOf(reply).error?.code]).toEqual([504, 'queue_timeout']);
    expect(reply.headers['x-should-retry']).toBe('false');
    expect(reply.totalMs).toBeLessThan(2_300);
    await free();
  });

  it('is 503 no_worker where nobody serves the provider', async () => {
    const reply = await fetchAnswer(completions(), chat('unserved', false));
    expect([reply.status, jsonOf(reply).error?.code]).toEqual([503, 'no_worker']);
    expect(reply.headers['retry-after']).toBe('15');
  });
});

describe('a provider that no worker serves', () => {
  it('gives way at once to one that is served', async () => {
    const reply = await fetchAnswer(completions(), chat('unserved-with-other', true));
    expect(contentOf(reply)).toBe('Hello from the upstream');
    expect(reply.headers).toMatchObject({ 'x-spillway-provider': 'other', 'x-spillway-attempts': '1' });
  });
});
