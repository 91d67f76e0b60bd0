import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { fetchAnswer, jsonOf, send, waitForModel, type Answer } from '../support/client.js';
import { TestBroker } from '../support/start-broker.js';
import { startUpstream, type Upstream } from '../support/upstream.js';
import { answer, hang, json, status, stream } from '../support/upstream-behaviours.js';
import { embeddings } from '../support/upstream-endpoints.js';
import { hangOn, role, token } from '../support/upstream-steps.js';

let box: Upstream;
let cloud: Upstream;
let broker: TestBroker;

const parameters = { logit_bias: 'drop', seed: 'drop', user: 'refuse' };
const lacking = {
  ...{ n: 'emulated', tools: false, images: false, developerRole: false, maxTokens: 'max_tokens' },
  ...{ embeddingBatch: 2, dimensions: [8], parameters },
};

beforeAll(async () => {
  [box, cloud] = await Promise.all([startUpstream(), startUpstream()]);
  const shared = { kind: 'openai-compatible', concurrency: 4 };
  broker = await TestBroker.start({
    config: {
      // A provider that is down is not what these tests are about.
      queue: { maxRetryDelayMs: 0 },
      providers: {
        box: { ...shared, location: 'local', baseUrl: box.baseUrl, models: ['tiny'], capabilities: lacking },
        cloud: { ...shared, location: 'cloud', baseUrl: cloud.baseUrl, models: ['large'] },
      },
      models: {
        m: { targets: [{ provider: 'box', model: 'tiny' }] },
        both: {
          targets: [
            { provider: 'box', model: 'tiny' },
            { provider: 'cloud', model: 'large' },
          ],
        },
        'one-only': { targets: [{ provider: 'box', model: 'one', capabilities: { n: 'unsupported' } }] },
      },
    },
  });
  await waitForModel(broker.url, 'large');
}, 60_000);

afterAll(async () => {
  await broker?.stop();
  await Promise.all([box?.close(), cloud?.close()]);
});

afterEach(() => {
  for (const upstream of [box, cloud]) upstream.calls.length = 0;
});

const messages = [{ role: 'user', content: 'Hi' }];

function ask(members: object, model = 'm', path = 'chat/completions'): Promise<Answer> {
  return fetchAnswer(`${broker.url}/v1/${path}`, { body: { model, messages, ...members } });
}

interface Body {
  readonly id: string;
  readonly choices: readonly {
    readonly index: number;
    readonly delta?: { readonly content?: string };
    readonly message?: { readonly content: string };
  }[];
  readonly usage?: object | null;
}

const tools = [{ type: 'function', function: { name: 'f' } }];

describe('several answers of a provider that gives one', () => {
  it('are one whole answer', async () => {
    box.script(answer('one'), answer('two words'), answer('three more words'));
    const answered = await ask({ n: 3 });
    expect(answered).toMatchObject({ status: 200, headers: { 'x-spillway-attempts': '1' } });
    const { choices, usage } = JSON.parse(answered.text) as Body;
    expect(choices.map(({ index }) => index)).toEqual([0, 1, 2]);
    const texts = choices.map(({ message }) => message?.content ?? '').toSorted();
    expect(texts).toEqual(['one', 'three more words', 'two words']);
    expect(usage).toEqual({ prompt_tokens: 21, completion_tokens: 6, total_tokens: 27 });
    expect(box.calls.map(({ json }) => json && 'n' in json)).toEqual([false, false, false]);
  });

  it('are one stream', async () => {
    box.script(answer('one'), answer('two words'));
    const { status: code, events } = await ask({
      ...{ n: 2, stream: true },
      stream_options: { include_usage: true },
    });
    expect(code).toBe(200);
    expect(events.filter((event) => event === '[DONE]')).toHaveLength(1);
    expect(events.at(-1)).toBe('[DONE]');
    const chunks = events.slice(0, -1).map((event) => JSON.parse(event) as Body);
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1);
    const texts = [0, 1].map((index) =>
      chunks
        .flatMap(({ choices }) => choices.filter((choice) => choice.index === index))
        .map(({ delta }) => delta?.content ?? '')
        .join(''),
    );
    expect(texts.toSorted()).toEqual(['one', 'two words']);
    const totals = chunks.filter(({ choices }) => choices.length === 0);
    expect(totals.map(({ usage }) => usage)).toEqual([
      { prompt_tokens: 14, completion_tokens: 3, total_tokens: 17 },
    ]);
  });

  it('are those of each prompt side by side, of legacy completions', async () => {
    const whole = (name: string) =>
      json({ choices: [0, 1].map((index) => ({ index, text: `${name}${index}`, finish_reason: 'stop' })) });
    box.script(whole('x'), whole('y'));
    const answered = await ask({ prompt: ['p', 'q'], n: 2, messages: undefined }, 'm', 'completions');
    const { choices } = JSON.parse(answered.text) as { choices: { index: number; text: string }[] };
    expect(choices.map(({ index }) => index)).toEqual([0, 1, 2, 3]);
    expect(choices.map(({ text }) => text.at(-1))).toEqual(['0', '0', '1', '1']);
    expect(new Set(choices.map(({ text }) => text)).size).toBe(4);
  });

  it('are those of the next target where one call fails before any output', async () => {
    box.script(hang(), status(503));
    cloud.script(answer('from the cloud', { choices: 2 }));
    const answered = await ask({ n: 2, stream: true }, 'both');
    expect(answered).toMatchObject({
      status: 200,
      headers: { 'x-spillway-provider': 'cloud', 'x-spillway-attempts': '2' },
    });
    expect(cloud.calls.map(({ json }) => json?.['n'])).toEqual([2]);
    await Promise.all(box.calls.map((call) => box.waitForEnd(call)));
    expect(box.inFlight).toBe(0);
  });

  it('break off together after output, and never end well', async () => {
    // The second call fails once the first has said something.
    const spoken = Promise.withResolvers<void>();
    box.script(stream(role(), token('Hi'), hangOn()), async (call) => {
      await spoken.promise;
      await status(500)(call);
    });
    const call = send(`${broker.url}/v1/chat/completions`, {
      body: { model: 'm', messages, n: 2, stream: true },
    });
    await call.waitForItem(({ text }) => text.includes('Hi'), 'the first output');
    spoken.resolve();
    const { events } = await call.answer();
    expect(events).not.toContain('[DONE]');
    expect(JSON.parse(events.at(-1) ?? '')).toMatchObject({ error: { code: 'stream_interrupted' } });
  });

  it('are given up together when the client leaves', async () => {
    box.script(...[1, 2, 3].map(() => stream(role(), token('Hi'), hangOn())));
    const call = send(`${broker.url}/v1/chat/completions`, {
      body: { model: 'm', messages, n: 3, stream: true },
    });
    await call.waitForItem(({ text }) => text.includes('Hi'), 'the first output');
    await box.waitForCall(3);
    call.leave();
    const hungUpAt = await Promise.all(box.calls.map((each) => box.waitForHangUp(each)));
    expect(hungUpAt).toHaveLength(3);
  });
});

describe('what a provider does not take', () => {
  it('is left out and told', async () => {
    const answered = await ask({ seed: 1, temperature: 0.5, logit_bias: { '5': 1 } });
    expect(answered.headers['x-spillway-dropped']).toBe('seed, logit_bias');
    const [sent] = box.calls.map(({ json }) => json);
    expect(sent).toMatchObject({ temperature: 0.5 });
    expect(sent).not.toHaveProperty('seed');
    expect(sent).not.toHaveProperty('logit_bias');
  });

  it('is told of a stream, too, and of none where nothing was left out', async () => {
    expect((await ask({ seed: 1, stream: true })).headers['x-spillway-dropped']).toBe('seed');
    expect((await ask({ stream: true })).headers).not.toHaveProperty('x-spillway-dropped');
  });

  it('is given to the target that takes it, where the first one fails', async () => {
    box.script(status(503));
    const answered = await ask({ seed: 1 }, 'both');
    expect(answered.headers).toMatchObject({ 'x-spillway-provider': 'cloud' });
    expect(answered.headers).not.toHaveProperty('x-spillway-dropped');
    expect(cloud.calls.map(({ json }) => json?.['seed'])).toEqual([1]);
  });

  it('is mapped where the provider has another word for it', async () => {
    const developer = [{ role: 'developer', content: 'Be brief.' }, ...messages];
    const answered = await ask({ messages: developer, max_completion_tokens: 9 });
    expect(answered.headers).not.toHaveProperty('x-spillway-dropped');
    expect(box.calls[0]?.json).toMatchObject({
      messages: [{ role: 'system', content: 'Be brief.' }, ...messages],
      max_tokens: 9,
    });
    expect(box.calls[0]?.json).not.toHaveProperty('max_completion_tokens');
  });

  it('is split where it takes less at once', async () => {
    box.script(embeddings(), embeddings());
    const answered = await ask({ input: ['a', 'b', 'c'], messages: undefined }, 'm', 'embeddings');
    expect(answered.status).toBe(200);
    expect((JSON.parse(answered.text) as { data: unknown[] }).data).toHaveLength(3);
    expect(box.calls.map(({ json }) => json?.['input'])).toEqual([['a', 'b'], ['c']]);
  });
});

describe('what a provider lacks', () => {
  it.each([
    [{ tools }],
    [{ user: 'u' }],
    [{ messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:,' } }] }] }],
  ])('leaves it out in favour of the next: %j', async (members) => {
    const answered = await ask(members, 'both');
    expect(answered).toMatchObject({
      status: 200,
      headers: { 'x-spillway-provider': 'cloud', 'x-spillway-attempts': '1' },
    });
    expect(box.calls).toEqual([]);
  });

  it.each<[object, string, string, string | undefined]>([
    [{ tools }, 'm', 'tools', undefined],
    [{ n: 2 }, 'one-only', 'n', undefined],
    [{ tools, spillway: { localModelOnly: true } }, 'both', 'tools', undefined],
    [{ tools, spillway: { fallback: false } }, 'both', 'tools', undefined],
    [{ tools, spillway: { fallbackProvider: 'box', fallbackModel: 'other' } }, 'm', 'tools', undefined],
    [{ prompt: 'x', n: 2, best_of: 2 }, 'm', 'best_of', 'completions'],
    [{ input: 'x', dimensions: 9 }, 'm', 'dimensions', 'embeddings'],
  ])('refuses %j at once where nobody is left', async (members, model, param, path) => {
    const answered = await ask(members, model, path);
    expect(answered.status).toBe(400);
    expect(jsonOf(answered)).toMatchObject({
      error: {
        ...{ code: 'unsupported_parameter', type: 'invalid_request_error', param },
        message: expect.stringContaining(`\`${param}\``),
      },
    });
    expect(box.calls).toEqual([]);
    expect(cloud.calls).toEqual([]);
  });
});
