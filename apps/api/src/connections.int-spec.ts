import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually, sendBytes, withDeadline } from '../../../test/support/client.js';
import { startRedis, type TestRedis } from '../../../test/support/redis.js';
import { startTestApi, type TestApi } from './testing/test-api.js';

let redis: TestRedis;
let api: TestApi;

beforeAll(async () => {
  redis = await startRedis();
  api = await startTestApi({
    redis: { url: redis.url, prefix: 'connections' },
    config: {
      server: { bodyLimitBytes: 2048, requestTimeoutMs: 3_000, headersTimeoutMs: 2_000, holdMs: 100 },
    },
  });
});

afterAll(async () => {
  await api.close();
  await redis.stop();
});

const chat = '/v1/chat/completions';
const messages = [{ role: 'user', content: 'Hello' }];

describe('a connection', () => {
  it('answers the requests in front of one that is none, and then closes the connection', async () => {
    const request = (stream: boolean): string => {
      const body = JSON.stringify({ model: 'm', stream, messages });
      return `POST ${chat} HTTP/1.1\r\nHost: a\r\ncontent-type: application/json\r\nx-spillway-timeout-ms: 800\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
    };
    let answers = '';
    const socket = connect(api.port, '127.0.0.1', () => socket.write(request(true) + request(false)));
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.setEncoding('utf8').on('data', (piece: string) => (answers += piece));
    await eventually(() => answers.includes(': queued') || undefined, 'the first heartbeat');
    socket.write('HELLO\r\n\r\n');
    socket.write('HELLO\r\n\r\n');
    await withDeadline(closed, 'the server to close the connection');
    // Nobody takes them: each ends at its deadline, the stream with an event.
    const ends = [expect.stringMatching(/ 200$/), expect.stringMatching(/ 50[34]$/)];
    expect(answers.match(/HTTP\/1\.1 \d+/g)).toEqual(ends);
    expect(answers).toMatch(/data: \{"error":.*\n\n\r\n0\r\n\r\nHTTP\/1\.1 50/s);
  });

  it('notices that a client has left whose next request was none', async () => {
    const body = JSON.stringify({ model: 'm', stream: true, messages });
    const head = `POST ${chat} HTTP/1.1\r\nHost: a\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`;
    let answer = '';
    const socket = connect(api.port, '127.0.0.1', () => socket.write(head + body));
    socket.setEncoding('utf8').on('data', (piece: string) => (answer += piece));
    const id = await eventually(() => /req_\w+/.exec(answer)?.[0], 'the head of the stream');
    socket.end('HELLO\r\n\r\n');
    const line = await eventually(
      () => api.logged().find(({ request, msg }) => request === id && msg === 'request'),
      'its end',
    );
    expect(line).toMatchObject({ outcome: 'client_gone' });
  });

  it.each([
    ['a path that is none', '/v1/nothing', 'content-length: #', 404],
    ['a body that is too large', chat, 'content-length: #', 413],
    ['another type', chat, 'content-type: text/plain\r\ncontent-length: #', 413],
    ['a bad host', chat, 'host: b\r\ncontent-length: #', 400],
    ['no chunks', chat, 'transfer-encoding: chunked', 400],
  ])('tells a client that still sends megabytes why it is refused: %s', async (_, path, headers, status) => {
    const body = 'x'.repeat(8_000_000);
    const head = `POST ${path} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n${headers.replace('#', String(body.length))}\r\n\r\n`;
    for (let times = 0; times < 5; times++) {
      const answer = await sendBytes(api.url, head + body);
      expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
      expect(answer).toMatch(/\}$/);
    }
  });

  it('gives a client that sends on all the answers that came before it closed the connection', async () => {
    const post = (more: string, body: string) =>
      `POST ${chat} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n${more}content-length: ${body.length}\r\n\r\n${body}`;
    const slow = post('x-spillway-timeout-ms: 800\r\n', JSON.stringify({ model: 'm', messages }));
    const large = 'GET /openapi.json HTTP/1.1\r\nhost: a\r\n\r\n';
    // Answered before its turn to be told to go on: behind such an answer Node closes the connection.
    const impatient = post('expect: 100-continue\r\n', '{');
    const socket = connect(api.port, '127.0.0.1', () => socket.write(slow + large + impatient));
    socket.on('error', () => undefined).pause();
    const closed = new Promise((resolve) => socket.once('close', resolve));
    await eventually(
      () => api.logged().find(({ outcome }) => outcome === 'invalid_json'),
      'the answer to the last request',
    );
    socket.write('GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n');
    let answers = '';
    socket.setEncoding('utf8').on('data', (piece: string) => (answers += piece));
    socket.resume();
    await withDeadline(closed, 'the end of the connection');
    const [, , whole = '', refusal = ''] = answers.split(/HTTP\/1\.1 (?=\d{3} )/);
    expect(JSON.parse(whole.slice(whole.indexOf('{')))).toMatchObject({ openapi: expect.any(String) });
    expect(refusal).toMatch(/^400 .*"code":"invalid_json"\}\}$/s);
  });

  it('does not wait for ever for a refused client to stop sending', async () => {
    const socket = connect({ port: api.port, host: '127.0.0.1', allowHalfOpen: true });
    let answer = '';
    socket.on('error', () => undefined).setEncoding('utf8');
    socket.on('data', (piece: string) => (answer += piece));
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.write(`POST /v1/nothing HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000\r\n\r\n`);
    const drip = setInterval(() => socket.write('x'), 50);
    await withDeadline(closed, 'the server to close the connection').finally(() => clearInterval(drip));
    expect(answer).toMatch(/^HTTP\/1\.1 404 /);
  });
});
