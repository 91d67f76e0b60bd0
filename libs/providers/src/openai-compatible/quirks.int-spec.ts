import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { collectCall } from '../../../../test/support/collect-call.js';
import { json, modelList, status, stream } from '../../../../test/support/upstream-behaviours.js';
import { done, event, finish, role, token } from '../../../../test/support/upstream-steps.js';
import { startUpstream, type Upstream } from '../../../../test/support/upstream.js';
import { OpenAiCompatibleProvider, type OpenAiCompatibleOptions } from './openai-compatible-provider.js';

let upstream: Upstream;
const providers: OpenAiCompatibleProvider[] = [];

beforeEach(async () => {
  upstream = await startUpstream();
});
afterEach(async () => {
  await Promise.all(providers.splice(0).map((provider) => provider.close()));
  await upstream.close();
});

function connect(options: Partial<OpenAiCompatibleOptions> = {}): OpenAiCompatibleProvider {
  const provider = new OpenAiCompatibleProvider({ name: 'test', baseUrl: upstream.baseUrl, ...options });
  providers.push(provider);
  return provider;
}

function bodyOf(members: object): Buffer {
  return Buffer.from(JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'Hi' }], ...members }));
}

const ask = (provider: OpenAiCompatibleProvider, members: object, more = {}) =>
  collectCall(provider, { body: bodyOf({ stream: true, ...members }), ...more });

describe('stopInText', () => {
  const answered = () =>
    stream(role(), token('One.'), token('\n'), token('\nTwo'), token(' END'), finish('stop'), done());

  it('takes the stop word off a stream, across chunks', async () => {
    upstream.script(answered());
    const { content, text, end } = await ask(connect({ stopInText: true }), { stop: ['\n\n\n', ' END'] });
    expect(content).toBe('One.\n\nTwo');
    expect(text).not.toContain('END');
    expect(text).toContain('"finish_reason":"stop"');
    expect(end).toMatchObject({ ok: true });
  });

  it('takes it off each choice for itself', async () => {
    upstream.script(
      stream(
        ...[token('a', 0), token('b', 1), token('X', 0), token('X', 1), finish('stop', { index: 0 })],
        ...[token('c', 1), finish('length', { index: 1 }), done()],
      ),
    );
    const { text } = await ask(connect({ stopInText: true }), { stop: 'X', n: 2 });
    const said = ['', ''];
    for (const line of text.split('\n\n').filter((each) => each.startsWith('data: {'))) {
      const { choices } = JSON.parse(line.slice(6)) as {
        choices: { index: number; delta: { content?: string } }[];
      };
      for (const { index, delta } of choices) said[index] += delta.content ?? '';
    }
    expect(said).toEqual(['a', 'bXc']);
  });

  it('takes it off a whole answer, and leaves its other bytes alone', async () => {
    const choices = [
      { index: 0, message: { role: 'assistant', content: 'One END' }, finish_reason: 'stop' },
      { index: 1, message: { role: 'assistant', content: 'Two END' }, finish_reason: 'length' },
    ];
    const answer = (list: object) => ({ id: 'x', choices: list, usage: { prompt_tokens: 1 }, big: 1e21 });
    upstream.script(
      json(answer(choices)),
      json(answer([{ index: 0, text: '1 END', finish_reason: 'stop' }])),
    );
    const provider = connect({ stopInText: true });
    const chat = await ask(provider, { stop: ' END', stream: false }, { stream: false });
    const first = { ...choices[0], message: { role: 'assistant', content: 'One' } };
    expect(chat.text).toBe(JSON.stringify(answer([first, choices[1]])));
    const body = Buffer.from('{"model":"m","prompt":"p","stop":[" END"]}');
    const legacy = await collectCall(provider, { endpoint: 'completions', stream: false, body });
    expect(legacy.content).toBe('1');
  });

  it('is nothing without stop words, or without the quirk', async () => {
    for (const [options, stop] of [
      [{ stopInText: true }, undefined],
      [{}, ' END'],
    ] as const) {
      upstream.script(answered());
      expect((await ask(connect(options), { stop })).content).toBe('One.\n\nTwo END');
    }
  });

  it('counts what it holds back as no output yet', async () => {
    upstream.script(stream(role(), token(' E'), finish('stop'), done()));
    const { frames, content } = await ask(connect({ stopInText: true }), { stop: ' END' });
    expect(frames.map(({ output }) => output)).toEqual([false, false, true, false]);
    expect(content).toBe(' E');
  });
});

describe('usage and perf_metrics in the chunk of the finish', () => {
  const usage = { prompt_tokens: 7, total_tokens: 9, completion_tokens: 2 };
  const choices = [{ index: 0, delta: { content: '.' }, finish_reason: 'stop' }];
  const last = { id: 'f', created: 1, choices, usage, perf_metrics: { 'server-ttft': 0.1 } };
  const answered = () => stream(token('x'), event(last), done());

  it('stay there for a client that did not ask for usage', async () => {
    upstream.script(answered());
    const { text, end } = await ask(connect(), { perf_metrics_in_response: true });
    const events = text.trim().split('\n\n');
    expect(events).toHaveLength(3);
    expect(JSON.parse(events[1]?.slice(6) ?? '')).toMatchObject({ usage, perf_metrics: last.perf_metrics });
    expect(end).toEqual({ ok: true, usage: { promptTokens: 7, completionTokens: 2 } });
    expect(upstream.calls[0]?.json).toMatchObject({ perf_metrics_in_response: true });
  });

  it('are in a chunk of their own for one that did', async () => {
    upstream.script(answered());
    const { text } = await ask(connect(), {}, { includeUsage: true });
    const events = text.trim().split('\n\n');
    const [, finished, counted] = events.slice(0, -1).map((line) => JSON.parse(line.slice(6)) as object);
    expect(finished).toMatchObject({ choices, usage: null, perf_metrics: last.perf_metrics });
    expect(counted).toMatchObject({ choices: [], usage });
  });
});

describe('defaults', () => {
  const defaults = { context_length_exceeded_behavior: 'error', top_k: 3 };

  it('are added to chats and completions that do not have them', async () => {
    const provider = connect({ defaults });
    await ask(provider, { context_length_exceeded_behavior: 'truncate' });
    expect(upstream.calls[0]?.json).toMatchObject({ context_length_exceeded_behavior: 'truncate', top_k: 3 });
    const body = Buffer.from('{"model":"m","prompt":"p","stream":true,"top_k":null}');
    await collectCall(provider, { endpoint: 'completions', body });
    expect(upstream.calls[1]?.json).toMatchObject({ context_length_exceeded_behavior: 'error', top_k: null });
  });

  it('are not for other endpoints', async () => {
    upstream.script(json({ data: [{ index: 0, embedding: [1] }] }));
    const body = Buffer.from('{"model":"m","input":"x","encoding_format":"float"}');
    await collectCall(connect({ defaults }), { endpoint: 'embeddings', stream: false, body });
    expect(upstream.calls[0]?.json).not.toHaveProperty('top_k');
  });
});

describe('usageUnasked', () => {
  it('sends no stream_options, and the usage is the same to the client', async () => {
    upstream.otherwise(stream(token('x'), finish('stop', { withUsage: true }), done()));
    const provider = connect({ usageUnasked: true });
    const options = { stream_options: { include_usage: true } };
    const { text, end } = await ask(provider, options, { includeUsage: true });
    expect(upstream.calls[0]?.json).not.toHaveProperty('stream_options');
    expect(text).toContain('"choices":[]');
    expect(end).toMatchObject({ ok: true, usage: { completionTokens: 1 } });
    await ask(provider, {});
    expect(upstream.calls[1]?.json).not.toHaveProperty('stream_options');
    await ask(connect(), {});
    expect(upstream.calls[2]?.json).toMatchObject({ stream_options: { include_usage: true } });
  });
});

describe('healthPath', () => {
  const { signal } = new AbortController();
  const discover = (options: Partial<OpenAiCompatibleOptions>) => connect(options).discover(signal);
  const LISTED = { models: ['m'], credential: 'ok' };

  beforeEach(() => upstream.scriptModels(modelList('m')));

  it.each([503, 500])('says with %i that it cannot take calls, though it lists models', async (code) => {
    upstream.healthStatus = code;
    expect(await discover({ healthPath: '/health' })).toEqual({ ...LISTED, unready: true });
    expect(await discover({})).toEqual(LISTED);
  });

  it.each([200, 401, 404])('says nothing against it with %i', async (code) => {
    upstream.healthStatus = code;
    expect(await discover({ healthPath: '/health' })).toEqual(LISTED);
  });

  it('takes the place of the last part of the address', async () => {
    upstream.healthStatus = 503;
    const at = (path: string) =>
      discover({ baseUrl: new URL(path, upstream.baseUrl).href, healthPath: '/health' });
    expect(await at('/v1/')).toMatchObject({ unready: true });
    expect(await at('/prefix/v1')).not.toHaveProperty('unready');
  });

  it('tells nothing new where the list was refused, as older llama-servers do while they load', async () => {
    upstream.scriptModels(status(503, { message: 'Loading model', type: 'unavailable_error' }));
    upstream.healthStatus = 503;
    expect(await discover({ healthPath: '/health' })).toEqual({ credential: 'ok' });
  });
});
