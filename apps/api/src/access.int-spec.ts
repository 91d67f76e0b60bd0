import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startRedis, type TestRedis } from '../../../test/support/redis.js';
import { send, sendRaw } from './testing/http-client.js';
import { startTestApi, type TestApi } from './testing/test-api.js';

let redis: TestRedis;
let locked: TestApi;
let open: TestApi;

beforeAll(async () => {
  redis = await startRedis();
  locked = await startTestApi({ redis: { url: redis.url, prefix: 'locked' }, keys: { web: 'good-key' } });
  open = await startTestApi({ redis: { url: redis.url, prefix: 'open' } });
});

afterAll(async () => {
  await locked.close();
  await open.close();
  await redis.stop();
});

/** Every route, and what it answers to whom. A body that is no request shows that a route was reached: 400. */
const MATRIX = [
  { method: 'GET', path: '/', none: 200, bad: 200, good: 200 },
  { method: 'HEAD', path: '/', none: 200, bad: 200, good: 200 },
  { method: 'GET', path: '/healthz', none: 200, bad: 200, good: 200 },
  { method: 'HEAD', path: '/healthz', none: 200, bad: 200, good: 200 },
  { method: 'GET', path: '/readyz', none: 200, bad: 200, good: 200 },
  { method: 'HEAD', path: '/readyz', none: 200, bad: 200, good: 200 },
  { method: 'GET', path: '/metrics', none: 200, bad: 200, good: 200 },
  { method: 'HEAD', path: '/metrics', none: 200, bad: 200, good: 200 },
  { method: 'GET', path: '/v1/models', none: 401, bad: 401, good: 200 },
  { method: 'HEAD', path: '/v1/models', none: 401, bad: 401, good: 200 },
  { method: 'GET', path: '/v1/models/m', none: 401, bad: 401, good: 200 },
  { method: 'HEAD', path: '/v1/models/m', none: 401, bad: 401, good: 200 },
  { method: 'POST', path: '/v1/chat/completions', none: 401, bad: 401, good: 400 },
] as const;

describe('access', () => {
  const cases = MATRIX.flatMap(({ method, path, none, bad, good }) => [
    { method, path, key: undefined, status: none },
    { method, path, key: 'bad-key', status: bad },
    { method, path, key: 'good-key', status: good },
  ]);

  it.each(cases)('$method $path with key $key is $status', async ({ method, path, key, status }) => {
    const headers = key === undefined ? {} : { authorization: `Bearer ${key}` };
    const received = await send(`${locked.url}${path}`, {
      method,
      headers,
      ...(method === 'POST' && { body: '{}' }),
    }).received;
    const body = await received.body();
    expect(received.status).toBe(status);
    expect(received.headers['x-request-id']).toMatch(/^req_0_/);
    if (status === 401) {
      expect(received.headers.connection).toBe('close');
      if (method !== 'HEAD')
        expect(JSON.parse(body)).toMatchObject({ error: { code: 'invalid_api_key', param: null } });
    }
  });

  it('has no route that the matrix leaves out', () => {
    const routes = locked.routes().map(({ method, path }) => `${method} ${path}`);
    const listed = MATRIX.map(({ method, path }) => `${method} ${path.replace('models/m', 'models/*')}`);
    expect(routes.sort()).toEqual(listed.sort());
  });

  it.each([undefined, 'Bearer anything', 'nonsense'])(
    'lets everybody in without applications: %s',
    async (authorization) => {
      const headers = authorization === undefined ? {} : { authorization };
      const received = await send(`${open.url}/v1/models`, { headers }).received;
      expect(received.status).toBe(200);
    },
  );

  it('answers 401 and closes without reading the body', async () => {
    // The body is announced but never sent: a server that waited for it would not answer.
    const answer = await sendRaw(
      locked.port,
      'POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9000000\r\n\r\n{"model',
    );
    expect(answer).toMatch(/^HTTP\/1\.1 401 /);
    expect(answer).toContain('"code":"invalid_api_key"');
  });

  it('never writes a key to the log', async () => {
    await (
      await send(`${locked.url}/v1/models`, { headers: { authorization: 'Bearer bad-key' } }).received
    ).body();
    await (await send(`${locked.url}/v1/models?key=bad-key`).received).body();
    await (await send(`${locked.url}/v1/bad-key`).received).body();
    const text = JSON.stringify(locked.logged());
    expect(text).toContain('invalid_api_key');
    expect(text).not.toMatch(/(bad|good)-key/);
  });
});
