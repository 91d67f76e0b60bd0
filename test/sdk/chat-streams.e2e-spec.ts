import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type OpenAI from 'openai';
import { fetchAnswer } from '../support/client.js';
import { MESSAGES, startSdk } from '../support/sdk-under-test.js';
import type { SdkUnderTest } from '../support/sdk-under-test.js';
import { stream, streamAs } from '../support/upstream-behaviours.js';
import { createGate } from '../support/upstream-gate.js';
import { done, dropHere, event, finish, passGate, raw, role, token } from '../support/upstream-steps.js';

type StreamOptions = OpenAI.Chat.Completions.ChatCompletionStreamOptions;

let sdk: SdkUnderTest;

beforeAll(async () => {
  sdk = await startSdk();
}, 30_000);

afterAll(() => sdk?.stop());

const ASKED = { model: 'lonely', messages: MESSAGES, stream: true as const };
const toEvents = (...values: readonly (object | string)[]) =>
  values.map((value) => `data: ${typeof value === 'string' ? value : JSON.stringify(value)}\n\n`).join('');

/** The bytes of the stream that the upstream answers with these. */
async function relay(sent: string, more: object = {}, path = '/chat/completions') {
  sdk.upstream.script(streamAs({}, raw(sent)));
  const before = sdk.upstream.calls.length;
  const headers = { authorization: `Bearer ${sdk.client.apiKey}` };
  const { text } = await fetchAnswer(`${sdk.broker.url}/v1${path}`, { body: { ...ASKED, ...more }, headers });
  return { text, call: await sdk.upstream.waitForCall(before + 1) };
}

function chunk(delta: object, more: object = {}, index = 0, reason: string | null = null) {
  const choices = [{ index, delta, finish_reason: reason }];
  return { id: 'c', object: 'chat.completion.chunk', created: 7, model: 'small', choices, ...more };
}

const USAGE = { prompt_tokens: 7, completion_tokens: 1, total_tokens: 8 };

describe('the usage of a stream', () => {
  const plain = [chunk({ role: 'assistant', content: 'Hi' }), chunk({}, {}, 0, 'stop')];
  const withNull = plain.map((each) => ({ ...each, usage: null }));
  const alone = { ...chunk({}), choices: [], usage: USAGE };

  it.each<[string, object | null | undefined, object, readonly object[]]>([
    ['asked', { include_usage: true }, { include_usage: true }, [...withNull, alone]],
    ['not asked', undefined, { include_usage: true }, withNull],
    ['refused', { include_usage: false }, { include_usage: true }, withNull],
    ['null', null, { include_usage: true }, withNull],
    [
      'not asked, with another option',
      { include_obfuscation: false },
      { include_obfuscation: false, include_usage: true },
      withNull,
    ],
  ])('comes where it was asked for, and the upstream is always asked: %s', async (_, options, sent, got) => {
    const more = options === undefined ? {} : { stream_options: options };
    const { text, call } = await relay(toEvents(...withNull, alone, '[DONE]'), more);
    expect(text).toBe(toEvents(...got, '[DONE]'));
    expect(call.json?.['stream_options']).toEqual(sent);
  });

  it('is put where OpenAI has it, if asked for, by an upstream that has it elsewhere', async () => {
    const [first = {}, last = {}] = plain;
    const finishing = toEvents(first, { ...last, usage: USAGE }, '[DONE]');
    const more = { stream_options: { include_usage: true } };
    expect((await relay(finishing, more)).text).toBe(toEvents(...withNull, alone, '[DONE]'));
    expect((await relay(finishing)).text).toBe(finishing);
  });

  it('is what the SDK reads', async () => {
    sdk.upstream.script(streamAs({}, raw(toEvents(...plain, alone, '[DONE]'))));
    const options: StreamOptions = { include_usage: true };
    const seen: unknown[] = [];
    for await (const { choices, usage } of await sdk.client.chat.completions.create({
      ...ASKED,
      stream_options: options,
    })) {
      seen.push([choices.length, usage]);
    }
    expect(seen).toEqual([
      [1, null],
      [1, null],
      [0, USAGE],
    ]);
  });
});

describe('the id, the time and the model of a stream', () => {
  it('are those of the provider that served, after one that failed before its output', async () => {
    sdk.upstream.script(
      stream(role(), event(chunk({ content: '' }, { id: 'failed' })), dropHere()),
      stream(role(), token('one'), token(' two'), finish(), done()),
    );
    const before = sdk.upstream.calls.length;
    const answer = await sdk.client.chat.completions.create({ ...ASKED, model: 'm' }).withResponse();
    const seen = new Set<string>();
    for await (const { id, created, model } of answer.data) seen.add([id, created, model].join(' '));
    const number = before + 2;
    expect([...seen]).toEqual([`chatcmpl-${number} ${1_700_000_000 + number} large`]);
    expect(answer.response.headers.get('x-spillway-model')).toBe('large');
  });

  it('are the same in all chunks, though the upstream has a new one in each', async () => {
    const sent = [
      chunk({ role: 'assistant', content: 'a' }, { id: 'first', created: 1 }),
      chunk({ content: 'b' }, { id: 'second', created: 2 }),
      { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] },
    ];
    const { text } = await relay(toEvents(...sent, '[DONE]'));
    const same = { id: 'first', created: 1 };
    const [a = {}, b = {}, c = {}] = sent;
    expect(text).toBe(toEvents(a, { ...b, ...same }, { ...c, ...same }, '[DONE]'));
  });
});

describe('calls of tools', () => {
  const head = (index: number | undefined, id: string, name: string) => ({
    ...(index !== undefined && { index }),
    ...{ id, type: 'function', function: { name, arguments: '' } },
  });

  it.each([
    ['gives no index', [undefined, undefined], [{}, {}]],
    ['counts none up', [0, 0], [{ index: 0 }, { index: 0 }]],
    [
      'repeats the id',
      [0, 1],
      [
        { index: 0, id: 'call_a' },
        { index: 1, id: 'call_b' },
      ],
    ],
  ])('are two for the SDK where the upstream %s', async (_, [a, b], [inA, inB]) => {
    const calls = [
      { role: 'assistant', tool_calls: [head(a, 'call_a', 'f')] },
      { tool_calls: [{ ...inA, function: { arguments: '{"x":1}' } }] },
      { tool_calls: [head(b, 'call_b', 'g')] },
      { tool_calls: [{ ...inB, function: { arguments: '{}' } }] },
    ];
    const chunks = [...calls.map((delta) => chunk(delta)), chunk({}, {}, 0, 'tool_calls')];
    sdk.upstream.script(streamAs({}, raw(toEvents(...chunks, '[DONE]'))));
    const { tool_calls: made } = await sdk.client.chat.completions.stream(ASKED).finalMessage();
    expect(made).toMatchObject([
      { id: 'call_a', function: { name: 'f', arguments: '{"x":1}' } },
      { id: 'call_b', function: { name: 'g', arguments: '{}' } },
    ]);
    sdk.upstream.script(streamAs({}, raw(toEvents(...chunks, '[DONE]'))));
    const ids: unknown[] = [];
    for await (const { choices } of await sdk.client.chat.completions.create(ASKED)) {
      ids.push(...(choices[0]?.delta.tool_calls ?? []).map(({ index, id }) => [index, id]));
    }
    expect(ids).toEqual([
      [0, 'call_a'],
      [0, undefined],
      [1, 'call_b'],
      [1, undefined],
    ]);
  });

  it('are output: what comes before them is held, and they are not', async () => {
    const gate = createGate();
    const opening = chunk({ tool_calls: [head(0, 'call_a', 'f')] });
    sdk.upstream.script(stream(role(), event(opening), passGate(gate), finish('tool_calls'), done()));
    const chunks = await sdk.client.chat.completions.create(ASKED);
    const seen: string[] = [];
    for await (const { choices } of chunks) {
      const [{ delta, finish_reason: reason } = { delta: {}, finish_reason: null }] = choices;
      seen.push(delta.tool_calls ? 'call' : (reason ?? 'role'));
      // Only now may the upstream go on: the call was not held for what follows it.
      if (delta.tool_calls) gate.open();
    }
    expect(seen).toEqual(['role', 'call', 'tool_calls']);
  });
});

describe('several choices of a provider that knows `n`', () => {
  it('go through side by side, and end when each of them has', async () => {
    const sent = toEvents(
      ...[0, 1, 2].map((index) => chunk({ role: 'assistant', content: '' }, {}, index)),
      ...[2, 0, 1].map((index) => chunk({ content: `choice ${index}` }, {}, index)),
      ...[1, 2, 0].map((index) => chunk({}, {}, index, index === 2 ? 'length' : 'stop')),
      '[DONE]',
    );
    const { text, call } = await relay(sent, { n: 3 });
    expect(text).toBe(sent);
    expect(call.json).toMatchObject({ n: 3 });
    sdk.upstream.script(streamAs({}, raw(sent)));
    const { choices } = await sdk.client.chat.completions.stream({ ...ASKED, n: 3 }).finalChatCompletion();
    expect(
      choices.map(({ index, message, finish_reason }) => [index, message.content, finish_reason]),
    ).toEqual([
      [0, 'choice 0', 'stop'],
      [1, 'choice 1', 'stop'],
      [2, 'choice 2', 'length'],
    ]);
  });

  it('are broken off where one of them has no end', async () => {
    const sent = [
      chunk({ role: 'assistant', content: 'a' }, {}, 0),
      chunk({ role: 'assistant', content: 'b' }, {}, 1),
      chunk({}, {}, 0, 'stop'),
    ];
    const { text } = await relay(toEvents(...sent, '[DONE]'), { n: 2 });
    expect(text.startsWith(toEvents(...sent))).toBe(true);
    expect(text).toContain('"code":"upstream_truncated"');
    expect(text).not.toContain('[DONE]');
  });
});

describe('a legacy completion', () => {
  // As a provider with counts on its finish chunk has it.
  const piece = (text: string, reason: string | null, usage: object | null) =>
    JSON.stringify({
      ...{ id: 'cmpl-1', object: 'text_completion', created: 7, model: 'small' },
      ...{ choices: [{ text, index: 0, finish_reason: reason, logprobs: null }], usage },
    });
  const sent = [piece('\n  print(', null, null), piece("'Hi')", null, null), piece('\n', 'stop', USAGE)];
  const more = { prompt: 'def f():', messages: undefined };

  it('keeps the counts of its finish chunk there, and has no other chunk', async () => {
    const { text, call } = await relay(toEvents(...sent, '[DONE]'), more, '/completions');
    expect(text).toBe(toEvents(...sent, '[DONE]'));
    expect(call.path).toBe('/v1/completions');
    sdk.upstream.script(streamAs({}, raw(toEvents(...sent, '[DONE]'))));
    const seen: unknown[] = [];
    const chunks = await sdk.client.completions.create({ model: 'lonely', prompt: 'def f():', stream: true });
    for await (const { choices, usage } of chunks) seen.push([choices[0]?.text, usage]);
    expect(seen).toEqual([
      ['\n  print(', null],
      ["'Hi')", null],
      ['\n', USAGE],
    ]);
  });

  it('has them in a chunk of their own where that was asked for', async () => {
    const asking = { ...more, stream_options: { include_usage: true } };
    const { text } = await relay(toEvents(...sent, '[DONE]'), asking, '/completions');
    const alone = { ...(JSON.parse(sent[2] ?? '') as object), choices: [] };
    expect(text).toBe(toEvents(...sent.slice(0, 2), piece('\n', 'stop', null), alone, '[DONE]'));
  });

  it('is output from its first text on, empty ones aside', async () => {
    sdk.upstream.script(stream(event(piece('', null, null)), dropHere()));
    const failed = sdk.client.completions.create({ model: 'lonely', prompt: 'x', stream: true });
    await expect(failed).rejects.toMatchObject({ status: 502, code: 'upstream_error' });
  });
});
