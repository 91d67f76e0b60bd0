import { describe, expect, it } from '@jest/globals';
import { collectCall, createCall } from '../../../test/support/collect-call.js';
import { createProvider } from './create-provider.js';
import { DEMO_MODELS } from '#core/route.js';
import { DemoProvider } from './demo.js';

const FAST = {
  wordDelayMs: 0,
  slowFirstWordMs: 5,
  slowWordDelayMs: 1,
  createId: () => 'id-1',
  now: () => 1_700_000_000_999,
};

function body(members: object): Buffer {
  return Buffer.from(JSON.stringify({ model: 'demo', messages: [], ...members }));
}

describe('DemoProvider', () => {
  const provider = new DemoProvider(FAST);

  it('streams its answer word by word and says what it is', async () => {
    const { frames, content, text, end } = await collectCall(provider, { model: 'demo' });
    expect(content).toContain('demo provider');
    expect(content).toContain('spillway.yaml');
    expect(frames.filter((frame) => frame.output).length).toBe(content.split(' ').length);
    expect(frames[0]?.output).toBe(false);
    expect(frames[0]?.bytes.toString()).toBe(
      'data: {"id":"id-1","object":"chat.completion.chunk","created":1700000000,"model":"demo",' +
        '"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null,"logprobs":null}]}\n\n',
    );
    expect(text).toMatch(/"finish_reason":"stop".*\n\ndata: \[DONE\]\n\n$/);
    expect(text).not.toContain('usage');
    expect(end).toMatchObject({ ok: true, usage: { completionTokens: content.split(' ').length } });
  });

  it('gives the same answer each time, and the same without a stream', async () => {
    const first = await collectCall(provider, { model: 'demo' });
    expect((await collectCall(provider, { model: 'demo' })).text).toBe(first.text);
    const whole = await collectCall(provider, { model: 'demo', stream: false });
    expect(whole.frames.map((frame) => frame.output)).toEqual([true]);
    expect(whole.content).toBe(first.content);
    expect(JSON.parse(whole.text)).toMatchObject({
      object: 'chat.completion',
      model: 'demo',
      usage: { prompt_tokens: expect.any(Number) },
    });
  });

  it('names each answer differently', async () => {
    const other = new DemoProvider({ wordDelayMs: 0 });
    const ids = [await collectCall(other), await collectCall(other)].map(
      ({ text }) => /"id":"([^"]+)"/.exec(text)?.[1],
    );
    expect(new Set(ids).size).toBe(2);
  });

  it('sends usage to a client that asked', async () => {
    const { text } = await collectCall(provider, { includeUsage: true });
    const events = text.split('\n\n').filter(Boolean);
    expect(events.slice(0, -2).every((event) => event.includes('"usage":null'))).toBe(true);
    expect(events.at(-2)).toMatch(
      /"choices":\[\],"usage":\{"prompt_tokens":\d+,"completion_tokens":\d+,"total_tokens":\d+\}/,
    );
  });

  it('answers any other model as demo', async () => {
    const { text, end } = await collectCall(provider, { model: 'gpt-4o' });
    expect(text).toContain('"model":"demo"');
    expect(text).not.toContain('gpt-4o');
    expect(end.ok).toBe(true);
  });

  it('gives n choices, and refuses an n that it cannot give', async () => {
    const { text } = await collectCall(provider, { body: body({ n: 2 }) });
    expect(text.match(/"finish_reason":"stop"/g)).toHaveLength(2);
    const whole = await collectCall(provider, { body: body({ n: 2 }), stream: false });
    expect((JSON.parse(whole.text) as { choices: unknown[] }).choices).toHaveLength(2);
    const { end } = await collectCall(provider, { body: body({ n: 99 }) });
    expect(end).toMatchObject({ ok: false, facts: { status: 400, param: 'n' } });
  });

  it.each([true, false])('fails as its models say (stream: %p)', async (stream) => {
    const fail = await collectCall(provider, { model: 'demo-fail', stream });
    expect(fail.frames).toEqual([]);
    expect(fail.end).toMatchObject({ ok: false, phase: 'headers', facts: { kind: 'status', status: 503 } });
    const busy = await collectCall(provider, { model: 'demo-429', stream });
    expect(busy.frames).toEqual([]);
    expect(busy.end).toMatchObject({
      ok: false,
      facts: { kind: 'status', status: 429, retryAfterMs: 2_000 },
    });
  });

  it('breaks off mid-stream as demo-cut, and before the body without a stream', async () => {
    const cut = await collectCall(provider, { model: 'demo-cut' });
    expect(cut.frames.filter((frame) => frame.output)).toHaveLength(5);
    expect(cut.text).not.toContain('[DONE]');
    expect(cut.end).toMatchObject({ ok: false, phase: 'visible', facts: { kind: 'disconnect' } });
    const whole = await collectCall(provider, { model: 'demo-cut', stream: false });
    expect(whole.frames).toEqual([]);
    expect(whole.end).toMatchObject({ ok: false, phase: 'headers', facts: { kind: 'disconnect' } });
  });

  it('takes its time as demo-slow', async () => {
    const startedAt = performance.now();
    const { text, end } = await collectCall(provider, { model: 'demo-slow' });
    expect(performance.now() - startedAt).toBeGreaterThan(15);
    expect(text).toContain('"model":"demo-slow"');
    expect(end.ok).toBe(true);
  });

  it.each([
    ['first_token', 'headers', { slowFirstWordMs: 60_000 }, { firstTokenMs: 10 }, true],
    ['idle', 'visible', { slowWordDelayMs: 60_000 }, { idleMs: 10 }, true],
    ['stream', 'visible', { slowFirstWordMs: 0, slowWordDelayMs: 60_000 }, { streamMs: 50 }, true],
    ['stream', 'headers', { slowFirstWordMs: 60_000 }, { streamMs: 10 }, true],
    ['response', 'possibly_accepted', { slowWordDelayMs: 60_000 }, { responseMs: 10 }, false],
  ])('keeps to the %s timer', async (timer, phase, options, timeouts, stream) => {
    const slow = new DemoProvider({ ...FAST, ...options });
    const all = { firstTokenMs: 60_000, idleMs: 60_000, responseMs: 60_000, ...timeouts };
    const { end } = await collectCall(slow, { model: 'demo-slow', stream, timeouts: all });
    const received = { deltas: 1, textBytes: expect.any(Number) };
    const facts = { kind: 'timeout', timer };
    expect(end).toEqual({
      ok: false,
      aborted: false,
      phase,
      facts,
      ...(phase === 'visible' && { received }),
    });
  });

  it.each([true, false])('stops at once when it is aborted (stream: %p)', async (stream) => {
    const slow = new DemoProvider({ slowFirstWordMs: 60_000 });
    const stop = new AbortController();
    const timeouts = { firstTokenMs: 90_000, idleMs: 90_000, responseMs: 90_000 };
    const call = collectCall(slow, { model: 'demo-slow', stream, timeouts, signal: stop.signal });
    stop.abort();
    expect((await call).end).toMatchObject({ ok: false, aborted: true });
  });

  it('gives nothing more after an abort mid-stream', async () => {
    const stop = new AbortController();
    const { frames, end } = await collectCall(provider, {
      signal: stop.signal,
      onFrame: (frame) => frame.output && stop.abort(),
    });
    expect(frames.filter((frame) => frame.output)).toHaveLength(1);
    const received = { deltas: 1, textBytes: expect.any(Number) };
    expect(end).toEqual({ ok: false, aborted: true, phase: 'visible', received });
  });

  it('does not begin where it was aborted before', async () => {
    expect(await provider.infer(createCall(), AbortSignal.abort()).next()).toEqual({
      done: true,
      value: { ok: false, aborted: true, phase: 'not_sent' },
    });
  });

  it('offers its models', async () => {
    expect(await provider.discover()).toEqual({ models: DEMO_MODELS, credential: 'ok' });
  });
});

describe('createProvider', () => {
  it('makes the client of each kind', async () => {
    const demo = createProvider({ kind: 'demo' });
    const upstream = createProvider({
      kind: 'openai-compatible',
      name: 'x',
      baseUrl: 'http://127.0.0.1:9/v1',
    });
    const { signal } = new AbortController();
    expect(await demo.discover(signal)).toMatchObject({ models: DEMO_MODELS });
    expect(await upstream.discover(signal)).toEqual({ credential: 'ok', away: true });
    await Promise.all([demo.close(), upstream.close()]);
  });

  it('throws where the base URL is none', () => {
    expect(() => createProvider({ kind: 'openai-compatible', name: 'x', baseUrl: 'nowhere' })).toThrow(
      'Invalid URL',
    );
  });
});
