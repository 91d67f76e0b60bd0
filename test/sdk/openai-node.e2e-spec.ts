import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type OpenAI from 'openai';
import type { ChatCompletionTool } from 'openai/resources/chat/completions';
import { eventually } from '../support/client.js';
import { MESSAGES, startSdk } from '../support/sdk-under-test.js';
import type { SdkUnderTest } from '../support/sdk-under-test.js';
import type { Upstream } from '../support/upstream.js';
import { answer, gated, json, status, stream } from '../support/upstream-behaviours.js';
import { createGate } from '../support/upstream-gate.js';
import { done, finish, role, toolCall } from '../support/upstream-steps.js';

let sdk: SdkUnderTest;
let upstream: Upstream;
let client: OpenAI;

beforeAll(async () => {
  sdk = await startSdk();
  ({ upstream, client } = sdk);
}, 30_000);

afterAll(() => sdk?.stop());

const tools: ChatCompletionTool[] = [
  { type: 'function', function: { name: 'weather', parameters: { type: 'object', properties: {} } } },
];

async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  return all;
}

describe('chat.completions', () => {
  it('creates a completion', async () => {
    upstream.script(answer('Hello there'));
    const completion = await client.chat.completions.create({ model: 'm', messages: MESSAGES });
    expect(completion.choices[0]?.message.content).toBe('Hello there');
    expect(completion.choices[0]?.finish_reason).toBe('stop');
    expect(completion).toMatchObject({ model: 'small', usage: { prompt_tokens: 7, completion_tokens: 2 } });
    expect(completion._request_id).toMatch(/^req_0_/);
  });

  it('streams one, token by token', async () => {
    upstream.script(answer('one two three'));
    const chunks = await client.chat.completions.create({ model: 'm', messages: MESSAGES, stream: true });
    const deltas: string[] = [];
    for await (const { choices } of chunks) deltas.push(choices[0]?.delta.content ?? '');
    expect(deltas.filter((text) => text !== '')).toEqual(['one', ' two', ' three']);
  });

  it('streams one through heartbeats', async () => {
    const { url } = await sdk.broker.startApi({ HOLD_MS: '0' });
    const gate = createGate();
    const before = upstream.calls.length;
    upstream.script(gated(gate, answer('late')));
    const running = sdk.connect({ url }).chat.completions.stream({ model: 'm', messages: MESSAGES });
    // Connected before any output: only heartbeats can have come.
    await running.emitted('connect');
    await upstream.waitForCall(before + 1);
    gate.open();
    expect(await running.finalContent()).toBe('late');
  });

  it('has usage in the last chunk where it is asked for, and only there', async () => {
    const ask = { model: 'm', messages: MESSAGES, stream: true as const };
    const plain = await collect(await client.chat.completions.create(ask));
    expect(plain.every(({ choices }) => choices.length === 1)).toBe(true);
    const asked = await collect(
      await client.chat.completions.create({ ...ask, stream_options: { include_usage: true } }),
    );
    expect(asked.at(-1)).toMatchObject({
      choices: [],
      usage: { prompt_tokens: 7, completion_tokens: 4, total_tokens: 11 },
    });
    expect(asked.slice(0, -1).every(({ choices }) => choices.length === 1)).toBe(true);
  });

  it('brings tool calls', async () => {
    const call = {
      id: 'call_1',
      type: 'function',
      function: { name: 'weather', arguments: '{"city":"Rome"}' },
    };
    const message = { role: 'assistant', content: null, tool_calls: [call] };
    upstream.script(
      json({
        id: 'x',
        object: 'chat.completion',
        created: 1,
        model: 'small',
        choices: [{ index: 0, message, finish_reason: 'tool_calls' }],
      }),
    );
    const completion = await client.chat.completions.create({ model: 'm', messages: MESSAGES, tools });
    expect(completion.choices[0]?.message.tool_calls).toEqual([call]);
    expect(upstream.calls.at(-1)?.json?.['tools']).toEqual(tools);
  });

  it('brings streamed tool calls, put together by the SDK', async () => {
    upstream.script(stream(role(), toolCall('weather', '{"city":"Rome"}'), finish('tool_calls'), done()));
    const running = client.chat.completions.stream({ model: 'm', messages: MESSAGES, tools });
    const message = await running.finalMessage();
    expect(message.tool_calls).toMatchObject([
      { id: 'call_0', type: 'function', function: { name: 'weather', arguments: '{"city":"Rome"}' } },
    ]);
    const whole = await running.finalChatCompletion();
    expect(whole.choices[0]?.finish_reason).toBe('tool_calls');
  });

  it('takes controls through extra_body, as this SDK sends it', async () => {
    const controls = { extra_body: { fallbakit: { cloudModelOnly: true } } };
    const completion = await client.chat.completions.create({ model: 'm', messages: MESSAGES, ...controls });
    expect(completion.model).toBe('large');
    expect(upstream.calls.at(-1)?.json).not.toHaveProperty('extra_body');
  });

  it('falls back unseen', async () => {
    upstream.script(status(503), answer('from the cloud'));
    const { data, response } = await client.chat.completions
      .create({ model: 'm', messages: MESSAGES })
      .withResponse();
    expect(data.choices[0]?.message.content).toBe('from the cloud');
    expect(response.headers.get('x-spillway-provider')).toBe('cloud');
    expect(response.headers.get('x-spillway-attempts')).toBe('2');
  });
});

describe('models', () => {
  it('lists them', async () => {
    const ids: string[] = [];
    for await (const model of client.models.list()) ids.push(model.id);
    expect(ids).toEqual(expect.arrayContaining(['m', 'lonely', 'refused']));
  });

  it('retrieves one, also by an id with a slash', async () => {
    expect(await client.models.retrieve('m')).toMatchObject({ id: 'm', object: 'model', owned_by: 'box' });
    const slashed = await eventually(
      () => client.models.retrieve('org/announced').catch(() => undefined),
      'a worker that announces it',
    );
    expect(slashed.id).toBe('org/announced');
  });
});
