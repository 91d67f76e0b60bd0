import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import OpenAI from 'openai';
import { eventually } from '../support/client.js';
import { TestBroker } from '../support/start-broker.js';
import { json, status, stream } from '../support/upstream-behaviours.js';
import { completion, embeddings, vectorOf } from '../support/upstream-endpoints.js';
import { event } from '../support/upstream-steps.js';
import { startUpstream, type Upstream } from '../support/upstream.js';
import { waitForUsageRows } from '../support/usage-rows.js';

let box: Upstream;
let cloud: Upstream;
let broker: TestBroker;
let client: OpenAI;
let redis: Redis;

beforeAll(async () => {
  [box, cloud] = await Promise.all([startUpstream(), startUpstream()]);
  const kind = 'openai-compatible';
  broker = await TestBroker.start({
    config: {
      redis: { shards: 1 },
      providers: {
        box: { kind, baseUrl: box.baseUrl, location: 'local', models: ['announced'] },
        cloud: {
          kind,
          baseUrl: cloud.baseUrl,
          location: 'cloud',
          models: ['stand-in'],
          fallbackModel: 'stand-in',
        },
      },
      models: {
        both: { targets: [{ provider: 'box' }, { provider: 'cloud', model: 'both-in-the-cloud' }] },
      },
    },
  });
  redis = new Redis(broker.redis.url);
  client = new OpenAI({ baseURL: `${broker.url}/v1`, apiKey: 'any', maxRetries: 0 });
  const isAnnounced = async () => (await client.models.list()).data.find(({ id }) => id === 'announced');
  await eventually(isAnnounced, 'a model that a worker announces');
});

afterEach(() => {
  for (const upstream of [box, cloud]) upstream.calls.length = 0;
});

afterAll(async () => {
  redis?.disconnect();
  await broker?.stop();
  await Promise.all([box.close(), cloud.close()]);
});

async function post(path: string, body: object): Promise<Response> {
  return fetch(`${broker.url}/v1${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

describe('embeddings', () => {
  it('are those of the provider, in the order of the inputs, with its usage', async () => {
    box.script(embeddings());
    const input = ['one', 'three', 'seventeen'];
    const { data, response } = await client.embeddings.create({ model: 'both', input }).withResponse();
    expect(data.data.map(({ index, embedding }) => ({ index, embedding: [...embedding] }))).toEqual(
      input.map((text, index) => ({ index, embedding: vectorOf(text) })),
    );
    expect(data.usage).toEqual({ prompt_tokens: 3, total_tokens: 3 });
    expect(response.headers.get('x-spillway-provider')).toBe('box');
    const [call] = box.calls;
    expect(call).toMatchObject({
      path: '/v1/embeddings',
      json: { model: 'both', encoding_format: 'base64' },
    });
    const [row] = await waitForUsageRows(redis, 1);
    expect(row).toMatchObject({
      call: `${response.headers.get('x-request-id')}-1`,
      usage: { outcome: 'completed', provider: 'box', promptTokens: 3, completionTokens: 0 },
    });
  });

  it.each([
    ['float', 'base64'],
    ['base64', 'float'],
    [null, 'base64'],
  ] as const)('asked for as %s come so from a provider that knows only %s', async (asked, encoding) => {
    box.script(embeddings({ encoding }));
    const answer = await post('/embeddings', { model: 'both', input: 'four', encoding_format: asked });
    const { data } = (await answer.json()) as { data: { embedding: unknown }[] };
    const encoded = Buffer.from(new Float32Array(vectorOf('four')).buffer).toString('base64');
    expect(data.map(({ embedding }) => embedding)).toEqual([asked === 'base64' ? encoded : vectorOf('four')]);
  });

  it('of more inputs than a provider takes at once are made in several calls', async () => {
    box.script(embeddings(), embeddings(), embeddings());
    const input = Array.from({ length: 4_100 }, (_, at) => 'x'.repeat(1 + (at % 50)));
    const { data, usage } = await client.embeddings.create({ model: 'both', input });
    const batches = box.calls.map(({ json: body }) => body?.['input'] as string[]);
    expect(batches.map(({ length }) => length)).toEqual([2_048, 2_048, 4]);
    expect(data.map(({ embedding }) => [...embedding])).toEqual(input.map((text) => vectorOf(text)));
    expect(usage.prompt_tokens).toBe(4_100);
  });

  it('fall back along the targets that are configured', async () => {
    box.script(status(503));
    cloud.script(embeddings());
    const { response } = await client.embeddings.create({ model: 'both', input: 'a' }).withResponse();
    expect(response.headers.get('x-spillway-provider')).toBe('cloud');
    expect(cloud.calls[0]?.json).toMatchObject({ model: 'both-in-the-cloud', input: 'a' });
  });

  it('never fall back to a model that merely stands in: its vectors mean something else', async () => {
    box.script(status(503));
    await expect(client.embeddings.create({ model: 'announced', input: 'a' })).rejects.toMatchObject({
      status: 502,
      code: 'upstream_error',
    });
    box.script(status(503));
    const messages = [{ role: 'user' as const, content: 'Hi' }];
    await client.chat.completions.create({ model: 'announced', messages });
    expect(cloud.calls.map(({ json }) => json?.['model'])).toEqual(['stand-in']);
  });

  it('that are too few are no answer', async () => {
    box.script(json({ object: 'list', data: [{ index: 0, embedding: [1] }], model: 'up' }));
    await expect(client.embeddings.create({ model: 'announced', input: ['a', 'b'] })).rejects.toMatchObject({
      status: 502,
      code: 'upstream_error',
    });
  });

  it('that a server does not have leave its chat alone', async () => {
    const ask = () => client.embeddings.create({ model: 'box/chats', input: 'no vectors' });
    box.when({ marker: 'no vectors' }, status(501));
    const isRemembered = async () => {
      const before = box.calls.length;
      await expect(ask()).rejects.toMatchObject({ status: 404, code: 'model_not_found' });
      return box.calls.length === before || undefined;
    };
    await eventually(isRemembered, 'embeddings that are no longer asked for');
    const messages = [{ role: 'user' as const, content: 'Hi' }];
    const chat = await client.chat.completions.create({ model: 'box/chats', messages }).withResponse();
    expect(chat.response.headers.get('x-spillway-provider')).toBe('box');
  });

  it('are kept for an idempotency key, whose body another endpoint does not get', async () => {
    box.script(embeddings());
    const headers = { 'idempotency-key': 'vectors-1' };
    const ask = () => client.embeddings.create({ model: 'both', input: 'a' }, { headers }).withResponse();
    const [first, second] = [await ask(), await ask()];
    expect(second.response.headers.get('x-spillway-replayed')).toBe('true');
    expect([...(second.data.data[0]?.embedding ?? [])]).toEqual([...(first.data.data[0]?.embedding ?? [])]);
    expect(box.calls).toHaveLength(1);
    const other = client.completions.create({ model: 'both', prompt: 'a' }, { headers });
    await expect(other).rejects.toMatchObject({ status: 409, code: 'idempotency_key_conflict' });
  });
});

describe('legacy completions', () => {
  it('are answered whole', async () => {
    box.script(completion(' upon a time'));
    const { choices, usage } = await client.completions.create({
      model: 'both',
      prompt: 'Once',
      suffix: '.',
    });
    expect(choices[0]).toMatchObject({ text: ' upon a time', finish_reason: 'stop' });
    expect(usage).toMatchObject({ prompt_tokens: 7, completion_tokens: 3 });
    expect(box.calls[0]).toMatchObject({ path: '/v1/completions', json: { prompt: 'Once', suffix: '.' } });
  });

  const asked = { model: 'both', prompt: 'Once', stream: true } as const;
  const chunk = (text: string) =>
    event({ id: 'cmpl-1', object: 'text_completion', choices: [{ index: 0, text, finish_reason: null }] });

  it('stream; usage on the last chunk stays there, and nothing is added', async () => {
    box.script(completion(' upon a time', { usage: 'finish' }));
    const chunks: OpenAI.Completion[] = [];
    for await (const each of await client.completions.create(asked)) chunks.push(each);
    expect(chunks.map(({ choices }) => choices[0]?.text).join('')).toBe(' upon a time');
    expect(chunks.filter(({ usage }) => usage)).toEqual(chunks.slice(-1));
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe('stop');
  });

  it('fall back before the first text, and break off after it', async () => {
    const texts: string[] = [];
    const read = async () => {
      for await (const { choices } of await client.completions.create(asked))
        texts.push(choices[0]?.text ?? '');
    };
    box.script(stream(event({ error: { message: 'out of memory' } })));
    cloud.script(completion(' upon'));
    await read();
    expect(texts.join('')).toBe(' upon');
    box.script(stream(chunk(' a'), event({ error: { message: 'out of memory' } })));
    await expect(read()).rejects.toMatchObject({ code: 'stream_interrupted' });
    expect(texts.join('')).toBe(' upon a');
  });
});

describe('what is passed on as it is', () => {
  it('is a moderation', async () => {
    const results = [{ flagged: false, categories: {}, category_scores: {} }];
    box.script(json({ id: 'modr-1', model: 'both', results }));
    const answer = await client.moderations.create({ model: 'both', input: 'a text' });
    expect(answer).toMatchObject({ id: 'modr-1', results });
    expect(box.calls[0]).toMatchObject({ path: '/v1/moderations', json: { model: 'both', input: 'a text' } });
  });

  it('is a list of documents in their order', async () => {
    const body = { results: [{ index: 1, relevance_score: 0.9 }], model: 'both' };
    box.script(json(body));
    const asked = { model: 'both', query: 'which?', documents: ['this', 'that'], top_n: 1 };
    const answer = await post('/rerank', asked);
    expect(await answer.json()).toEqual(body);
    expect(answer.headers.get('x-spillway-provider')).toBe('box');
    expect(box.calls[0]).toMatchObject({ path: '/v1/rerank', json: asked });
  });

  it('has a default model where OpenAI has one', async () => {
    await expect(client.moderations.create({ input: 'a text' })).rejects.toMatchObject({
      status: 404,
      code: 'model_not_found',
      message: expect.stringContaining('omni-moderation-latest'),
    });
  });
});
