import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import {
  contentOf,
  eventually,
  fetchAnswer,
  jsonOf,
  send,
  waitForModel,
  type SseItem,
} from '../support/client.js';
import { startRedis, type TestRedis } from '../support/redis.js';
import { TestBroker } from '../support/start-broker.js';
import { answer } from '../support/upstream-behaviours.js';
import { createGate } from '../support/upstream-gate.js';
import { startUpstream, type Upstream } from '../support/upstream.js';
import { ollamaAnswer, ollamaBroken } from '../support/wire/ollama-answers.js';
import { startOllama, type OllamaWire, type WireModel } from '../support/wire/ollama.js';

jest.setTimeout(60_000);

let redis: TestRedis;
let cloud: Upstream;
let wire: OllamaWire;
let broker: TestBroker | undefined;

beforeAll(async () => {
  [redis, cloud] = await Promise.all([startRedis(), startUpstream()]);
});
afterAll(() => Promise.all([redis.stop(), cloud.close()]));

beforeEach(async () => {
  await redis.flush();
  cloud.calls.length = 0;
  cloud.otherwise(answer('from the cloud'));
  wire = await startOllama({});
  wire.otherwise(ollamaAnswer('from the box'));
});
afterEach(async () => {
  await broker?.stop();
  await wire.close();
});

const CLOUD_MODEL = 'gpt-4o-mini';

/** One line of configuration for the box, and a cloud behind it for the model `big`; times of tests, not of users. */
async function start(settings: object = {}, { fallback = true, env = {} } = {}): Promise<string> {
  const targets = [
    { provider: 'box', model: 'big' },
    { provider: 'cloud', model: CLOUD_MODEL },
  ];
  const config = {
    server: { holdMs: 200, heartbeatMs: 100 },
    providers: {
      box: { preset: 'ollama', baseUrl: wire.baseUrl, ...settings },
      cloud: { kind: 'openai-compatible', location: 'cloud', baseUrl: cloud.baseUrl },
    },
    models: { big: { targets: fallback ? targets : targets.slice(0, 1) } },
  };
  broker = await TestBroker.start({ config, redis, env });
  return broker.url;
}

const body = (model: string, rest: object = {}) => ({
  model,
  messages: [{ role: 'user', content: 'Hi' }],
  ...rest,
});
const chat = (url: string, model: string, rest: object = {}) =>
  fetchAnswer(`${url}/v1/chat/completions`, { body: body(model, rest) });
const stream = (url: string, model: string, rest: object = {}) =>
  send(`${url}/v1/chat/completions`, { body: body(model, { stream: true, ...rest }) });

describe('a model that takes long to load', () => {
  const slow: WireModel = { loadMs: 3_000 };

  it('is waited for beyond the usual first-token time, with heartbeats, and answers', async () => {
    wire.add('big', slow);
    const url = await start({ timeouts: { firstTokenMs: 500 }, coldStartMs: 20_000 });
    const answered = await stream(url, 'big').answer();
    expect(contentOf(answered)).toBe('from the box');
    const first = answered.items.findIndex(({ kind }) => kind === 'event');
    const beats = answered.items.slice(0, first).filter(({ kind }) => kind === 'comment');
    expect(beats.length).toBeGreaterThan(5);
    expect(answered.items[first]?.atMs).toBeGreaterThan(2_900);
    expect(cloud.calls).toHaveLength(0);
    // Loaded, it has the usual time only.
    wire.script(ollamaBroken('', 'hang'));
    const again = await stream(url, 'big').answer();
    expect(contentOf(again)).toBe('from the cloud');
  });

  it('is left for the next target once its time is over, as configured', async () => {
    wire.add('big', slow);
    const url = await start({ coldStartMs: 400 });
    const answered = await stream(url, 'big').answer();
    expect(contentOf(answered)).toBe('from the cloud');
    expect(answered.totalMs).toBeLessThan(2_900);
    await wire.waitForHangUp(await wire.waitForCall(1));
  });

  it('is told to the status once it is loaded', async () => {
    wire.add('big');
    const url = await start();
    await chat(url, 'big');
    await broker?.workers[0]?.prints('loaded models of the provider', 15_000);
    expect(broker?.output).toContain('"loaded":["big:latest"]');
  });
});

describe('a model that is missing', () => {
  it('is left for the next target', async () => {
    const url = await start();
    const answered = await chat(url, 'big');
    expect(jsonOf(answered).choices?.[0]?.message?.content).toBe('from the cloud');
    expect(answered.headers).toMatchObject({ 'x-spillway-provider': 'cloud', 'x-spillway-attempts': '2' });
    expect(wire.pulls).toEqual([]);
  });

  it('is a clear error where there is no other', async () => {
    const answered = await chat(await start({}, { fallback: false }), 'big');
    expect(answered.status).toBe(404);
    expect(jsonOf(answered).error).toMatchObject({ code: 'model_not_found' });
  });

  it('is pulled where that is configured, and answers', async () => {
    wire.library.set('big', {});
    const gate = createGate();
    wire.pullGate = gate;
    const url = await start({ pull: true });
    const call = stream(url, 'big');
    await wire.waitForPull(1);
    await call.waitForItem(({ kind }) => kind === 'comment', 'a heartbeat while it is pulled');
    gate.open();
    expect(contentOf(await call.answer())).toBe('from the box');
    expect(broker?.output).toContain('pulling a model that is asked for');
    expect(cloud.calls).toHaveLength(0);
  });

  it('is left for the next target where its pull takes too long; the pull goes on', async () => {
    wire.library.set('big', {});
    const gate = createGate();
    wire.pullGate = gate;
    const url = await start({ pull: true, coldStartMs: 500 });
    const answered = await stream(url, 'big').answer();
    expect(contentOf(answered)).toBe('from the cloud');
    gate.open();
    await broker?.workers[0]?.prints('the model is there');
    const later = await eventually(async () => {
      const again = await chat(url, 'big');
      return again.headers['x-spillway-provider'] === 'box' ? again : undefined;
    }, 'an answer of the box');
    expect(jsonOf(later).choices?.[0]?.message?.content).toBe('from the box');
    expect(wire.pulls).toEqual(['big']);
  });
});

it('a model that is pulled by hand is served without a restart', async () => {
  wire.add('llama3.2');
  const url = await start();
  await waitForModel(url, 'llama3.2');
  expect((await chat(url, 'qwen3:8b')).status).toBe(404);
  wire.add('qwen3:8b');
  await waitForModel(url, 'qwen3:8b');
  const answered = await chat(url, 'qwen3:8b');
  expect(answered.headers).toMatchObject({ 'x-spillway-provider': 'box', 'x-spillway-model': 'qwen3:8b' });
  const { data } = JSON.parse((await fetchAnswer(`${url}/v1/models`)).text) as { data: { id: string }[] };
  expect(data.map(({ id }) => id)).toEqual(expect.arrayContaining(['llama3.2:latest', 'qwen3:8b']));
});

describe('a request with tools', () => {
  const tools = [{ type: 'function', function: { name: 'weather', parameters: { type: 'object' } } }];

  it('goes through Ollama and back, in a stream and not', async () => {
    wire.add('big');
    wire.otherwise(ollamaAnswer({ calls: [{ name: 'weather', arguments: { city: 'Oslo' } }] }));
    const url = await start();
    const whole = await chat(url, 'big', { tools });
    const function_ = { name: 'weather', arguments: '{"city":"Oslo"}' };
    const calls = [{ id: expect.stringMatching(/^call_/), type: 'function', function: function_ }];
    expect(jsonOf(whole).choices).toMatchObject([
      { message: { tool_calls: calls }, finish_reason: 'tool_calls' },
    ]);
    const streamed = await stream(url, 'big', { tools }).answer();
    expect(streamed.text).toContain('\\"city\\":\\"Oslo\\"');
    expect(streamed.text).toContain('"finish_reason":"tool_calls"');
  });

  it('falls back with its tools where the box fails before its first output', async () => {
    wire.add('big', {}, { loaded: true });
    wire.otherwise(ollamaBroken('', { error: 'model runner has unexpectedly stopped' }));
    const url = await start();
    for (const isStream of [true, false]) {
      const answered = isStream
        ? await stream(url, 'big', { tools }).answer()
        : await chat(url, 'big', { tools });
      expect(answered.text).toContain('from');
      expect(answered.headers['x-spillway-provider']).toBe('cloud');
    }
    expect(cloud.calls.map(({ json }) => json?.['tools'])).toEqual([tools, tools]);
  });
});

describe('what its model cannot do', () => {
  const tools = [{ type: 'function', function: { name: 'weather', parameters: { type: 'object' } } }];
  const picture = { type: 'image_url', image_url: { url: 'https://example.com/cat.png' } };
  const asking = [
    ['tools', { tools }],
    ['thinking', { reasoning_effort: 'high' }],
    ['an image at an address', { messages: [{ role: 'user', content: [picture] }] }],
  ] as const;

  it.each(asking)('%s: is asked of the next target, and all else of it as before', async (_what, rest) => {
    wire.add('big', { tools: false, thinking: 'none' }, { loaded: true });
    const url = await start();
    const whole = await chat(url, 'big', rest);
    expect(jsonOf(whole).choices?.[0]?.message?.content).toBe('from the cloud');
    const streamed = await stream(url, 'big', rest).answer();
    expect(contentOf(streamed)).toBe('from the cloud');
    for (const { headers } of [whole, streamed]) {
      expect(headers).toMatchObject({ 'x-spillway-provider': 'cloud', 'x-spillway-attempts': '2' });
    }
    expect((await chat(url, 'big')).headers['x-spillway-provider']).toBe('box');
  });

  it.each([
    ['tools', { tools }],
    ['reasoning_effort', { reasoning_effort: 'high' }],
    ['messages[0].content[0].image_url', { messages: [{ role: 'user', content: [picture] }] }],
  ])('%s: is a clear error where there is no other', async (param, rest) => {
    wire.add('big', { tools: false, thinking: 'none' }, { loaded: true });
    const url = await start({}, { fallback: false });
    for (const isStream of [true, false]) {
      const answered = await chat(url, 'big', { ...rest, stream: isStream });
      expect(answered.status).toBe(400);
      expect(jsonOf(answered).error).toMatchObject({
        ...{ code: 'unsupported_parameter', type: 'invalid_request_error', param },
        message: expect.stringMatching(/^big cannot take .* here: box: 400, .*Remove it, or ask for a model/),
      });
    }
  });

  it('a call that it cannot be made to make is told', async () => {
    wire.add('big', {}, { loaded: true });
    const url = await start();
    const named = { type: 'function', function: { name: 'weather' } };
    for (const tool_choice of ['required', named]) {
      const { headers } = await chat(url, 'big', { tools, tool_choice });
      expect(headers).toMatchObject({ 'x-spillway-provider': 'box', 'x-spillway-dropped': 'tool_choice' });
    }
    for (const tool_choice of ['auto', 'none']) {
      const { headers } = await chat(url, 'big', { tools, tool_choice });
      expect(headers['x-spillway-provider']).toBe('box');
      expect(headers).not.toHaveProperty('x-spillway-dropped');
    }
    const shown = wire.calls.slice(-4).map(({ json }) => (json?.['tools'] as unknown[] | undefined)?.length);
    expect(shown).toEqual([1, 1, 1, undefined]);
  });
});

it('takes as many calls at once as OLLAMA_NUM_PARALLEL says', async () => {
  wire.add('big', {}, { loaded: true });
  const gate = createGate();
  wire.otherwise(ollamaAnswer({ text: 'late', gate }));
  const url = await start({}, { env: { OLLAMA_NUM_PARALLEL: '2' } });
  const first = [chat(url, 'big'), chat(url, 'big')];
  await eventually(() => (gate.waiting === 2 ? true : undefined), 'two calls');
  const third = stream(url, 'big');
  const isQueued = ({ kind, text }: SseItem) => kind === 'comment' && text.startsWith('queued');
  await third.waitForItem(isQueued, 'a heartbeat from the queue');
  expect(wire.calls).toHaveLength(2);
  gate.open();
  expect(contentOf(await third.answer())).toBe('late');
  await Promise.all(first);
});
