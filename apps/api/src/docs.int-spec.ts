import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { fetchAnswer, jsonOf, type Answer } from '../../../test/support/client.js';
import { startRedis, type TestRedis } from '../../../test/support/redis.js';
import { startTestApi, type TestApi } from './testing/test-api.js';

let redis: TestRedis;
let api: TestApi;

beforeAll(async () => {
  redis = await startRedis();
  api = await startTestApi({ redis: { url: redis.url, prefix: 'docs' } });
});

afterAll(async () => {
  await api.close();
  await redis.stop();
});

const get = (path: string, method = 'GET'): Promise<Answer> => fetchAnswer(`${api.url}${path}`, { method });

describe('/openapi.json', () => {
  it('has every route of the server, and the server has every route of it', async () => {
    const answer = await get('/openapi.json');
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
    const { paths } = jsonOf(answer) as unknown as { paths: Record<string, object> };
    const described = Object.entries(paths).flatMap(([path, item]) =>
      Object.keys(item).map((method) => `${method.toUpperCase()} ${path.replace(/\{\w+\}/g, '{}')}`),
    );
    // The router's way to write a parameter.
    const served = api.routes().map(({ method, path }) => `${method} ${path.replace(/:\w+|\*$/g, '{}')}`);
    expect(served.filter((route) => !route.startsWith('HEAD ')).sort()).toEqual(described.sort());
    const heads = served.filter((route) => route.startsWith('HEAD ')).map((route) => route.slice(5));
    const gets = served.filter((route) => route.startsWith('GET ')).map((route) => route.slice(4));
    expect(heads.sort()).toEqual(gets.sort());
  });

  it('is the same each time', async () => {
    expect((await get('/openapi.json')).text).toBe((await get('/openapi.json')).text);
  });
});

describe('/docs', () => {
  it('is where the same with a slash leads', async () => {
    const answer = await get('/docs/');
    expect(answer).toMatchObject({ status: 308, headers: { location: '../docs' } });
    const page = await get(new URL('../docs', `${api.url}/docs/`).pathname);
    expect(page.headers['content-type']).toBe('text/html; charset=utf-8');
  });

  it.each([
    ['start.js', 'application/javascript; charset=utf-8', 100],
    ['swagger-ui.css', 'text/css; charset=utf-8', 100_000],
    ['swagger-ui-bundle.js', 'application/javascript; charset=utf-8', 1_000_000],
    ['favicon-32x32.png', 'image/png', 500],
  ])('has %s', async (file, type, least) => {
    const answer = await get(`/docs/${file}`);
    expect(answer.status).toBe(200);
    expect(answer.headers).toMatchObject({ 'content-type': type, 'x-content-type-options': 'nosniff' });
    expect(answer.body.length).toBeGreaterThan(least);
    const head = await get(`/docs/${file}`, 'HEAD');
    expect(head.headers['content-length']).toBe(String(answer.body.length));
    expect(head.body).toHaveLength(0);
  });

  it.each([
    'package.json',
    'index.html',
    'constructor',
    '..%2Fpackage.json',
    '%2e%2e%2fswagger-ui-dist%2fswagger-ui.css',
    'swagger-ui.css%00',
  ])('has nothing else: %s', async (file) => {
    const answer = await get(`/docs/${file}`);
    expect(answer.status).toBe(404);
    expect(jsonOf(answer)).toMatchObject({ error: { code: 'not_found' } });
  });

  it('takes no other method', async () => {
    for (const path of ['/docs', '/docs/start.js', '/openapi.json']) {
      const answer = await get(path, 'POST');
      expect(answer.status).toBe(405);
      expect(answer.headers.allow).toBe('GET, HEAD');
    }
  });
});
