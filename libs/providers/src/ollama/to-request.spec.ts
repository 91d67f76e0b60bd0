import { describe, expect, it } from '@jest/globals';
import { createCall } from '../../../../test/support/collect-call.js';
import type { ProviderCall } from '../provider.js';
import { RequestError } from '../request-error.js';
import { toRequest, type OllamaDefaults } from './to-request.js';

function translate(
  body: object,
  { defaults = {}, ...call }: Partial<ProviderCall> & { defaults?: OllamaDefaults } = {},
) {
  return toRequest(createCall({ ...call, body: Buffer.from(JSON.stringify(body)) }), defaults);
}

const chat = (messages: readonly object[], rest: object = {}, defaults: OllamaDefaults = {}) =>
  translate({ messages, ...rest }, { defaults });

/** The member that a body is refused for. */
function refusedParam(body: object, call: Partial<ProviderCall> = {}): string | undefined {
  try {
    translate(body, call);
    return undefined;
  } catch (error) {
    if (error instanceof RequestError) return error.param;
    throw error;
  }
}

const HI = [{ role: 'user', content: 'Hi' }];
const TOOLS = ['weather', 'time'].map((name) => ({ type: 'function', function: { name, parameters: {} } }));

describe('a chat completion for Ollama', () => {
  it('has the upstream model and says whether it streams, and nothing that nobody asked for', () => {
    const body = { model: 'upstream-model', stream: true, messages: HI };
    expect(chat(HI)).toEqual({ path: '/api/chat', body, thinking: [undefined] });
    expect(translate({ messages: HI }, { stream: false }).body).toMatchObject({ stream: false });
  });

  it('has its options by the names that Ollama has', () => {
    const asked = {
      ...{ max_tokens: 5, temperature: 0, top_p: 0.5, seed: 7, stop: 'END', presence_penalty: 1 },
      ...{ frequency_penalty: -1, top_k: 3, min_p: 0.1, user: 'u', logit_bias: null },
    };
    expect(chat(HI, asked).body['options']).toEqual({
      ...{ num_predict: 5, temperature: 0, top_p: 0.5, seed: 7, stop: ['END'], presence_penalty: 1 },
      ...{ frequency_penalty: -1, top_k: 3, min_p: 0.1 },
    });
    const { options } = chat(HI, { max_completion_tokens: 9, max_tokens: 5, stop: ['a', 'b'] }).body as {
      options: object;
    };
    expect(options).toEqual({ num_predict: 9, stop: ['a', 'b'] });
  });

  it('takes from the configuration what the request leaves open', () => {
    const defaults = {
      keepAlive: '30m',
      truncate: false,
      options: { num_ctx: 8192, temperature: 0.1, top_k: 20 },
    };
    expect(chat(HI, { temperature: 1 }, defaults).body).toMatchObject({
      keep_alive: '30m',
      truncate: false,
      options: { num_ctx: 8192, temperature: 1, top_k: 20 },
    });
  });

  it.each<[object | undefined, unknown]>([
    [undefined, undefined],
    [{ type: 'text' }, undefined],
    [{ type: 'json_object' }, 'json'],
    [{ type: 'json_schema', json_schema: { name: 'a', schema: { type: 'object' } } }, { type: 'object' }],
    [{ type: 'json_schema', json_schema: { name: 'a' } }, 'json'],
  ])('has the format for %j', (format, expected) => {
    expect(chat(HI, { response_format: format }).body['format']).toEqual(expected);
  });

  it.each<[object, OllamaDefaults['think'], unknown[]]>([
    [{}, undefined, [undefined]],
    [{ reasoning_effort: 'none' }, true, [false]],
    [{ reasoning_effort: 'minimal' }, undefined, ['low', true]],
    [{ reasoning_effort: 'high' }, false, ['high', true]],
    [{ think: false }, true, [false]],
    [{}, true, [true, undefined]],
    [{}, 'high', ['high', true, undefined]],
  ])('asks for thinking as %j over %j of the configuration says', (asked, think, expected) => {
    expect(chat(HI, asked, { think }).thinking).toEqual(expected);
  });

  it('takes developers for system, and joins the parts of a text', () => {
    const parts = [
      { type: 'text', text: 'one ' },
      { type: 'text', text: 'two' },
    ];
    const messages = [
      { role: 'developer', content: 'Be short.' },
      { role: 'user', name: 'Ann', content: parts },
      { role: 'assistant', content: null },
    ];
    expect(chat(messages).body['messages']).toEqual([
      { role: 'system', content: 'Be short.' },
      { role: 'user', content: 'one two' },
      { role: 'assistant', content: '' },
    ]);
  });

  it('carries calls of tools and their results, and the thoughts before them', () => {
    const call = (id: string, name: string, args: string) => ({
      id,
      type: 'function',
      function: { name, arguments: args },
    });
    const messages = [
      {
        role: 'assistant',
        content: null,
        reasoning_content: 'Hm.',
        tool_calls: [call('call_1', 'weather', '{"city":"Oslo"}'), call('call_2', 'time', '')],
      },
      { role: 'tool', tool_call_id: 'call_2', content: '12:00' },
      { role: 'tool', tool_call_id: 'call_1', content: [{ type: 'text', text: 'rain' }] },
    ];
    expect(chat(messages).body['messages']).toEqual([
      {
        role: 'assistant',
        content: '',
        thinking: 'Hm.',
        tool_calls: [
          { id: 'call_1', function: { name: 'weather', arguments: { city: 'Oslo' } } },
          { id: 'call_2', function: { name: 'time', arguments: {} } },
        ],
      },
      { role: 'tool', content: '12:00', tool_name: 'time', tool_call_id: 'call_2' },
      { role: 'tool', content: 'rain', tool_name: 'weather', tool_call_id: 'call_1' },
    ]);
  });

  it('reads thoughts in details too, but not what only their maker can read', () => {
    const details = [
      { type: 'reasoning.text', text: 'First, ' },
      { type: 'reasoning.encrypted', data: 'x' },
      { type: 'reasoning.text', text: 'then.' },
    ];
    const [message] = chat([{ role: 'assistant', content: 'Yes.', reasoning_details: details }]).body[
      'messages'
    ] as object[];
    expect(message).toEqual({ role: 'assistant', content: 'Yes.', thinking: 'First, then.' });
  });

  it('takes images out of data URLs', () => {
    const content = [
      { type: 'text', text: 'What is it?' },
      { type: 'image_url', image_url: { url: 'data:image/png;base64,aGk=', detail: 'low' } },
      { type: 'image_url', image_url: 'data:;base64,aG8=' },
    ];
    expect(chat([{ role: 'user', content }]).body['messages']).toEqual([
      { role: 'user', content: 'What is it?', images: ['aGk=', 'aG8='] },
    ]);
  });

  it.each<[unknown, string[] | undefined]>([
    [undefined, ['weather', 'time']],
    ['auto', ['weather', 'time']],
    ['none', undefined],
    [{ type: 'function', function: { name: 'time' } }, ['time']],
  ])('shows the model the tools that %j leaves', (choice, names) => {
    const tools = chat(HI, { tools: TOOLS, tool_choice: choice }).body['tools'] as typeof TOOLS | undefined;
    expect(tools?.map((tool) => tool.function.name)).toEqual(names);
  });

  it('asks for log probabilities', () => {
    expect(chat(HI, { logprobs: true, top_logprobs: 2 }).body).toMatchObject({
      logprobs: true,
      top_logprobs: 2,
    });
  });

  const image = (url: string) => [{ role: 'user', content: [{ type: 'image_url', image_url: { url } }] }];
  const calling = (args: string) => [
    { role: 'assistant', content: '', tool_calls: [{ id: 'a', function: { name: 'f', arguments: args } }] },
  ];
  it.each<[string, object]>([
    ['messages[0].content[0].image_url', { messages: image('https://example.com/cat.png') }],
    ['messages[0].content[0].image_url', { messages: image('data:image/png,raw') }],
    [
      'messages[0].content[0].type',
      { messages: [{ role: 'user', content: [{ type: 'input_audio', input_audio: {} }] }] },
    ],
    ['messages[0].tool_calls[0].function.arguments', { messages: calling('not JSON') }],
    ['messages[0].tool_calls[0].function.arguments', { messages: calling('[1]') }],
    ['messages[0].role', { messages: [{ role: 'critic', content: '' }] }],
    ['tools[0]', { messages: HI, tools: [{ type: 'custom', custom: { name: 'x' } }] }],
    [
      'tool_choice',
      { messages: HI, tools: TOOLS, tool_choice: { type: 'function', function: { name: 'other' } } },
    ],
    ['n', { messages: HI, n: 2 }],
  ])('is refused for %s', (param, body) => {
    expect(refusedParam(body)).toBe(param);
  });
});

describe('a legacy completion for Ollama', () => {
  const complete = (body: object) => translate(body, { endpoint: 'completions' });

  it('is one prompt, with what stands behind it', () => {
    const body = {
      model: 'upstream-model',
      stream: true,
      prompt: 'def f(',
      suffix: 'return 1',
      options: { num_predict: 3 },
    };
    expect(complete({ prompt: ['def f('], suffix: 'return 1', max_tokens: 3 })).toEqual({
      path: '/api/generate',
      body,
      thinking: [undefined],
    });
    expect(complete({ prompt: 'a', logprobs: 2 }).body).toMatchObject({ logprobs: true, top_logprobs: 2 });
  });

  it.each<[string, object]>([
    ['prompt', { prompt: ['a', 'b'] }],
    ['prompt', { prompt: [[1, 2]] }],
    ['echo', { prompt: 'a', echo: true }],
    ['best_of', { prompt: 'a', best_of: 2 }],
  ])('is refused for %s', (param, body) => {
    expect(refusedParam(body, { endpoint: 'completions' })).toBe(param);
  });
});

describe('embeddings of Ollama', () => {
  it('have the inputs, the dimensions and what to do with long ones', () => {
    const asked = { input: ['a', 'b'], dimensions: 64, encoding_format: 'base64' };
    const call = { endpoint: 'embeddings', defaults: { truncate: false, keepAlive: -1 } } as const;
    expect(translate(asked, call).body).toEqual({
      ...{ model: 'upstream-model', input: ['a', 'b'], dimensions: 64, truncate: false, keep_alive: -1 },
    });
    expect(translate({ input: 'a', truncate: true }, call).body).toMatchObject({
      input: 'a',
      truncate: true,
    });
  });

  it('are refused for tokens', () => {
    expect(refusedParam({ input: [1, 2, 3] }, { endpoint: 'embeddings' })).toBe('input');
  });
});

it('has no moderations and no reranking', () => {
  for (const endpoint of ['moderations', 'rerank'] as const) {
    expect(refusedParam({ input: 'a' }, { endpoint })).toBe('model');
  }
});
