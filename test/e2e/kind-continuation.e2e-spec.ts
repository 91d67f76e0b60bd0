import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { contentOf, fetchAnswer, jsonOf, type Answer } from '../support/client.js';
import { TestBroker } from '../support/start-broker.js';
import { messageOf, type AssistantMessage } from '../support/tool-turn.js';
import { answer, json, status, type Behaviour } from '../support/upstream-behaviours.js';
import { startUpstream, type Upstream } from '../support/upstream.js';
import { anthropicWire } from '../support/wire/anthropic.js';
import { geminiWire } from '../support/wire/gemini.js';
import { ollamaAnswer } from '../support/wire/ollama-answers.js';
import { ollamaWire } from '../support/wire/ollama-wire.js';
import { startOllama } from '../support/wire/ollama.js';
import type { Said } from '../support/wire/wire.js';

jest.setTimeout(30_000);

type Json = Readonly<Record<string, unknown>>;
type Name = 'ollama' | 'anthropic' | 'gemini' | 'openai' | 'strict';

const QUESTION = { role: 'user', content: 'Is it warmer in Oslo or in Bergen?' };
const TOOLS = [{ type: 'function', function: { name: 'weather', parameters: { type: 'object' } } }];
const CITIES = [{ city: 'Oslo' }, { city: 'Bergen' }];
const THOUGHT = 'I have to look twice.';
const ANSWER = 'It is warmer in Bergen.';

let broker: TestBroker;
let upstreams: Readonly<Record<Name, Upstream>>;

beforeAll(async () => {
  const [ollama, anthropic, gemini, openai] = await Promise.all([
    startOllama({ m: { thinking: 'levels' } }),
    anthropicWire.start(),
    geminiWire.start(),
    startUpstream(),
  ]);
  upstreams = { ollama, anthropic, gemini, openai, strict: openai };
  const cloud = { location: 'cloud', apiKey: '${KEY}', models: ['m'] };
  const route = (...names: readonly Name[]) => ({
    targets: names.map((provider) => ({ provider, model: 'm' })),
  });
  broker = await TestBroker.start({
    env: { KEY: 'a-key' },
    config: {
      providers: {
        ollama: { kind: 'ollama', baseUrl: ollamaWire.baseUrl(ollama) },
        anthropic: { kind: 'anthropic', ...cloud, baseUrl: anthropicWire.baseUrl(anthropic) },
        gemini: { kind: 'gemini', ...cloud, baseUrl: geminiWire.baseUrl(gemini) },
        openai: { kind: 'openai-compatible', ...cloud, baseUrl: openai.baseUrl },
        strict: { preset: 'mistral', ...cloud, baseUrl: openai.baseUrl },
      },
      models: {
        'ollama-anthropic': route('ollama', 'anthropic'),
        'anthropic-ollama': route('anthropic', 'ollama'),
        'gemini-openai': route('gemini', 'openai'),
        'gemini-strict': route('gemini', 'strict'),
        'openai-gemini': route('openai', 'gemini'),
        'anthropic-gemini': route('anthropic', 'gemini'),
        'gemini-anthropic': route('gemini', 'anthropic'),
      },
    },
  });
});

afterAll(async () => {
  await broker?.stop();
  await Promise.all(Object.values(upstreams ?? {}).map((upstream) => upstream.close()));
});

/** Two calls at once, after a thought; with seals as the wire has them. */
const said: Said = {
  thought: { text: THOUGHT, signature: 'c2VhbA==' },
  toolCalls: CITIES.map((input, at) => ({
    ...{ id: `made_${at}`, name: 'weather', input },
    signature: 'c2VhbA==',
  })),
};

const CALLS: Readonly<Record<Exclude<Name, 'strict'>, Behaviour>> = {
  anthropic: anthropicWire.says(said),
  gemini: geminiWire.says(said),
  // An older one gives its calls no ids.
  ollama: ollamaAnswer({
    thinking: THOUGHT,
    calls: CITIES.map((city) => ({ name: 'weather', arguments: city })),
  }),
  openai: json({
    ...{ id: 'chatcmpl-1', object: 'chat.completion', created: 1_700_000_000, model: 'm' },
    choices: [
      {
        index: 0,
        message: {
          ...{ role: 'assistant', content: null },
          tool_calls: CITIES.map((city, at) => ({
            ...{ id: `call_abc|${at}`, type: 'function' },
            function: { name: 'weather', arguments: JSON.stringify(city) },
          })),
        },
        finish_reason: 'tool_calls',
      },
    ],
  }),
};

const ERRORS: Readonly<Record<Exclude<Name, 'strict'>, Behaviour>> = {
  anthropic: anthropicWire.error(500),
  gemini: geminiWire.error(500),
  ollama: ollamaWire.error(500),
  openai: status(500),
};

const ANSWERS: Readonly<Record<Name, Behaviour>> = {
  anthropic: anthropicWire.says({ text: ANSWER }),
  gemini: geminiWire.says({ text: ANSWER }),
  ollama: ollamaWire.says({ text: ANSWER }),
  openai: answer(ANSWER),
  strict: answer(ANSWER),
};

async function ask(model: string, messages: readonly object[], isStream: boolean): Promise<Answer> {
  const body = { model, messages, tools: TOOLS, stream: isStream, reasoning_effort: 'low' };
  return fetchAnswer(`${broker.url}/v1/chat/completions`, { body });
}

interface Continued {
  /** What the client sent of the first turn. */
  readonly sent: readonly Json[];
  readonly assistant: AssistantMessage;
  /** The ids of the calls, as the client has them. */
  readonly ids: readonly string[];
  /** What the second provider was asked. */
  readonly got: Json;
}

/** A turn of the one, and the next, with the tools' results, of the other, as the one has failed meanwhile. */
async function goOn(from: Exclude<Name, 'strict'>, to: Name, isStream: boolean): Promise<Continued> {
  const model = `${from}-${to}`;
  upstreams[from].script(CALLS[from], ERRORS[from]);
  upstreams[to].script(ANSWERS[to]);
  // The scripted upstream streams no two calls at once.
  const first = await ask(model, [QUESTION], isStream && from !== 'openai');
  expect(first.headers['x-spillway-provider']).toBe(from);
  const assistant = messageOf(first);
  const ids = (assistant.tool_calls ?? []).map(({ id }) => id);
  expect(new Set(ids).size).toBe(CITIES.length);
  const results = ids.map((id, at) => ({ role: 'tool', tool_call_id: id, content: `${at + 7} degrees` }));
  const sent = [QUESTION, { ...assistant }, ...results];
  const second = await ask(model, sent, isStream);
  expect(second.status).toBe(200);
  expect(second.headers).toMatchObject({ 'x-spillway-provider': to, 'x-spillway-attempts': '2' });
  expect(isStream ? contentOf(second) : jsonOf(second).choices?.[0]?.message?.content).toBe(ANSWER);
  const got = upstreams[to].calls.at(-1)?.json;
  if (!got) throw new Error(`${to} was not asked.`);
  return { sent, assistant, ids, got };
}

const both = [[true], [false]];

describe('a turn with calls of tools goes on at another kind', () => {
  it.each(both)('from Ollama to Anthropic, stream: %s', async (isStream) => {
    const { assistant, ids, got } = await goOn('ollama', 'anthropic', isStream);
    expect(assistant.reasoning_content).toBe(THOUGHT);
    expect(got['messages']).toMatchObject([
      { role: 'user' },
      {
        role: 'assistant',
        content: ids.map((id, at) => ({ type: 'tool_use', id, name: 'weather', input: CITIES[at] })),
      },
      { role: 'user', content: ids.map((id) => ({ type: 'tool_result', tool_use_id: id })) },
    ]);
    // What Anthropic has not signed it would refuse, and it thinks on in no turn of others.
    expect(JSON.stringify(got)).not.toContain(THOUGHT);
    expect(got['thinking'] ?? { type: 'disabled' }).toMatchObject({ type: 'disabled' });
  });

  it.each(both)('from Anthropic to Ollama, stream: %s', async (isStream) => {
    const { assistant, ids, got } = await goOn('anthropic', 'ollama', isStream);
    expect(assistant.reasoning_details).toMatchObject([{ signature: 'c2VhbA==' }]);
    expect(got['messages']).toMatchObject([
      { role: 'user' },
      {
        ...{ role: 'assistant', thinking: THOUGHT },
        tool_calls: ids.map((id, at) => ({ id, function: { name: 'weather', arguments: CITIES[at] } })),
      },
      ...ids.map((id, at) => ({
        ...{ role: 'tool', tool_name: 'weather', tool_call_id: id },
        content: `${at + 7} degrees`,
      })),
    ]);
    expect(JSON.stringify(got)).not.toContain('c2VhbA==');
    // Its own turn it was to think on in.
    expect(upstreams.anthropic.calls.at(-1)?.json?.['thinking']).toMatchObject({ type: 'enabled' });
  });

  it.each(both)('from Gemini to an OpenAI-compatible one, stream: %s', async (isStream) => {
    const { sent, ids, got } = await goOn('gemini', 'openai', isStream);
    expect(ids).toEqual(['made_0', 'made_1']);
    expect(got['messages']).toEqual(sent);
  });

  it.each(both)('from Gemini to one that knows no thoughts, stream: %s', async (isStream) => {
    const { sent, assistant, got } = await goOn('gemini', 'strict', isStream);
    expect(assistant.reasoning_content).toBe(THOUGHT);
    const [question, { reasoning_content: _said, reasoning_details: _sealed, ...rest } = {}, ...results] =
      sent;
    expect(got['messages']).toEqual([question, rest, ...results]);
  });

  it.each(both)('from an OpenAI-compatible one to Gemini, stream: %s', async (isStream) => {
    const { got } = await goOn('openai', 'gemini', isStream);
    expect(got['contents']).toMatchObject([
      { role: 'user' },
      { role: 'model', parts: CITIES.map((args) => ({ functionCall: { name: 'weather', args } })) },
      { role: 'user', parts: CITIES.map(() => ({ functionResponse: { name: 'weather' } })) },
    ]);
  });

  it.each(both)('from Anthropic to Gemini and from Gemini to Anthropic, stream: %s', async (isStream) => {
    const one = await goOn('anthropic', 'gemini', isStream);
    const other = await goOn('gemini', 'anthropic', isStream);
    for (const { got, assistant } of [one, other]) {
      expect(assistant.reasoning_details).not.toEqual([]);
      expect(JSON.stringify(got)).toContain('weather');
      // A seal is good for its maker only.
      expect(JSON.stringify(got)).not.toContain('c2VhbA==');
      expect(JSON.stringify(got)).not.toContain(THOUGHT);
    }
  });
});
