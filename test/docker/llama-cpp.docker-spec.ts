import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import OpenAI from 'openai';
import {
  chunksOf,
  contentOf,
  eventually,
  fetchAnswer,
  jsonOf,
  send,
  waitForModel,
} from '../support/client.js';
import type { HttpCall } from '../support/client.js';
import { startLlamaServer, type LlamaServer } from '../support/llama/llama-container.js';
import { TestBroker } from '../support/start-broker.js';

const messages = [{ role: 'user', content: 'Say something' }];
const PICTURE = 'data:image/png;base64,iVBORw0KGgo=';
/** What the tiny model says: syllables. */
const SYLLABLES = /^( ?([bdfghklmnprst][aeiou])+)+$/;
/** The promise: an upstream call is hung up on this long after its client has gone, ms. */
const PROMISED_MS = 1_000;

describe("llama.cpp's own server", () => {
  let server: LlamaServer;
  let broker: TestBroker;

  beforeAll(async () => {
    server = await startLlamaServer();
    const config = { providers: { 'llama-cpp': { preset: 'llama-cpp' } } };
    broker = await TestBroker.start({ config, env: server.env });
    await waitForModel(broker.url, server.model);
  }, 120_000);

  afterAll(async () => {
    await broker?.stop();
    await server?.stop();
  });

  function ask(body: object, path = '/chat/completions'): HttpCall {
    return send(`${broker.url}/v1${path}`, { body: { model: server.model, ...body } });
  }

  /** Resolves once it has said something new. */
  async function saysMore(call: HttpCall): Promise<void> {
    const before = call.items.length;
    const isNew = () => call.items.length > before;
    await call.waitForItem(isNew, 'more of the answer');
  }

  async function busy(slots: number): Promise<void> {
    const isSo = async () => (await server.busySlots()) === slots || undefined;
    await eventually(isSo, `${slots} busy slots`, PROMISED_MS);
  }

  it('has its model listed', async () => {
    const { data } = JSON.parse((await fetchAnswer(`${broker.url}/v1/models`)).text) as { data: object[] };
    expect(data).toMatchObject([{ id: server.model, owned_by: 'llama-cpp' }]);
  });

  it('gives a whole answer that ends at max_tokens, with its usage and its own members', async () => {
    const answer = await ask({ messages, max_tokens: 12 }).answer();
    expect(answer).toMatchObject({ status: 200, headers: { 'x-spillway-provider': 'llama-cpp' } });
    expect(jsonOf(answer)).toMatchObject({
      choices: [{ finish_reason: 'length', message: { content: expect.stringMatching(SYLLABLES) } }],
      usage: { completion_tokens: 12, prompt_tokens: expect.any(Number) },
      timings: { predicted_n: 12 },
    });
  });

  it('streams as many chunks as tokens, then the finish, the usage and [DONE]', async () => {
    const body = { messages, max_tokens: 12, stream: true, stream_options: { include_usage: true } };
    const answer = await ask(body).answer();
    expect(answer).toMatchObject({ status: 200, whole: true });
    expect(answer.events.at(-1)).toBe('[DONE]');
    expect(contentOf(answer)).toMatch(SYLLABLES);
    const chunks = chunksOf(answer);
    const spoken = chunks.filter(({ choices }) => typeof choices?.[0]?.delta?.content === 'string');
    expect(spoken).toHaveLength(12);
    expect(chunks.slice(-2)).toMatchObject([
      { choices: [{ finish_reason: 'length' }] },
      { choices: [], usage: { completion_tokens: 12 } },
    ]);
  });

  it("streams to OpenAI's SDK, which ends it at a stop word", async () => {
    const client = new OpenAI({ baseURL: `${broker.url}/v1`, apiKey: 'any', maxRetries: 0 });
    const request = { model: server.model, messages: [{ role: 'user' as const, content: 'Say something' }] };
    const stream = client.chat.completions.stream({ ...request, stop: ['a'] });
    const { choices } = await stream.finalChatCompletion();
    expect(choices).toMatchObject([{ finish_reason: 'stop', message: { role: 'assistant' } }]);
    expect(choices[0]?.message.content).not.toContain('a');
  });

  it('gives more answers than it has slots, each with its own tokens in the usage', async () => {
    const answer = await ask({ messages, max_tokens: 4, n: 3 }).answer();
    expect(jsonOf(answer)).toMatchObject({
      choices: [0, 1, 2].map((index) => ({ index, finish_reason: 'length' })),
      usage: { completion_tokens: 12 },
    });
  });

  it('completes a text', async () => {
    const answer = await ask({ prompt: 'Once', max_tokens: 4 }, '/completions').answer();
    expect(jsonOf(answer)).toMatchObject({
      object: 'text_completion',
      choices: [{ text: expect.stringMatching(SYLLABLES), finish_reason: 'length' }],
    });
  });

  async function nextAnswer(): Promise<unknown> {
    return jsonOf(await ask({ messages, max_tokens: 3 }).answer());
  }

  it('stops its work for a client that leaves in the middle of a whole answer', async () => {
    const call = ask({ messages });
    await busy(1);
    call.leave();
    await server.cancelled();
    await busy(0);
    expect(await nextAnswer()).toMatchObject({ usage: { completion_tokens: 3 } });
  });

  it('stops its work for a client that leaves in the middle of a stream', async () => {
    const call = ask({ messages, stream: true });
    await saysMore(call);
    expect(await server.busySlots()).toBe(1);
    call.leave();
    await busy(0);
    expect(await nextAnswer()).toMatchObject({ usage: { completion_tokens: 3 } });
  });

  it('works at two at once, each stream going on beside the other', async () => {
    const [one, other] = [ask({ messages, stream: true }), ask({ messages, stream: true })];
    for (const call of [one, other, one, other]) await saysMore(call);
    expect(await server.busySlots()).toBe(2);
    for (const call of [one, other]) await saysMore(call);
    one.leave();
    await busy(1);
    await saysMore(other);
    other.leave();
    await busy(0);
  });

  it.each([
    {
      what: 'a prompt longer than its context',
      body: { messages: [{ role: 'user', content: 'x'.repeat(9_000) }] },
      error: { code: 'context_length_exceeded' },
    },
    {
      what: 'a role that its template does not know',
      body: { messages: [...messages, { role: 'tool', tool_call_id: 'x', content: 'x' }] },
      error: { code: 'upstream_rejected', message: expect.stringContaining('roles are supported') },
    },
  ])('says what is wrong with $what', async ({ body, error }) => {
    const answer = await ask(body).answer();
    expect(answer.status).toBe(400);
    expect(jsonOf(answer).error).toMatchObject(error);
  });

  it.each([
    {
      what: 'embeddings, which it was not started for',
      body: { input: 'x' },
      path: '/embeddings',
      error: { status: 404, code: 'model_not_found' },
    },
    {
      what: 'a picture, which its model cannot see',
      body: { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: PICTURE } }] }] },
      error: { status: 400, code: 'unsupported_parameter' },
    },
  ])('refuses $what, and answers the next', async ({ body, path, error }) => {
    const answer = await ask(body, path).answer();
    expect({ status: answer.status, code: jsonOf(answer).error?.code }).toEqual(error);
    expect(await nextAnswer()).toMatchObject({ usage: { completion_tokens: 3 } });
  });

  it('reads `developer` as `system`, which its template knows', async () => {
    const answer = await ask({
      messages: [{ role: 'developer', content: 'Hm' }, ...messages],
      max_tokens: 3,
    }).answer();
    expect(jsonOf(answer)).toMatchObject({ usage: { completion_tokens: 3 } });
  });
});

describe('a route whose first target is a llama.cpp server', () => {
  it('goes on to the next while the model is loading, and once the server is gone', async () => {
    const server = await startLlamaServer({ slowly: true });
    const first = { provider: 'llama-cpp', model: server.model };
    const config = {
      providers: { 'llama-cpp': { preset: 'llama-cpp' }, demo: { kind: 'demo' } },
      models: { either: { targets: [first, { provider: 'demo', model: 'demo' }] } },
    };
    const broker = await TestBroker.start({ config, env: server.env });
    const body = { model: 'either', messages, max_tokens: 3 };
    const answerer = async () => {
      const { status, headers } = await fetchAnswer(`${broker.url}/v1/chat/completions`, { body });
      expect(status).toBe(200);
      return `${headers['x-spillway-provider']} after ${headers['x-spillway-attempts']}`;
    };
    try {
      await waitForModel(broker.url, 'either');
      // Two: the server was asked, and said that it is loading.
      expect(await answerer()).toBe('demo after 2');
      await server.hurry();
      await eventually(
        async () => (await answerer()) === 'llama-cpp after 1' || undefined,
        'the loaded model',
      );
      await server.stop();
      expect(await answerer()).toMatch('demo after');
    } finally {
      await Promise.all([broker.stop(), server.stop()]);
    }
  }, 120_000);
});
