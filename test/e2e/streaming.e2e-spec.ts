import { Agent } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { chunksOf, contentOf, fetchAnswer, jsonOf, send } from '../support/client.js';
import type { SendOptions } from '../support/client.js';
import { TestBroker } from '../support/start-broker.js';
import { startUpstream } from '../support/upstream.js';
import type { Upstream } from '../support/upstream.js';
import { answer, gated, stream } from '../support/upstream-behaviours.js';
import { createGate } from '../support/upstream-gate.js';
import { dropHere, finish, passGate, raw, role, token } from '../support/upstream-steps.js';

let upstream: Upstream;
let broker: TestBroker;
/** A second api on the same ledger, with a short hold window. */
let hasty: string;

beforeAll(async () => {
  upstream = await startUpstream();
  const provider = { kind: 'openai-compatible', location: 'local', baseUrl: upstream.baseUrl };
  broker = await TestBroker.start({
    config: {
      server: { holdMs: '${HOLD_MS:-60000}', heartbeatMs: 100 },
      providers: { box: { ...provider, concurrency: 64 }, narrow: { ...provider, concurrency: 1 } },
      models: {
        m: { targets: [{ provider: 'box', model: 'upstream-model' }] },
        narrow: { targets: [{ provider: 'narrow', model: 'upstream-model' }] },
      },
    },
  });
  hasty = (await broker.startApi({ HOLD_MS: '150' })).url;
}, 30_000);

afterAll(async () => {
  await broker?.stop();
  await upstream?.close();
});

function chat(marker: string, more: object = {}, model = 'm'): SendOptions {
  return { body: { model, stream: true, messages: [{ role: 'user', content: marker }], ...more } };
}

function completions(url = broker.url): string {
  return `${url}/v1/chat/completions`;
}

describe('a streamed answer', () => {
  it('brings every token in order, then [DONE] exactly once, with the headers of a stream', async () => {
    const text = Array.from({ length: 200 }, (_, n) => `token${n}`).join(' ');
    upstream.when({ marker: 'in-order' }, answer(text));
    const reply = await fetchAnswer(completions(), chat('in-order'));
    expect(reply.status).toBe(200);
    expect(reply.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
      'x-request-id': expect.stringMatching(/^req_0_/),
      'x-spillway-provider': 'box',
      'x-spillway-model': 'upstream-model',
      'x-spillway-location': 'local',
      'x-spillway-attempts': '1',
      'x-spillway-queue-ms': expect.stringMatching(/^\d+$/),
    });
    expect(contentOf(reply)).toBe(text);
    expect(reply.events.filter((data) => data === '[DONE]')).toHaveLength(1);
    expect(reply.events.at(-1)).toBe('[DONE]');
    expect(reply.whole).toBe(true);
    expect(reply.items.filter(({ kind }) => kind === 'comment')).toEqual([]);
    expect(new Set(chunksOf(reply).map(({ id }) => id)).size).toBe(1);
  });

  it('has the very bytes that the upstream sent', async () => {
    const sent = [
      'data: {"choices":[ {"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"odd" : 1.50}\n\n',
      'data: {"choices":[{"index":0,"delta":{"content":"\\u00e9 é 🚀 \\n\\"x\\" 9007199254740993"},"finish_reason":null}]}\n\n',
      'data: {"z":1,"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"n":1e400}\n\n',
      'data: [DONE]\n\n',
    ].join('');
    upstream.when({ marker: 'verbatim' }, stream(raw(sent)));
    const reply = await fetchAnswer(completions(), chat('verbatim'));
    expect(reply.text).toBe(sent);
  });

  it('passes tokens on as they come, without waiting for the end', async () => {
    const gate = createGate();
    upstream.when(
      { marker: 'as-they-come' },
      stream(role(), token('first'), passGate(gate), token('second'), finish()),
    );
    const call = send(completions(), chat('as-they-come'));
    await call.waitForItem(({ text }) => text.includes('first'), 'the first token');
    expect(call.items.some(({ text }) => text.includes('second'))).toBe(false);
    gate.open();
    expect(contentOf(await call.answer())).toBe('firstsecond');
  });

  it.each([
    { asked: true, chunks: 1 },
    { asked: false, chunks: 0 },
  ])(
    'has $chunks usage chunk where include_usage is $asked; the upstream is always asked',
    async ({ asked, chunks }) => {
      const marker = `usage-${asked}`;
      const reply = await fetchAnswer(
        completions(),
        chat(marker, asked ? { stream_options: { include_usage: true } } : {}),
      );
      const withUsage = chunksOf(reply).filter(({ usage, choices }) => usage && choices?.length === 0);
      expect(withUsage).toHaveLength(chunks);
      expect(contentOf(reply)).toBe('Hello from the upstream');
      const call = upstream.calls.find(({ body }) => body.includes(marker));
      expect(call?.json).toMatchObject({ stream_options: { include_usage: true } });
    },
  );

  it('loses no first or last token in 60 short streams one after another', async () => {
    const agent = new Agent({ keepAlive: true });
    for (let n = 0; n < 60; n++) {
      const marker = `sequential-${n}-`;
      upstream.when({ marker }, answer(`begin ${marker} end`));
      const reply = await fetchAnswer(completions(), { ...chat(marker), agent });
      expect([reply.status, contentOf(reply), reply.events.at(-1)]).toEqual([
        200,
        `begin ${marker} end`,
        '[DONE]',
      ]);
    }
    agent.destroy();
  }, 20_000);

  it('mixes up nothing among 50 streams at once', async () => {
    const gate = createGate();
    const markers = Array.from({ length: 50 }, (_, n) => `parallel-${n}-`);
    for (const marker of markers) {
      const text = Array.from({ length: 10 }, (_, n) => `${marker}${n}`).join(' ');
      upstream.when({ marker }, gated(gate, answer(text)));
    }
    const before = upstream.calls.length;
    const calls = markers.map((marker) => send(completions(), chat(marker)));
    await upstream.waitForCall(before + markers.length);
    gate.open();
    for (const [n, call] of calls.entries()) {
      const reply = await call.answer();
      const own = Array.from({ length: 10 }, (_, at) => `parallel-${n}-${at}`).join(' ');
      expect([contentOf(reply), reply.events.at(-1)]).toEqual([own, '[DONE]']);
    }
  }, 20_000);
});

describe('an answer without stream', () => {
  it('is 200 with one JSON body, its length and the route headers', async () => {
    upstream.when({ marker: 'at-once' }, answer('All of it'));
    const reply = await fetchAnswer(completions(), chat('at-once', { stream: false }));
    expect(reply.status).toBe(200);
    expect(reply.headers).toMatchObject({
      'content-type': expect.stringMatching(/^application\/json/),
      'content-length': String(reply.body.length),
      'x-request-id': expect.stringMatching(/^req_0_/),
      'x-spillway-provider': 'box',
      'x-spillway-model': 'upstream-model',
      'x-spillway-location': 'local',
      'x-spillway-attempts': '1',
      'x-spillway-queue-ms': expect.stringMatching(/^\d+$/),
    });
    expect(jsonOf(reply)).toMatchObject({
      model: 'upstream-model',
      choices: [{ message: { content: 'All of it' } }],
    });
  });

  it('is not committed early, however long it takes', async () => {
    const gate = createGate();
    upstream.when({ marker: 'slow-body' }, gated(gate, answer('late')));
    const call = send(completions(hasty), chat('slow-body', { stream: false }));
    const marked = () => upstream.calls.find(({ body }) => body.includes('slow-body'));
    const other = send(completions(hasty), chat('slow-stream'));
    upstream.when({ marker: 'slow-stream' }, gated(gate, answer('late')));
    // The stream beside it shows that the hold window is over.
    await other.waitForItem(({ kind }) => kind === 'comment', 'a heartbeat');
    await other.waitForItem(({ text }) => text === 'running', 'a heartbeat of the running call');
    expect(marked()).toBeDefined();
    expect(call.status).toBe(0);
    gate.open();
    expect((await call.answer()).status).toBe(200);
    await other.answer();
  });
});

describe('a body of 5 MB', () => {
  const text = 'é🚀\\u00e9\\n'.repeat(380_000);
  const body = (streams: boolean) =>
    `{ "seed":12345678901234567890,"model":"m", "messages":[{"role":"user","content":"${text}"}],"stream":${streams}, "temperature":1.0}`;

  it.each([
    { stream: false, appended: '' },
    { stream: true, appended: ',"stream_options":{"include_usage":true}' },
  ])(
    'arrives whole at the upstream, in its own bytes (stream: $stream)',
    async ({ stream: streams, appended }) => {
      const sent = body(streams);
      expect(Buffer.byteLength(sent)).toBeGreaterThan(5_000_000);
      const before = upstream.calls.length;
      const reply = await fetchAnswer(completions(), { body: sent });
      expect(reply.status).toBe(200);
      const call = await upstream.waitForCall(before + 1);
      const expected = sent.replace('"model":"m"', '"model":"upstream-model"').replace(/\}$/, `${appended}}`);
      expect(call.body.equals(Buffer.from(expected))).toBe(true);
    },
    20_000,
  );
});

describe('the hold window', () => {
  it('commits 200 with heartbeats while the upstream is silent, then the route and the whole answer', async () => {
    const gate = createGate();
    upstream.when({ marker: 'held' }, gated(gate, answer('after all')));
    const call = send(completions(hasty), chat('held'));
    const first = await call.waitForItem(({ kind }) => kind === 'comment', 'a heartbeat');
    expect(call.status).toBe(200);
    expect(call.headers['content-type']).toBe('text/event-stream; charset=utf-8');
    expect(call.headers['x-spillway-provider']).toBeUndefined();
    expect(first.atMs).toBeGreaterThanOrEqual(145);
    await call.waitForItem(({ text }) => text === 'running', 'the heartbeat of a running call');
    gate.open();
    const reply = await call.answer();
    const route = reply.items.findIndex(({ text }) => text.startsWith('route '));
    expect(reply.items[route]).toMatchObject({
      kind: 'comment',
      text: 'route provider=box model=upstream-model location=local attempts=1',
    });
    expect(reply.items.slice(0, route).every(({ kind }) => kind === 'comment')).toBe(true);
    expect(reply.items.slice(route + 1).every(({ kind }) => kind === 'event')).toBe(true);
    expect(contentOf(reply)).toBe('after all');
    expect(reply.events.at(-1)).toBe('[DONE]');
    // One newline: the Python SDK takes a comment with an empty line behind it for an event.
    expect(reply.text).not.toMatch(/^:.*\n\n/m);
  });

  it('tells the place in the queue while no worker is free', async () => {
    const gate = createGate();
    upstream.when({ marker: 'occupies' }, gated(gate, answer('one')));
    upstream.when({ marker: 'waits' }, answer('two'));
    const before = upstream.calls.length;
    const first = send(completions(), chat('occupies', {}, 'narrow'));
    await upstream.waitForCall(before + 1);
    const second = send(completions(hasty), chat('waits', {}, 'narrow'));
    await second.waitForItem(({ text }) => /^queued position=1( |$)/.test(text), 'its place in the queue');
    gate.open();
    expect(contentOf(await second.answer())).toBe('two');
    expect(contentOf(await first.answer())).toBe('one');
  });

  it('tells a failure after the commit as a data error, without [DONE]', async () => {
    const gate = createGate();
    upstream.when({ marker: 'fails-late' }, gated(gate, stream(role(), dropHere())));
    const call = send(completions(hasty), chat('fails-late'));
    await call.waitForItem(({ kind }) => kind === 'comment', 'a heartbeat');
    gate.open();
    const reply = await call.answer();
    expect(reply.status).toBe(200);
    expect(reply.events).toHaveLength(1);
    expect(jsonOf({ text: reply.events[0] ?? '' })).toEqual({
      error: {
        message: expect.stringContaining('box'),
        type: 'upstream_error',
        param: null,
        code: 'upstream_error',
      },
    });
    expect(reply.whole).toBe(true);
  });
});
