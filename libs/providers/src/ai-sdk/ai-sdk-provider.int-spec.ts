import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { collectCall, type CollectOptions } from '../../../../test/support/collect-call.js';
import type { Upstream } from '../../../../test/support/upstream.js';
import { anthropicWire } from '../../../../test/support/wire/anthropic.js';
import { COUNTS, type Said } from '../../../../test/support/wire/wire.js';
import type { ProviderFrame } from '../provider.js';
import type { AiSdkProvider, FeatureWarning } from './ai-sdk-provider.js';
import { bodyOf, chunksIn, connect, WIRES, type Chunk } from './testing/scene.js';

const TOOLS = [
  { type: 'function', function: { name: 'weather', parameters: { type: 'object', properties: {} } } },
];

describe.each(WIRES)('a provider of the kind $kind', (wire) => {
  let upstream: Upstream;
  let provider: AiSdkProvider;
  beforeEach(async () => {
    upstream = await wire.start();
    provider = connect(wire, upstream);
  });
  afterEach(async () => {
    await provider.close();
    await upstream.close();
  });

  const ask = (said: Said, options: CollectOptions = {}) => {
    upstream.script(wire.says(said));
    return collectCall(provider, options);
  };
  const counted = { promptTokens: COUNTS.prompt, completionTokens: COUNTS.completion };

  it('streams in chunks of OpenAI: a role, the tokens, a finish, [DONE]', async () => {
    const { frames, content, text, end } = await ask({ text: 'Hello big world' });
    expect(content).toBe('Hello big world');
    expect(end).toEqual({ ok: true, usage: counted });
    expect(frames.map(({ output }) => output)).toEqual([false, true, true, true, false, false]);
    expect(frames.at(-1)).toMatchObject({ last: true });
    expect(text.endsWith('data: [DONE]\n\n')).toBe(true);
    const chunks = chunksIn(text);
    expect(new Set(chunks.map(({ id, created }) => `${id} ${created}`)).size).toBe(1);
    expect(chunks[0]?.choices[0]).toMatchObject({ delta: { role: 'assistant', content: '' } });
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe('stop');
    expect(chunks.every((chunk) => !('usage' in chunk))).toBe(true);
  });

  it('gives the usage to who asked for it, with what was cached and what was thought', async () => {
    const { text } = await ask({ text: 'Hi' }, { includeUsage: true });
    const chunks = chunksIn(text);
    expect(chunks.slice(0, -1).map(({ usage }) => usage)).toEqual(chunks.slice(0, -1).map(() => null));
    const { prompt, completion, cached, reasoning } = COUNTS;
    expect(chunks.at(-1)).toMatchObject({
      choices: [],
      usage: {
        prompt_tokens: prompt,
        completion_tokens: completion,
        total_tokens: prompt + completion,
        prompt_tokens_details: { cached_tokens: cached },
        // Converse does not say.
        ...(wire.kind !== 'bedrock' && { completion_tokens_details: { reasoning_tokens: reasoning } }),
      },
    });
  });

  it('answers whole', async () => {
    const { frames, text, end } = await ask({ text: 'Hello world' }, { stream: false });
    expect(end).toEqual({ ok: true, usage: counted });
    expect(frames).toHaveLength(1);
    expect(JSON.parse(text)).toMatchObject({
      object: 'chat.completion',
      choices: [
        {
          index: 0,
          finish_reason: 'stop',
          message: { role: 'assistant', content: 'Hello world', refusal: null },
        },
      ],
      usage: { prompt_tokens: COUNTS.prompt, completion_tokens: COUNTS.completion },
    });
  });

  it.each<[NonNullable<Said['finish']>]>([['stop'], ['length'], ['content_filter']])(
    'says why it ended: %s',
    async (finish) => {
      const streamed = await ask({ text: 'Hi', finish });
      expect(chunksIn(streamed.text).at(-1)?.choices[0]?.finish_reason).toBe(finish);
      const whole = await ask({ text: 'Hi', finish }, { stream: false });
      expect(JSON.parse(whole.text)).toMatchObject({ choices: [{ finish_reason: finish }] });
    },
  );

  const calls = [
    { id: 'call_1', name: 'weather', input: { city: 'Oslo' } },
    { id: 'call_2', name: 'weather', input: {} },
  ];

  it('streams parallel tool calls, each id once', async () => {
    const { text, frames } = await ask({ toolCalls: calls }, { body: bodyOf({ tools: TOOLS }) });
    const deltas = chunksIn(text).flatMap(({ choices }) => choices[0]?.delta?.tool_calls ?? []);
    const named = deltas.filter(({ id }) => id !== undefined);
    expect(named.map(({ index, id, type, function: { name } }) => ({ index, id, type, name }))).toEqual([
      { index: 0, id: 'call_1', type: 'function', name: 'weather' },
      { index: 1, id: 'call_2', type: 'function', name: 'weather' },
    ]);
    const textOf = (at: number) =>
      deltas
        .filter(({ index }) => index === at)
        .map((delta) => delta.function.arguments)
        .join('');
    expect([textOf(0), textOf(1)].map((json) => JSON.parse(json) as unknown)).toEqual([{ city: 'Oslo' }, {}]);
    expect(chunksIn(text).at(-1)?.choices[0]?.finish_reason).toBe('tool_calls');
    expect(frames.some(({ output }) => output)).toBe(true);
  });

  it('gives tool calls in a whole answer, without content', async () => {
    const body = bodyOf({ tools: TOOLS, stream: false });
    const { text } = await ask({ toolCalls: calls }, { body, stream: false });
    expect(JSON.parse(text)).toMatchObject({
      choices: [
        {
          finish_reason: 'tool_calls',
          message: {
            content: null,
            tool_calls: [
              { id: 'call_1', type: 'function', function: { name: 'weather', arguments: '{"city":"Oslo"}' } },
              { id: 'call_2', type: 'function', function: { name: 'weather', arguments: '{}' } },
            ],
          },
        },
      ],
    });
  });

  const thought = { text: 'Let me think about it.', signature: 'c2lnbmVk' };

  it.each([[true], [false]])('gives thoughts and what signs them, stream: %s', async (stream) => {
    const said = { thought, text: 'Yes.' };
    const { text, frames } = await ask(said, { stream, body: bodyOf({ stream, reasoning_effort: 'low' }) });
    const message = stream ? joined(chunksIn(text)) : whole(text);
    expect(message.reasoning).toBe(thought.text);
    expect(message.content).toBe('Yes.');
    expect(message.details).toEqual([
      expect.objectContaining({ type: 'reasoning.text', ...thought, index: 0 }),
    ]);
    expect(firstOutput(frames)).toContain('reasoning_content');
  });

  it.each([[true], [false]])('sends its own signed thoughts back to it, stream: %s', async (stream) => {
    const called = { thought, toolCalls: [{ ...calls[0], signature: 'Y2FsbGVk' }] } as Said;
    const asked = { tools: TOOLS, reasoning_effort: 'low', stream };
    const first = await ask(called, { stream, body: bodyOf(asked) });
    const { reasoning, details, toolCalls } = stream ? joined(chunksIn(first.text)) : whole(first.text);
    const assistant = {
      role: 'assistant',
      content: null,
      reasoning_content: reasoning,
      reasoning_details: details,
      tool_calls: toolCalls,
    };
    const result = { role: 'tool', tool_call_id: 'call_1', content: '12 degrees' };
    const messages = [{ role: 'user', content: 'Weather?' }, assistant, result];
    await ask({ text: 'It is 12 degrees.' }, { stream, body: bodyOf({ ...asked, messages }) });
    const { body } = await upstream.waitForCall(2);
    expect(body.includes(wire.kind === 'gemini' ? 'Y2FsbGVk' : thought.signature)).toBe(true);
    expect(body.includes(thought.text)).toBe(true);
    expect(body.includes('12 degrees')).toBe(true);
  });

  it('sends what it must, and our request id', async () => {
    await ask({ text: 'Hi' }, { request: 'req_0_abc', epoch: 3 });
    const { headers, path } = await upstream.waitForCall(1);
    expect(headers).toMatchObject({
      'x-request-id': 'req_0_abc-3',
      'user-agent': 'spillway',
      'accept-encoding': 'identity',
      'content-type': 'application/json',
    });
    const credential = {
      anthropic: 'x-api-key',
      gemini: 'x-goog-api-key',
      bedrock: 'authorization',
    } as const;
    expect(headers[credential[wire.kind]]).toContain('secret-key-of-ours');
    expect(path).toBe(
      {
        anthropic: '/v1/messages',
        gemini: '/v1beta/models/upstream-model:streamGenerateContent?alt=sse',
        bedrock: '/model/upstream-model/converse-stream',
      }[wire.kind],
    );
  });

  it('tells once of a setting that the AI SDK changes, and nothing of the request', async () => {
    const told: FeatureWarning[] = [];
    const telling = connect(wire, upstream, { warn: (warning) => told.push(warning) });
    const settings = {
      anthropic: { temperature: 2, max_tokens: 9 },
      gemini: { reasoning_effort: 'xhigh' },
      bedrock: { seed: 1 },
    };
    const body = bodyOf(settings[wire.kind]);
    const model = wire.kind === 'gemini' ? 'gemini-3-pro-preview' : 'upstream-model';
    for (const stream of [true, false]) {
      upstream.script(wire.says({ text: 'Hi' }));
      expect((await collectCall(telling, { body, stream, model })).end.ok).toBe(true);
    }
    const feature = { anthropic: 'temperature', gemini: 'reasoning', bedrock: 'seed' }[wire.kind];
    expect(told).toEqual([{ provider: 'test', feature }]);
    await telling.close();
  });

  it('uses a socket again', async () => {
    await ask({ text: 'one' });
    await ask({ text: 'two' }, { stream: false });
    await ask({ text: 'three' });
    expect(new Set(upstream.calls.map(({ connection }) => connection)).size).toBe(1);
  });

  it('lists what it offers', async () => {
    upstream.scriptModels(wire.modelList('one', 'two'));
    const found = await provider.discover(new AbortController().signal);
    expect(found).toEqual(
      wire.kind === 'bedrock' ? { credential: 'ok' } : { credential: 'ok', models: ['one', 'two'] },
    );
    expect(upstream.modelCalls).toBe(wire.kind === 'bedrock' ? 0 : 1);
  });
});

describe('embeddings', () => {
  const body = Buffer.from(JSON.stringify({ model: 'm', input: ['a', 'b'], encoding_format: 'float' }));
  const call = { endpoint: 'embeddings', stream: false, body } as const;

  it.each(WIRES.filter((wire) => wire.embeddings !== undefined))('are vectors of $kind', async (wire) => {
    const upstream = await wire.start();
    const provider = connect(wire, upstream);
    if (wire.embeddings) upstream.otherwise(wire.embeddings());
    const { text, end } = await collectCall(provider, call);
    const { data } = JSON.parse(text) as { data: { index: number; embedding: number[] }[] };
    expect(data.map(({ index, embedding }) => [index, embedding.length])).toEqual([
      [0, 4],
      [1, 4],
    ]);
    expect(data[0]?.embedding).not.toEqual(data[1]?.embedding);
    expect(end.ok).toBe(true);
    await Promise.all([provider.close(), upstream.close()]);
  });

  it('are none of anthropic, which is said before anything is sent', async () => {
    const [wire] = WIRES.filter((each) => each.embeddings === undefined);
    expect(wire?.kind).toBe('anthropic');
    const upstream = await anthropicWire.start();
    const provider = connect(anthropicWire, upstream);
    const { end } = await collectCall(provider, call);
    expect(end).toMatchObject({ ok: false, phase: 'not_sent', facts: { status: 400, param: 'model' } });
    expect(upstream.calls).toEqual([]);
    await Promise.all([provider.close(), upstream.close()]);
  });
});

interface Message {
  readonly content: string;
  readonly reasoning: string;
  readonly details: readonly object[];
  readonly toolCalls: readonly object[];
}

function joined(chunks: readonly Chunk[]): Message {
  const deltas = chunks.flatMap(({ choices }) => choices[0]?.delta ?? []);
  const calls: { id?: string | undefined; type: string; function: { name: string; arguments: string } }[] =
    [];
  for (const { index, id, function: called } of deltas.flatMap(({ tool_calls: list }) => list ?? [])) {
    const call = (calls[index] ??= { id, type: 'function', function: { name: '', arguments: '' } });
    call.function.name += called.name ?? '';
    call.function.arguments += called.arguments;
  }
  return {
    content: deltas.map(({ content }) => content ?? '').join(''),
    reasoning: deltas.map((delta) => delta.reasoning_content ?? '').join(''),
    details: deltas.flatMap((delta) => delta.reasoning_details ?? []),
    toolCalls: calls,
  };
}

function whole(text: string): Message {
  const { choices } = JSON.parse(text) as { choices: { message: Record<string, never> }[] };
  const message = choices[0]?.message ?? {};
  return {
    content: message['content'] ?? '',
    reasoning: message['reasoning_content'] ?? '',
    details: message['reasoning_details'] ?? [],
    toolCalls: message['tool_calls'] ?? [],
  };
}

function firstOutput(frames: readonly ProviderFrame[]): string | undefined {
  return frames.find(({ output }) => output)?.bytes.toString();
}
