import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { chunksOf, fetchAnswer, jsonOf, type Answer } from '../support/client.js';
import { KIND_FAILURES } from '../support/kind-failures.js';
import { TestBroker } from '../support/start-broker.js';
import { deltasOf, messageOf } from '../support/tool-turn.js';
import { json, stream, type Behaviour } from '../support/upstream-behaviours.js';
import { done, finish, role, toolCall, usage } from '../support/upstream-steps.js';
import { startUpstream, type Upstream } from '../support/upstream.js';
import { anthropicWire } from '../support/wire/anthropic.js';
import { geminiWire } from '../support/wire/gemini.js';
import { ollamaWire } from '../support/wire/ollama-wire.js';
import { startOllama } from '../support/wire/ollama.js';
import type { Wire } from '../support/wire/wire.js';

jest.setTimeout(30_000);

const TOOLS = [{ type: 'function', function: { name: 'weather', parameters: { type: 'object' } } }];
/** Long enough for a busy machine to connect, short enough for a test. */
const SHORT_MS = 700;

/** From one kind to another, which answers with a call of the tool. */
interface Pair {
  readonly from: Wire<string>;
  readonly start: () => Promise<Upstream>;
  readonly to: string;
  readonly startNext: () => Promise<Upstream>;
  readonly nextUrl: (next: Upstream) => string;
  readonly calls: Behaviour;
  /** The id that the next provider gives its call. */
  readonly id: string;
}

const PAIRS: readonly Pair[] = [
  {
    from: ollamaWire,
    // It has these and no other.
    start: async () => {
      const wire = await startOllama({});
      for (const name of ['streamed', 'whole']) wire.add(name, {}, { loaded: true });
      return wire;
    },
    to: 'anthropic',
    startNext: anthropicWire.start,
    nextUrl: anthropicWire.baseUrl,
    calls: anthropicWire.says({ toolCalls: [{ id: 'toolu_1', name: 'weather', input: { city: 'Oslo' } }] }),
    id: 'toolu_1',
  },
  {
    from: geminiWire,
    start: geminiWire.start,
    to: 'openai-compatible',
    startNext: () => startUpstream(),
    nextUrl: ({ baseUrl }) => baseUrl,
    calls: (call) => (call.record.stream ? streamedCall : wholeCall)(call),
    id: 'call_0',
  },
];

const streamedCall = stream(
  role(),
  toolCall('weather', '{"city":"Oslo"}'),
  finish('tool_calls'),
  usage(),
  done(),
);
const wholeCall = json({
  ...{ id: 'chatcmpl-1', object: 'chat.completion', created: 1_700_000_000, model: 'next' },
  choices: [
    {
      index: 0,
      message: {
        role: 'assistant',
        content: null,
        tool_calls: [
          { id: 'call_0', type: 'function', function: { name: 'weather', arguments: '{"city":"Oslo"}' } },
        ],
      },
      finish_reason: 'tool_calls',
    },
  ],
});

/** `streamed` and `whole`, so that what one of them says of its target does not hold for the other. */
const modeOf = (isStream: boolean) => (isStream ? 'streamed' : 'whole');

describe.each(PAIRS)('from $from.kind to $to, with tools, before the first output', (pair) => {
  let first: Upstream;
  let next: Upstream;
  let broker: TestBroker;

  beforeAll(async () => {
    [first, next] = await Promise.all([pair.start(), pair.startNext()]);
    next.otherwise(pair.calls);
    broker = await TestBroker.start({ config: configOf(pair, first, next), env: { KEY: 'a-key' } });
  });
  afterAll(async () => {
    await broker?.stop();
    await Promise.all([first?.close(), next?.close()]);
  });

  const ask = (model: string, isStream: boolean) => {
    const messages = [{ role: 'user', content: 'How is the weather in Oslo?' }];
    const streaming = isStream && { stream: true, stream_options: { include_usage: true } };
    const body = { model, messages, tools: TOOLS, ...streaming };
    return fetchAnswer(`${broker.url}/v1/chat/completions`, { body });
  };

  const table = KIND_FAILURES.flatMap((failure, at) =>
    [true, false].map((isStream) => ({ ...failure, at, isStream })),
  );

  it.each(table)('after $cause, stream: $isStream', async ({ behaviour, at, isStream }) => {
    const [before, nextBefore] = [first.calls.length, next.calls.length];
    first.script(behaviour(pair.from, isStream));
    const answer = await ask(`model-${at}-${modeOf(isStream)}`, isStream);
    expectCall(answer, pair, isStream);
    expect(first.calls.slice(before)).toHaveLength(1);
    expect(next.calls.slice(nextBefore)).toHaveLength(1);
  });

  it.each([[true], [false]])('after a model that it does not have, stream: %s', async (isStream) => {
    // Ollama knows by itself what it does not have.
    if (pair.from.kind !== 'ollama') first.script(pair.from.error(404));
    const before = first.calls.length;
    expectCall(await ask(`absent-${modeOf(isStream)}`, isStream), pair, isStream);
    expect(first.calls.slice(before)).toHaveLength(1);
  });
});

function configOf({ from, to, nextUrl }: Pair, first: Upstream, next: Upstream): object {
  const providerOf = (silent = false) => ({
    ...{ kind: from.kind, location: 'cloud', baseUrl: from.baseUrl(first), apiKey: '${KEY}' },
    ...(from.kind !== 'ollama' && { models: ['streamed', 'whole'] }),
    ...(silent && { timeouts: { firstTokenMs: SHORT_MS, responseMs: SHORT_MS } }),
  });
  const after = { provider: 'next', model: 'next' };
  // A provider for each, so that what it did in one test is not held against it in another.
  const providers = Object.fromEntries(
    KIND_FAILURES.map(({ silent }, at) => [`first-${at}`, providerOf(silent)]),
  );
  const models: Record<string, object> = {};
  for (const mode of ['streamed', 'whole']) {
    models[`absent-${mode}`] = { targets: [{ provider: 'first-0', model: `absent-${mode}` }, after] };
    Object.keys(providers).forEach((provider, at) => {
      models[`model-${at}-${mode}`] = { targets: [{ provider, model: mode }, after] };
    });
  }
  return {
    providers: {
      ...providers,
      next: { kind: to, location: 'cloud', baseUrl: nextUrl(next), apiKey: '${KEY}', models: ['next'] },
    },
    models,
  };
}

/** One answer of one provider, as any client wants it, and nothing of the one before. */
function expectCall(answer: Answer, { id }: Pair, isStream: boolean): void {
  expect(answer.status).toBe(200);
  expect(answer.headers).toMatchObject({ 'x-spillway-provider': 'next', 'x-spillway-attempts': '2' });
  const { tool_calls: calls } = messageOf(answer);
  const name = 'weather';
  expect(calls).toMatchObject([{ id, type: 'function', function: { name } }]);
  expect(calls?.map((call): unknown => JSON.parse(call.function.arguments))).toEqual([{ city: 'Oslo' }]);
  if (isStream) return expectWellFormed(answer);
  expect(jsonOf(answer).choices).toHaveLength(1);
  expect(jsonOf(answer).choices?.[0]?.finish_reason).toBe('tool_calls');
}

function expectWellFormed(answer: Answer): void {
  const chunks = chunksOf(answer);
  expect(new Set(chunks.map((chunk) => chunk.id)).size).toBe(1);
  expect(chunks.filter(({ error }) => error)).toEqual([]);
  expect(deltasOf(answer).flatMap((delta) => delta.role ?? [])).toEqual(['assistant']);
  const finishes = chunks.flatMap(({ choices = [] }) =>
    choices.flatMap(({ finish_reason: why }) => why ?? []),
  );
  expect(finishes).toEqual(['tool_calls']);
  expect(answer.events.filter((data) => data === '[DONE]')).toHaveLength(1);
  expect(answer.events.at(-1)).toBe('[DONE]');
  const usages = chunks.flatMap(({ usage }) => usage ?? []);
  expect(usages).toHaveLength(1);
}
