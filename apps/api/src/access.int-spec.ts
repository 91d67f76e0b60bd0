import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { fetchAnswer, sendBytes } from '../../../test/support/client.js';
import { startRedis, type TestRedis } from '../../../test/support/redis.js';
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

/** A request that nobody has made. */
const UNKNOWN = '/v1/requests/req_0_01ARZ3NDEKTSV4RRFFQ69G5FAV';

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
  { method: 'POST', path: '/v1/completions', none: 401, bad: 401, good: 400 },
  { method: 'POST', path: '/v1/embeddings', none: 401, bad: 401, good: 400 },
  { method: 'POST', path: '/v1/moderations', none: 401, bad: 401, good: 400 },
  { method: 'POST', path: '/v1/rerank', none: 401, bad: 401, good: 400 },
  { method: 'GET', path: UNKNOWN, none: 401, bad: 401, good: 404 },
  { method: 'HEAD', path: UNKNOWN, none: 401, bad: 401, good: 404 },
  { method: 'DELETE', path: UNKNOWN, none: 401, bad: 401, good: 404 },
  { method: 'GET', path: `${UNKNOWN}/stream`, none: 401, bad: 401, good: 404 },
  { method: 'HEAD', path: `${UNKNOWN}/stream`, none: 401, bad: 401, good: 404 },
  { method: 'POST', path: `${UNKNOWN}/cancel`, none: 401, bad: 401, good: 404 },
] as const;

const CODES = { 200: undefined, 400: 'invalid_value', 401: 'invalid_api_key', 404: 'request_not_found' };

describe('access', () => {
  const cases = MATRIX.flatMap(({ method, path, none, bad, good }) => [
    { method, path, key: undefined, status: none },
    { method, path, key: 'bad-key', status: bad },
    { method, path, key: 'good-key', status: good },
  ]);

  it.each(cases)('$method $path with key $key is $status', async ({ method, path, key, status }) => {
    const headers = key === undefined ? {} : { authorization: `Bearer ${key}` };
    const answer = await fetchAnswer(`${locked.url}${path}`, {
      method,
      headers,
      ...(method === 'POST' && { body: '{}' }),
    });
    expect(answer.status).toBe(status);
    expect(answer.headers['x-request-id']).toMatch(/^req_0_/);
    expect(/"code":"(\w+)"/.exec(answer.text)?.[1]).toBe(method === 'HEAD' ? undefined : CODES[status]);
  });

  it('has no route that the matrix leaves out', () => {
    const routes = locked.routes().map(({ method, path }) => `${method} ${path}`);
    const listed = MATRIX.map(
      ({ method, path }) =>
        `${method} ${path.replace('models/m', 'models/*').replace(UNKNOWN, '/v1/requests/:id')}`,
    );
    expect(routes.sort()).toEqual(listed.sort());
  });

  it.each([undefined, 'Bearer anything', 'nonsense'])(
    'lets everybody in without applications: %s',
    async (authorization) => {
      const headers = authorization === undefined ? {} : { authorization };
      const answer = await fetchAnswer(`${open.url}/v1/models`, { headers });
      expect(answer.status).toBe(200);
    },
  );

  it('answers 401 and closes without reading the body', async () => {
    // The body is announced but never sent: a server that waited for it would not answer.
    const answer = await sendBytes(
      locked.url,
      'POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9000000\r\n\r\n{"model',
    );
    expect(answer).toMatch(/^HTTP\/1\.1 401 /);
    expect(answer).toContain('"code":"invalid_api_key"');
  });

  it('never writes a key to the log', async () => {
    await fetchAnswer(`${locked.url}/v1/models`, { headers: { authorization: 'Bearer bad-key' } });
    await fetchAnswer(`${locked.url}/v1/models?key=bad-key`);
    await fetchAnswer(`${locked.url}/v1/bad-key`);
    const text = JSON.stringify(locked.logged());
    expect(text).toContain('invalid_api_key');
    expect(text).not.toMatch(/(bad|good)-key/);
  });
});
