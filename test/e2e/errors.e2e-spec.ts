import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { fetchAnswer, jsonOf, sendBytes } from '../support/client.js';
import type { Answer, SendOptions } from '../support/client.js';
import { TestBroker } from '../support/start-broker.js';
import { startUpstream } from '../support/upstream.js';
import type { Upstream } from '../support/upstream.js';

const KEY = 'key-of-the-web-application';
const BODY_LIMIT = 4096;

let upstream: Upstream;
let broker: TestBroker;

beforeAll(async () => {
  upstream = await startUpstream();
  broker = await TestBroker.start({
    config: {
      server: { bodyLimitBytes: BODY_LIMIT, headersTimeoutMs: 700, requestTimeoutMs: 1_000 },
      providers: {
        box: { kind: 'openai-compatible', location: 'local', baseUrl: upstream.baseUrl, models: ['small'] },
      },
      models: { 'org/m': { targets: [{ provider: 'box' }] } },
      applications: { web: { apiKeys: ['${WEB_KEY}'] } },
    },
    env: { WEB_KEY: KEY },
    workers: 1,
  });
}, 30_000);

afterAll(async () => {
  await broker?.stop();
  await upstream?.close();
});

async function ask(path: string, { headers = {}, ...options }: SendOptions = {}): Promise<Answer> {
  return fetchAnswer(`${broker.url}${path}`, {
    ...options,
    headers: { authorization: `Bearer ${KEY}`, ...headers },
  });
}

/** Status and error; that all four keys are there, and the id. */
function errorOf(reply: Answer) {
  const { error } = jsonOf(reply);
  expect(Object.keys(error ?? {}).toSorted()).toEqual(['code', 'message', 'param', 'type']);
  expect(reply.headers).toMatchObject({
    'x-request-id': expect.stringMatching(/^req_0_[0-9A-Z]{26}$/),
    'content-type': 'application/json; charset=utf-8',
  });
  return { status: reply.status, code: error?.code, param: error?.param, type: error?.type };
}

const MESSAGES = [{ role: 'user', content: 'Hi' }];
const GOOD = { model: 'org/m', messages: MESSAGES };

const deep = (levels: number) => `{"model":"org/m","x":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}`;

const unreadable: readonly { what: string; body: string | Buffer; message: RegExp }[] = [
  { what: 'an empty body', body: '', message: /empty/ },
  { what: 'half an object', body: '{"model":"org/m","messages":[', message: /JSON/ },
  { what: 'no JSON', body: 'model=org/m', message: /JSON/ },
  { what: 'two objects', body: '{}{}', message: /JSON/ },
  { what: 'a list', body: '[]', message: /object/ },
  { what: 'a text', body: '"hello"', message: /object/ },
  { what: 'null', body: 'null', message: /object/ },
  { what: '65 levels', body: deep(65), message: /64 levels/ },
  { what: 'two thousand levels', body: deep(2_000), message: /64 levels/ },
  {
    what: 'bytes that are not UTF-8',
    body: Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]),
    message: /UTF-8/,
  },
];

const wrong: readonly { what: string; body: object; param: string }[] = [
  { what: 'no model', body: { messages: MESSAGES }, param: 'model' },
  { what: 'an empty model', body: { ...GOOD, model: '' }, param: 'model' },
  { what: 'a number as model', body: { ...GOOD, model: 5 }, param: 'model' },
  { what: 'no messages', body: { model: 'org/m' }, param: 'messages' },
  { what: 'empty messages', body: { ...GOOD, messages: [] }, param: 'messages' },
  { what: 'messages that are a text', body: { ...GOOD, messages: 'Hi' }, param: 'messages' },
  { what: 'a message that is a text', body: { ...GOOD, messages: ['Hi'] }, param: 'messages[0]' },
  { what: 'stream as a text', body: { ...GOOD, stream: 'true' }, param: 'stream' },
  { what: 'stream_options as a list', body: { ...GOOD, stream_options: [] }, param: 'stream_options' },
  {
    what: 'include_usage as a number',
    body: { ...GOOD, stream: true, stream_options: { include_usage: 1 } },
    param: 'stream_options.include_usage',
  },
  { what: 'n of 0', body: { ...GOOD, n: 0 }, param: 'n' },
  { what: 'half an n', body: { ...GOOD, n: 1.5 }, param: 'n' },
];

describe('a body that cannot be read', () => {
  it.each(unreadable)('is 400 invalid_json: $what', async ({ body, message }) => {
    const reply = await ask('/v1/chat/completions', { body });
    expect(errorOf(reply)).toEqual({
      status: 400,
      code: 'invalid_json',
      param: null,
      type: 'invalid_request_error',
    });
    expect(jsonOf(reply).error?.message).toMatch(message);
  });

  it('is readable at 64 levels', async () => {
    // It gets as far as the check of its members.
    const reply = await ask('/v1/chat/completions', { body: deep(64) });
    expect(errorOf(reply)).toMatchObject({ code: 'invalid_value', param: 'messages' });
  });
});

describe('a member that is wrong', () => {
  it.each(wrong)('is 400 invalid_value with its name: $what', async ({ body, param }) => {
    const reply = await ask('/v1/chat/completions', { body });
    expect(errorOf(reply)).toEqual({
      status: 400,
      code: 'invalid_value',
      param,
      type: 'invalid_request_error',
    });
  });

  it.each(['soon', '0', '-1', '99', '1.5'])('is 400: x-spillway-timeout-ms of %s', async (value) => {
    const reply = await ask('/v1/chat/completions', {
      body: GOOD,
      headers: { 'x-spillway-timeout-ms': value },
    });
    expect(errorOf(reply)).toMatchObject({
      status: 400,
      code: 'invalid_value',
      param: 'x-spillway-timeout-ms',
    });
  });
});

describe('what is not here', () => {
  it.each(['nobody', 'org/nobody', 'constructor', '__proto__'])(
    'is a 404 that lists what is: model %s',
    async (model) => {
      for (const reply of [
        await ask('/v1/chat/completions', { body: { ...GOOD, model } }),
        await ask(`/v1/models/${model}`),
      ]) {
        expect(errorOf(reply)).toEqual({
          status: 404,
          code: 'model_not_found',
          param: 'model',
          type: 'invalid_request_error',
        });
        expect(jsonOf(reply).error?.message).toContain('org/m');
      }
    },
  );

  it.each([
    { method: 'GET', path: '/v1/nothing' },
    { method: 'POST', path: '/chat/completions' },
    { method: 'POST', path: '/v1/chat/completions/more' },
  ])('is a 404: $method $path', async ({ method, path }) => {
    const reply = await ask(path, { method, ...(method === 'POST' && { body: GOOD }) });
    expect(errorOf(reply)).toMatchObject({ status: 404, code: 'not_found' });
    expect(jsonOf(reply).error?.message).toContain(`${method} ${path}`);
  });

  it.each([
    { method: 'GET', path: '/v1/chat/completions', allow: 'POST' },
    { method: 'PUT', path: '/v1/chat/completions', allow: 'POST' },
    { method: 'DELETE', path: '/v1/models', allow: 'GET, HEAD' },
    { method: 'POST', path: '/v1/models', allow: 'GET, HEAD' },
  ])('is a 405 with Allow: $method $path', async ({ method, path, allow }) => {
    const reply = await ask(path, { method });
    expect(errorOf(reply)).toMatchObject({ status: 405, code: 'method_not_allowed' });
    expect(reply.headers.allow).toBe(allow);
  });
});

describe('a body of another kind', () => {
  it.each([
    { 'content-type': 'text/plain' },
    { 'content-type': 'application/x-www-form-urlencoded' },
    { 'content-type': 'multipart/form-data; boundary=x' },
    { 'content-encoding': 'gzip' },
  ])('is 415: %s', async (headers) => {
    const reply = await ask('/v1/chat/completions', { body: JSON.stringify(GOOD), headers });
    expect(errorOf(reply)).toMatchObject({ status: 415, code: 'unsupported_media_type' });
  });

  it('is taken with a charset in its type', async () => {
    const headers = { 'content-type': 'application/json; charset=utf-8' };
    expect(errorOf(await ask('/v1/chat/completions', { body: {}, headers }))).toMatchObject({
      param: 'model',
    });
  });

  it.each([{}, { 'transfer-encoding': 'chunked' }])('is 413 where it is too large: %s', async (headers) => {
    const body = JSON.stringify({ ...GOOD, padding: 'x'.repeat(BODY_LIMIT) });
    const sent =
      'transfer-encoding' in headers ? await chunked(body) : await ask('/v1/chat/completions', { body });
    expect(typeof sent === 'string' ? sent.slice(0, 12) : `HTTP/1.1 ${sent.status}`).toBe('HTTP/1.1 413');
    const text = typeof sent === 'string' ? sent : sent.text;
    expect(text).toContain('"code":"request_too_large"');
    expect(text).toContain('4 KiB');
  });
});

/** Sends a body without saying how long it is. */
async function chunked(body: string): Promise<string> {
  const head = `POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${KEY}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n`;
  return sendBytes(broker.url, `${head}${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`);
}

describe('a request without a good key', () => {
  const keys = [undefined, 'Bearer', 'Bearer wrong', `Bearer ${KEY}x`, `Basic ${KEY}`, KEY, 'Bearer '];

  it.each(keys)('is 401 and the connection closes: authorization %s', async (authorization) => {
    for (const [path, body] of [
      ['/v1/chat/completions', GOOD],
      ['/v1/models', undefined],
    ] as const) {
      const reply = await fetchAnswer(`${broker.url}${path}`, {
        ...(body && { body }),
        headers: authorization === undefined ? {} : { authorization },
      });
      expect(errorOf(reply)).toEqual({
        status: 401,
        code: 'invalid_api_key',
        param: null,
        type: 'invalid_request_error',
      });
      expect(reply.headers.connection).toBe('close');
    }
  });

  it('is refused before its body was read', async () => {
    // The rest of the body never comes: a server that waited for it could not answer.
    const head = 'POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n';
    const answer = await sendBytes(broker.url, `${head}Content-Length: 1000000\r\n\r\n{"model":`);
    expect(answer).toMatch(/^HTTP\/1\.1 401 /);
    expect(answer).toMatch(/\r\nconnection: close\r\n/i);
    expect(answer).toMatch(/\r\nx-request-id: req_0_/i);
    expect(answer).toContain('"code":"invalid_api_key"');
  });
});

describe('what is no proper HTTP request', () => {
  const auth = `Authorization: Bearer ${KEY}\r\n`;

  it.each([
    {
      what: 'two hosts',
      bytes: `GET /v1/models HTTP/1.1\r\nHost: a\r\nHost: b\r\n${auth}\r\n`,
      status: 400,
      code: 'invalid_value',
    },
    { what: 'no host', bytes: `GET /v1/models HTTP/1.1\r\n${auth}\r\n`, status: 400, code: 'invalid_value' },
    {
      what: 'another protocol',
      bytes: '\u0016\u0003\u0001 hello\r\n\r\n',
      status: 400,
      code: 'invalid_value',
    },
    {
      what: 'huge headers',
      bytes: `GET /v1/models HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(40_000)}\r\n\r\n`,
      status: 431,
      code: 'headers_too_large',
    },
    {
      what: 'headers that do not end',
      bytes: 'GET /v1/models HTTP/1.1\r\nHost: a\r\n',
      status: 408,
      code: 'request_timeout',
    },
    {
      what: 'a body that does not end',
      bytes: `POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\n${auth}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{`,
      status: 408,
      code: 'request_timeout',
    },
  ])('is $status $code with an id, and the connection closes: $what', async ({ bytes, status, code }) => {
    const answer = await sendBytes(broker.url, bytes);
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(answer).toMatch(/\r\nx-request-id: req_0_/i);
    const { error } = JSON.parse(answer.slice(answer.indexOf('{'))) as { error: object };
    expect(error).toMatchObject({ code, type: 'invalid_request_error', message: expect.any(String) });
  });
});

describe('none of all these', () => {
  it('reached a provider; a good one does', async () => {
    expect(upstream.calls).toHaveLength(0);
    expect((await ask('/v1/chat/completions', { body: GOOD })).status).toBe(200);
    expect(upstream.calls).toHaveLength(1);
  });
});
