import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually, jsonOf, send, type HttpCall } from '../../../test/support/client.js';
import { startRedis, type TestRedis } from '../../../test/support/redis.js';
import { HandWorker } from './testing/hand-worker.js';
import { PROVIDERS, startTestApi, type TestApi } from './testing/test-api.js';

let redis: TestRedis;
let api: TestApi;
let patient: TestApi;
let box: HandWorker;
let cloud: HandWorker;

const parameters = { logit_bias: 'drop', seed: 'drop', user: 'refuse' };

beforeAll(async () => {
  redis = await startRedis();
  const keyspace = { url: redis.url, prefix: 'capabilities' };
  const providers = {
    box: { ...PROVIDERS.box, capabilities: { tools: false, n: 'unsupported', parameters } },
    cloud: { ...PROVIDERS.cloud, capabilities: { n: 'unsupported' } },
  };
  const start = (server: object) => startTestApi({ redis: keyspace, config: { server, providers } });
  api = await start({ holdMs: 100 });
  patient = await start({ holdMs: 50, wholeAnswerKeepAlive: true });
  box = new HandWorker(keyspace, 'box');
  cloud = new HandWorker(keyspace, 'cloud');
});

afterAll(async () => {
  await Promise.all([box.close(), cloud.close()]);
  await Promise.all([api.close(), patient.close()]);
  await redis.stop();
});

function chat(more: object = {}, at = api): HttpCall {
  const body = { model: 'm', messages: [{ role: 'user', content: 'Hello' }], ...more };
  return send(`${at.url}/v1/chat/completions`, { body });
}

const dropping = { seed: 1, logit_bias: { '5': 1 } };

describe('what a provider does not get', () => {
  it('is told in a header, and in none where it gets all', async () => {
    const call = chat(dropping);
    const run = await box.next();
    await run.complete('{"a":1}');
    expect((await call.answer()).headers['x-spillway-dropped']).toBe('seed, logit_bias');
    const whole = chat();
    await (await box.next()).complete('{"a":1}');
    expect((await whole.answer()).headers).not.toHaveProperty('x-spillway-dropped');
  });

  it('is told in the comment of a stream whose headers have left', async () => {
    const call = chat({ ...dropping, stream: true });
    const run = await box.next();
    await eventually(() => call.items.length > 0 || undefined, 'a comment');
    await run.append('data: {"a":1}\n\n');
    await run.complete('data: [DONE]\n\n');
    const { text, headers } = await call.answer();
    expect(headers).not.toHaveProperty('x-spillway-dropped');
    expect(text).toContain(
      ': route provider=box model=meta/m location=local attempts=1 dropped=seed,logit_bias\ndata: ',
    );
  });
});

describe('a whole answer that is kept alive', () => {
  it('tells behind its body who answered, and what it did not get', async () => {
    const call = chat(dropping, patient);
    const run = await box.next();
    await eventually(() => call.received || undefined, 'white space');
    await run.complete('{"a":1}');
    const { headers, trailers, text } = await call.answer();
    expect(JSON.parse(text)).toEqual({ a: 1 });
    expect(headers).not.toHaveProperty('x-spillway-dropped');
    expect(trailers).toMatchObject({
      'x-spillway-provider': 'box',
      'x-spillway-dropped': 'seed, logit_bias',
    });
  });
});

describe('what a provider lacks', () => {
  it.each([[{ tools: [{}] }], [{ user: 'u' }]])(
    'sends a request with %j to the next target',
    async (more) => {
      const call = chat(more);
      const run = await cloud.next();
      expect(run.claim.targets.map(({ provider }) => provider)).toEqual(['cloud']);
      await run.complete('{"a":1}');
      expect(await call.answer()).toMatchObject({ status: 200, headers: { 'x-spillway-provider': 'cloud' } });
    },
  );

  it('refuses a request that no target can take, and keeps nothing of it', async () => {
    const answer = await chat({ n: 2 }).answer();
    expect(answer.status).toBe(400);
    expect(jsonOf(answer)).toEqual({
      error: {
        message:
          'm cannot take `n` here: box/meta/m gives one answer per request; cloud/m-4 gives one answer per request. ' +
          'Remove it, or ask for a model whose provider has what is missing.',
        type: 'invalid_request_error',
        param: 'n',
        code: 'unsupported_parameter',
      },
    });
  });
});
