import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { fetchAnswer, jsonOf, waitForModel } from '../support/client.js';
import type { Answer } from '../support/client.js';
import { TestBroker } from '../support/start-broker.js';
import { startUpstream } from '../support/upstream.js';
import type { Upstream } from '../support/upstream.js';
import { drop, status } from '../support/upstream-behaviours.js';

let local: Upstream;
let cloud: Upstream;
let other: Upstream;
let broker: TestBroker;

beforeAll(async () => {
  [local, cloud, other] = await Promise.all([startUpstream(), startUpstream(), startUpstream()]);
  const at = (location: string, { baseUrl }: Upstream) => ({ kind: 'openai-compatible', location, baseUrl });
  broker = await TestBroker.start({
    config: {
      providers: {
        box: at('local', local),
        cloud: at('cloud', cloud),
        other: { ...at('cloud', other), models: ['announced', 'big'] },
        keyless: { ...at('cloud', other), apiKey: '${NOWHERE_SET_KEY}' },
      },
      // Where nobody may wait, a busy provider shows at once.
      queue: { maxRetryDelayMs: 0 },
      models: {
        m: {
          targets: [
            { provider: 'box', model: 'small' },
            { provider: 'cloud', model: 'large' },
          ],
        },
        'cloud-first': {
          targets: [
            { provider: 'cloud', model: 'large' },
            { provider: 'box', model: 'small' },
          ],
        },
        'cloud-only': { targets: [{ provider: 'cloud', model: 'large' }] },
        ...Object.fromEntries(
          ['tiny', 'full'].flatMap((name) =>
            [true, false].map((streams) => [`${name}-${streams}`, { targets: [{ provider: 'box' }] }]),
          ),
        ),
        big: { targets: [{ provider: 'other', model: 'big' }] },
      },
    },
  });
  // Whether a credential is missing, the api learns from the workers.
  await waitForModel(broker.url, 'announced');
}, 30_000);

afterAll(async () => {
  await broker?.stop();
  await Promise.all([local?.close(), cloud?.close(), other?.close()]);
});

async function ask(controls: object, model = 'm', streams = false): Promise<Answer> {
  const body = { model, stream: streams, messages: [{ role: 'user', content: 'Hi' }], ...controls };
  return fetchAnswer(`${broker.url}/v1/chat/completions`, { body });
}

/** `provider model` of who answered. */
function servedBy({ status: code, headers }: Answer): string {
  return [code, headers['x-spillway-provider'], headers['x-spillway-model']].join(' ');
}

const placements: readonly { place: string; wrap: (fields: object) => object }[] = [
  { place: 'spillway', wrap: (fields) => ({ spillway: fields }) },
  { place: 'fallbakit', wrap: (fields) => ({ fallbakit: fields }) },
  { place: 'extra_body.fallbakit', wrap: (fields) => ({ extra_body: { fallbakit: fields } }) },
  { place: 'extra_body.spillway', wrap: (fields) => ({ extra_body: { spillway: fields } }) },
  {
    place: 'extra_body.extra_body.fallbakit',
    wrap: (fields) => ({ extra_body: { extra_body: { fallbakit: fields } } }),
  },
];

describe('the place of the controls', () => {
  it.each(placements)('may be $place; the provider sees nothing of it', async ({ wrap }) => {
    const reply = await ask(wrap({ cloudModelOnly: true }));
    expect(servedBy(reply)).toBe('200 cloud large');
    const sent = cloud.calls.at(-1)?.json ?? {};
    expect(Object.keys(sent).toSorted()).toEqual(['messages', 'model', 'stream']);
  });

  it('may be several with one value', async () => {
    const controls = { cloudModelOnly: true };
    const reply = await ask({ spillway: controls, fallbakit: controls, extra_body: { fallbakit: controls } });
    expect(servedBy(reply)).toBe('200 cloud large');
  });
});

describe('the fields', () => {
  it.each([
    { field: 'no field', controls: {}, served: '200 box small' },
    { field: 'cloudModelOnly', controls: { cloudModelOnly: true }, served: '200 cloud large' },
    { field: 'cloudModelOnly false', controls: { cloudModelOnly: false }, served: '200 box small' },
    {
      field: 'localModelOnly',
      model: 'cloud-first',
      controls: { localModelOnly: true },
      served: '200 box small',
    },
    { field: 'forceLocal', model: 'cloud-first', controls: { forceLocal: true }, served: '200 box small' },
  ])('$field: first target as asked', async ({ controls, model, served }) => {
    expect(servedBy(await ask({ spillway: controls }, model))).toBe(served);
  });

  it.each([
    { field: 'no field', controls: {}, served: '200 cloud large' },
    { field: 'fallbackProvider', controls: { fallbackProvider: 'other' }, served: '200 other m' },
    { field: 'fallbackModel of a route here', controls: { fallbackModel: 'big' }, served: '200 other big' },
    {
      field: 'fallbackModel of nobody here',
      controls: { fallbackModel: 'newest' },
      served: '200 cloud newest',
    },
    {
      field: 'both',
      controls: { fallbackProvider: 'other', fallbackModel: 'bigger' },
      served: '200 other bigger',
    },
  ])('$field: the fallback as asked, in one answer', async ({ controls, served }) => {
    for (const streams of [true, false]) {
      local.script(status(503));
      const before = local.calls.length;
      const reply = await ask({ spillway: controls }, 'm', streams);
      expect(servedBy(reply)).toBe(served);
      expect(reply.headers['x-spillway-attempts']).toBe('2');
      expect(local.calls.length - before).toBe(1);
    }
  });

  it('fallback false: the first target alone', async () => {
    const before = cloud.calls.length;
    local.script(status(503));
    const reply = await ask({ spillway: { fallback: false } });
    expect([reply.status, jsonOf(reply).error?.code]).toEqual([502, 'upstream_error']);
    expect(cloud.calls).toHaveLength(before);
  });
});

describe('localModelOnly', () => {
  it.each(
    [
      { path: 'the local one answers 503', behaviour: status(503) },
      { path: 'the local one is busy', behaviour: status(429), model: 'full' },
      { path: 'the local one has no such model', behaviour: status(404), model: 'tiny' },
      { path: 'the connection breaks', behaviour: drop() },
      { path: 'the cloud is the first of the route', behaviour: status(500), model: 'cloud-first' },
    ].flatMap((row) => [true, false].map((streams) => ({ model: 'm', ...row, streams }))),
  )('sends no byte to the cloud where $path (stream: $streams)', async ({ behaviour, model, streams }) => {
    const before = cloud.calls.length + other.calls.length;
    const called = local.calls.length;
    local.script(behaviour);
    // A 404 is remembered, and so is a 429: a model each.
    const name = ['tiny', 'full'].includes(model) ? `${model}-${streams}` : model;
    const reply = await ask({ fallbakit: { localModelOnly: true } }, name, streams);
    expect(reply.status).toBeGreaterThanOrEqual(400);
    expect(local.calls).toHaveLength(called + 1);
    expect(cloud.calls.length + other.calls.length).toBe(before);
  });

  it.each([
    { controls: { localModelOnly: true }, model: 'cloud-only' },
    { controls: { localModelOnly: true }, model: 'cloud/large' },
    { controls: { localModelOnly: true, fallbackProvider: 'cloud' }, model: 'm' },
    { controls: { localModelOnly: true, fallbackModel: 'big' }, model: 'm' },
  ])('is 400 where it leaves nothing: $model $controls', async ({ controls, model }) => {
    const before = cloud.calls.length + other.calls.length;
    const reply = await ask({ spillway: controls }, model);
    expect([reply.status, jsonOf(reply).error?.code]).toEqual([400, 'invalid_value']);
    expect(cloud.calls.length + other.calls.length).toBe(before);
  });
});

describe('controls that cannot be followed', () => {
  const KEY = 'sk-live-3f9Q7zXc81mPqLw0TtYv55Rb';
  const cases: readonly { what: string; body: object; param: string }[] = [
    {
      what: 'two values',
      body: { spillway: { cloudModelOnly: true }, fallbakit: { cloudModelOnly: false } },
      param: 'spillway.cloudModelOnly',
    },
    {
      what: 'two providers',
      body: {
        spillway: { fallbackProvider: 'cloud' },
        extra_body: { fallbakit: { fallbackProvider: 'other' } },
      },
      param: 'extra_body.fallbakit.fallbackProvider',
    },
    {
      what: 'local and cloud only',
      body: { spillway: { cloudModelOnly: true, localModelOnly: true } },
      param: 'spillway.cloudModelOnly',
    },
    {
      what: 'no fallback, and one',
      body: { spillway: { fallback: false, fallbackModel: 'big' } },
      param: 'spillway.fallbackModel',
    },
    {
      what: 'an unknown provider',
      body: { spillway: { fallbackProvider: 'nobody' } },
      param: 'fallbackProvider',
    },
    {
      what: 'a provider without credential',
      body: { spillway: { fallbackProvider: 'keyless' } },
      param: 'fallbackProvider',
    },
    {
      what: 'an unknown field',
      body: { spillway: { fallbackProvders: 'cloud' } },
      param: 'spillway.fallbackProvders',
    },
    {
      what: 'a wrong type',
      body: { spillway: { localModelOnly: 'true' } },
      param: 'spillway.localModelOnly',
    },
    { what: 'a number as a name', body: { spillway: { fallbackModel: 4 } }, param: 'spillway.fallbackModel' },
    { what: 'no object', body: { spillway: true }, param: 'spillway' },
    { what: 'a misplaced field', body: { localModelOnly: true }, param: 'localModelOnly' },
    { what: 'a key', body: { spillway: { apiKey: KEY } }, param: 'spillway.apiKey' },
    {
      what: 'a key by another name',
      body: { fallbakit: { cloud_api_key: KEY } },
      param: 'fallbakit.cloud_api_key',
    },
    {
      what: 'a key as a name',
      body: { extra_body: { fallbakit: { fallbackProvider: KEY } } },
      param: 'extra_body.fallbakit.fallbackProvider',
    },
    { what: 'a base URL', body: { spillway: { baseUrl: 'http://10.0.0.1/v1' } }, param: 'spillway.baseUrl' },
    {
      what: 'a URL as a provider',
      body: { spillway: { fallbackProvider: 'http://10.0.0.1/v1' } },
      param: 'spillway.fallbackProvider',
    },
    { what: 'headers', body: { spillway: { headers: { authorization: KEY } } }, param: 'spillway.headers' },
    { what: 'a base URL in the body', body: { base_url: 'http://10.0.0.1/v1' }, param: 'base_url' },
    { what: 'a key in the body', body: { api_key: KEY }, param: 'api_key' },
    {
      what: 'an api base in extra_body',
      body: { extra_body: { api_base: 'http://10.0.0.1' } },
      param: 'extra_body.api_base',
    },
    { what: 'extra headers in the body', body: { extra_headers: { 'x-key': KEY } }, param: 'extra_headers' },
  ];

  it.each(cases)('are 400 at once: $what', async ({ body, param }) => {
    const before = local.calls.length + cloud.calls.length + other.calls.length;
    const reply = await ask(body);
    expect([reply.status, jsonOf(reply).error]).toEqual([
      400,
      { message: expect.any(String), type: 'invalid_request_error', param, code: 'invalid_value' },
    ]);
    expect(reply.text).not.toContain(KEY);
    expect(reply.text).not.toContain('10.0.0.1');
    expect(local.calls.length + cloud.calls.length + other.calls.length).toBe(before);
  });

  it('leave no key and no address in any log', async () => {
    await ask({ spillway: { apiKey: KEY } });
    await broker.apis[0]?.prints('"outcome":"invalid_value"');
    expect(broker.output).not.toContain(KEY);
    expect(broker.output).not.toContain('10.0.0.1');
  });
});
