import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { fetchAnswer, sendBytes } from '../../../test/support/client.js';
import { startRedis, type TestRedis } from '../../../test/support/redis.js';
import { routerPath, type HttpRoute } from './http-route.js';
import { HTTP_ROUTES } from './http-routes.js';
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

/** Each route, by the table that the routes themselves are made from; HEAD is answered wherever GET is. */
const ROUTES = Object.values<HttpRoute>(HTTP_ROUTES).flatMap((route) =>
  route.method === 'GET' ? [route, { ...route, method: 'HEAD' as const }] : [route],
);

/** Whoever opens a route to all says so twice: in its row, and here. */
const OPEN_TO_ALL = ['/', '/docs', '/docs/{file}', '/healthz', '/metrics', '/openapi.json', '/readyz'];

const EXAMPLES: Readonly<Record<string, string>> = {
  model: 'm',
  file: 'start.js',
  // A request that nobody has made.
  id: 'req_0_01ARZ3NDEKTSV4RRFFQ69G5FAV',
};

function examplePath(path: string): string {
  return path.replace(/\{\+?(\w+)\}/g, (_, name: string) => EXAMPLES[name] ?? 'missing');
}

/** What shows that the route was reached: `{}` is no request, and there is none with that id. */
function reached({ body, path }: Pick<HttpRoute, 'body' | 'path'>): { status: number; code?: string } {
  if (body !== undefined) return { status: 400, code: 'invalid_value' };
  return path.includes('{id}') ? { status: 404, code: 'request_not_found' } : { status: 200 };
}

const REFUSED = { status: 401, code: 'invalid_api_key' };

describe('access', () => {
  const cases = ROUTES.flatMap((route) => {
    const { method, path, access } = route;
    const others = access === 'public' ? reached(route) : REFUSED;
    return [
      { method, path, key: undefined, ...others },
      { method, path, key: 'bad-key', ...others },
      { method, path, key: 'good-key', ...reached(route) },
    ];
  });

  it.each(cases)('$method $path with key $key is $status', async ({ method, path, key, status, code }) => {
    const headers = key === undefined ? {} : { authorization: `Bearer ${key}` };
    const answer = await fetchAnswer(`${locked.url}${examplePath(path)}`, {
      method,
      headers,
      ...(method === 'POST' && { body: '{}' }),
    });
    expect(answer.status).toBe(status);
    expect(answer.headers['x-request-id']).toMatch(/^req_0_/);
    // The document is full of such codes.
    const told = answer.status < 400 ? undefined : /"code":"(\w+)"/.exec(answer.text)?.[1];
    expect(told).toBe(method === 'HEAD' ? undefined : code);
  });

  it('has no route that is not in the table, and the other way round', () => {
    const routes = locked.routes().map(({ method, path }) => `${method} ${path}`);
    const declared = ROUTES.map(({ method, path }) => `${method} ${routerPath(path)}`);
    expect(routes.sort()).toEqual(declared.sort());
  });

  it('is open to all at these routes only', () => {
    const open = ROUTES.filter(({ method, access }) => method === 'GET' && access === 'public');
    expect(open.map(({ path }) => path).sort()).toEqual(OPEN_TO_ALL);
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
