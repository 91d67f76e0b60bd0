import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  eventually,
  fetchAnswer,
  jsonOf,
  sendBytes,
  withDeadline,
  type SendOptions,
} from '../../../test/support/client.js';
import { startRedis, type TestRedis } from '../../../test/support/redis.js';
import { startTestApi, type TestApi } from './testing/test-api.js';

let redis: TestRedis;
let api: TestApi;

beforeAll(async () => {
  redis = await startRedis();
  api = await startTestApi({
    redis: { url: redis.url, prefix: 'edge' },
    config: { server: { bodyLimitBytes: 2048, requestTimeoutMs: 600, headersTimeoutMs: 300, holdMs: 100 } },
  });
});

afterAll(async () => {
  await api.close();
  await redis.stop();
});

interface Refusal extends SendOptions {
  readonly title: string;
  readonly path: string;
  readonly status: number;
  readonly code: string;
  readonly param?: string;
}

const chat = '/v1/chat/completions';
const messages = [{ role: 'user', content: 'Hello' }];
const json = { 'content-type': 'application/json' };

const REFUSALS: readonly Refusal[] = [
  { title: 'an unknown path', path: '/v1/nothing', status: 404, code: 'not_found' },
  {
    title: 'an unknown path with a body',
    path: '/v1/nothing',
    body: 'x'.repeat(5000),
    status: 404,
    code: 'not_found',
  },
  { title: 'a path that only begins like one', path: '/v1/modelsx', status: 404, code: 'not_found' },
  {
    title: 'an unknown model in the path',
    path: '/v1/models/none/such',
    status: 404,
    code: 'model_not_found',
    param: 'model',
  },
  { title: 'a broken escape in the path', path: '/v1/models/%zz', status: 404, code: 'not_found' },
  { title: 'the wrong method', path: chat, status: 405, code: 'method_not_allowed' },
  {
    title: 'the wrong method with a body',
    path: '/v1/models',
    body: '{}',
    status: 405,
    code: 'method_not_allowed',
  },
  {
    title: 'a method nobody has',
    path: '/v1/models',
    method: 'DELETE',
    status: 405,
    code: 'method_not_allowed',
  },
  { title: 'no body', path: chat, method: 'POST', status: 400, code: 'invalid_json' },
  { title: 'an empty body', path: chat, headers: json, body: '', status: 400, code: 'invalid_json' },
  { title: 'broken JSON', path: chat, body: '{"model":', status: 400, code: 'invalid_json' },
  { title: 'a JSON array', path: chat, body: '[]', status: 400, code: 'invalid_json' },
  { title: 'deep JSON', path: chat, body: '['.repeat(900), status: 400, code: 'invalid_json' },
  {
    title: 'another content type',
    path: chat,
    headers: { 'content-type': 'text/plain' },
    body: 'x',
    status: 415,
    code: 'unsupported_media_type',
  },
  {
    title: 'a content type that is none',
    path: chat,
    headers: { 'content-type': '///' },
    body: 'x',
    status: 415,
    code: 'unsupported_media_type',
  },
  {
    title: 'an encoded body',
    path: chat,
    headers: { ...json, 'content-encoding': 'gzip' },
    body: 'x',
    status: 415,
    code: 'unsupported_media_type',
  },
  {
    title: 'a body above the limit',
    path: chat,
    body: 'x'.repeat(2049),
    status: 413,
    code: 'request_too_large',
  },
  {
    title: 'a member of the wrong type',
    path: chat,
    body: { model: 7, messages },
    status: 400,
    code: 'invalid_value',
    param: 'model',
  },
  {
    title: 'an unknown model',
    path: chat,
    body: { model: 'none', messages },
    status: 404,
    code: 'model_not_found',
    param: 'model',
  },
  {
    title: 'an address in the body',
    path: chat,
    body: { model: 'm', messages, base_url: 'http://x' },
    status: 400,
    code: 'invalid_value',
    param: 'base_url',
  },
  {
    title: 'a timeout that is no number',
    path: chat,
    headers: { ...json, 'x-spillway-timeout-ms': 'soon' },
    body: { model: 'm', messages },
    status: 400,
    code: 'invalid_value',
    param: 'x-spillway-timeout-ms',
  },
];

describe('the edge', () => {
  it.each(REFUSALS)('refuses $title with $status $code', async ({ path, status, code, param, ...rest }) => {
    const answer = await fetchAnswer(`${api.url}${path}`, rest);
    const body = jsonOf(answer);
    expect(answer.status).toBe(status);
    expect(Object.keys(body)).toEqual(['error']);
    expect(Object.keys(body.error ?? {}).sort()).toEqual(['code', 'message', 'param', 'type']);
    expect(body).toMatchObject({ error: { code, param: param ?? null, type: 'invalid_request_error' } });
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(answer.headers['x-request-id']).toMatch(/^req_0_[0-9A-Z]{26}$/);
    const methods = path === chat ? 'POST' : 'GET, HEAD';
    expect(answer.headers.allow).toBe(status === 405 ? methods : undefined);
  });

  it('says where what is asked for is, if the base URL lacks its end', async () => {
    const { status, text } = await fetchAnswer(`${api.url}/chat/completions`, {
      body: { model: 'm', messages },
    });
    expect([status, text]).toEqual([404, expect.stringContaining('it is at /v1/chat/completions, so let')]);
    const other = await fetchAnswer(`${api.url}/completions/chat`, { body: {} });
    expect(other.text).toContain('at POST /completions/chat."');
  });

  it.each([
    ['two Host headers', 'GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', 400, 'invalid_value'],
    ['the same Host twice', 'GET /healthz HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n', 400, 'invalid_value'],
    ['no Host header', 'GET /healthz HTTP/1.1\r\n\r\n', 400, 'invalid_value'],
    ['an expectation', 'GET /healthz HTTP/1.1\r\nHost: a\r\nExpect: banana\r\n\r\n', 400, 'invalid_value'],
    ['what is no HTTP', 'HELLO\r\n\r\n', 400, 'invalid_value'],
    [
      'headers above 16 KiB',
      `GET /healthz HTTP/1.1\r\nHost: a\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`,
      431,
      'headers_too_large',
    ],
    ['headers that never end', 'GET /healthz HTTP/1.1\r\nHost: a\r\n', 408, 'request_timeout'],
    [
      'a body that never comes',
      `POST ${chat} HTTP/1.1\r\nHost: a\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{`,
      408,
      'request_timeout',
    ],
    [
      'a chunked body above the limit',
      `POST ${chat} HTTP/1.1\r\nHost: a\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n900\r\n${'x'.repeat(0x900)}\r\n`,
      413,
      'request_too_large',
    ],
  ])('refuses %s and closes the connection', async (_, text, status, code) => {
    const answer = await sendBytes(api.url, text);
    const [head = '', body = ''] = answer.split('\r\n\r\n');
    expect(head).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(head).toMatch(/\r\nx-request-id: req_0_/);
    expect(head.toLowerCase()).toContain('\r\nconnection: close');
    expect(JSON.parse(body)).toMatchObject({ error: { code, type: 'invalid_request_error' } });
  });

  it('keeps a connection open between requests', async () => {
    let answers = '';
    const socket = connect(api.port, '127.0.0.1');
    const second = new Promise<void>((resolve) => {
      socket.setEncoding('utf8').on('data', (piece: string) => {
        answers += piece;
        const count = answers.split('HTTP/1.1 200').length - 1;
        if (count === 1 && !answers.includes('sent'))
          socket.write('GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n');
        if (count === 2) resolve();
      });
    });
    socket.write('GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n');
    await withDeadline(second, 'the second answer');
    socket.destroy();
    expect(answers).toContain('Keep-Alive: timeout=75');
  });

  it('lists the models and describes one, with slashes written either way', async () => {
    const list = jsonOf(await fetchAnswer(`${api.url}/v1/models`));
    expect(list).toEqual({
      object: 'list',
      data: [
        { id: 'm', object: 'model', created: expect.any(Number), owned_by: 'box' },
        { id: 'org/with-slash', object: 'model', created: expect.any(Number), owned_by: 'box' },
      ],
    });
    for (const path of ['org/with-slash', 'org%2Fwith-slash']) {
      expect(jsonOf(await fetchAnswer(`${api.url}/v1/models/${path}`))).toMatchObject({
        id: 'org/with-slash',
        object: 'model',
      });
    }
  });

  it('takes a client that leaves in the middle of its upload for gone, not for an error', async () => {
    const socket = connect(api.port, '127.0.0.1');
    const head = `POST ${chat} HTTP/1.1\r\nHost: a\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{`;
    await new Promise<void>((resolve) => socket.write(head, () => resolve()));
    const gone = () => api.logged().filter(({ outcome }) => outcome === 'client_gone');
    expect(gone()).toEqual([]);
    socket.destroy();
    await eventually(() => gone()[0], 'the log line');
    expect(gone()).toEqual([expect.objectContaining({ route: chat, level: 30 })]);
    expect(api.logged().filter(({ level }) => Number(level) >= 40)).toEqual([]);
  });

  it('writes one line about each request, without its path', async () => {
    const { headers } = await fetchAnswer(`${api.url}/v1/secret-path?and=query`);
    const id = headers['x-request-id'];
    const lines = api.logged().filter(({ request }) => request === id);
    expect(lines).toEqual([
      expect.objectContaining({
        method: 'GET',
        status: 404,
        outcome: 'not_found',
        totalMs: expect.any(Number),
      }),
    ]);
    expect(JSON.stringify(api.logged())).not.toMatch(/secret-path|query/);
  });
});
