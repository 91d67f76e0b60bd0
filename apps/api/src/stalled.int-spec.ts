import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually, fetchAnswer } from '../../../test/support/client.js';
import { startRedis, type TestRedis } from '../../../test/support/redis.js';
import { HandWorker } from './testing/hand-worker.js';
import { startTestApi, type TestApi } from './testing/test-api.js';

/** Longer than a busy machine takes for the large answer; a client that reads is never without bytes for so long. */
const STALL_MS = 2_000;
/** More than the buffers between the two ends of a connection hold. */
const LARGE = `data: ${'x'.repeat(16 * 1024 * 1024)}\n\n`;

let redis: TestRedis;
let box: HandWorker;
let api: TestApi;

beforeAll(async () => {
  redis = await startRedis();
  const at = { url: redis.url, prefix: 'stalled' };
  box = new HandWorker(at, 'box');
  api = await startTestApi({ redis: at, stallMs: STALL_MS });
});

afterAll(async () => {
  await api?.close();
  await box?.close();
  await redis?.stop();
});

/** Sends a request and reads nothing. */
async function ask(stream: boolean, headers = ''): Promise<Socket> {
  // Right after an answer of this size, Redis may have been too busy on a small machine to count as there.
  const isReady = async () => (await fetchAnswer(`${api.url}/readyz`)).status === 200 || undefined;
  await eventually(isReady, 'the api to be ready');
  const body = JSON.stringify({ model: 'm', stream, messages: [{ role: 'user', content: 'Hello' }] });
  const head = `POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\ncontent-type: application/json\r\n${headers}content-length: ${body.length}\r\n\r\n`;
  const socket = connect(api.port, '127.0.0.1', () => socket.write(head + body));
  socket.on('error', () => undefined).pause();
  return socket;
}

/** Asks for a whole answer; nobody takes it, so it ends at its deadline. */
function slowRequest(): string {
  const body = JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'Hello' }] });
  return `POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\ncontent-type: application/json\r\nx-spillway-timeout-ms: ${3 * STALL_MS}\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
}

/** The log line of the request, once it is over. */
async function ending(request: string): Promise<Record<string, unknown>> {
  return eventually(
    () => api.logged().find((line) => line['request'] === request && line['msg'] === 'request'),
    'the end of the request',
  );
}

describe('a client that reads nothing', () => {
  it.each([
    { what: 'a whole answer', stream: false },
    { what: 'a stream', stream: true },
  ])('is cut off in $what', async ({ stream }) => {
    const socket = await ask(stream);
    const run = await box.next();
    await run.complete(LARGE);
    expect(await ending(run.request)).toMatchObject({ outcome: 'client_gone', status: 200 });
    expect(api.buffered()).toEqual([]);
    socket.destroy();
  });

  it('may come back for the rest of a kept stream, whose memory it was never given', async () => {
    const socket = await ask(true, 'x-spillway-on-disconnect: continue\r\n');
    const run = await box.next();
    const frames = Array.from({ length: 60 }, (_, at) => `data: ${at} ${'x'.repeat(200_000)}\n\n`);
    let most = 0;
    for (const frame of frames) {
      await run.append(frame);
      most = Math.max(most, ...api.buffered());
    }
    expect(await ending(run.request)).toMatchObject({ outcome: 'client_gone', status: 200 });
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThan(1_048_576);
    socket.destroy();
    expect(await run.renew()).toBe('ok');
    await run.complete('data: [DONE]\n\n');
    const rest = await fetchAnswer(`${api.url}/v1/requests/${run.request}/stream?starting_after=1-1.1`);
    const expected = [...frames.slice(1), 'data: [DONE]\n\n'].map(
      (frame, at) => `id: 1-${at + 2}.1\n${frame}`,
    );
    expect(rest.text).toBe(expected.join(''));
  });

  it.each([false, true])('is told apart from one that reads slowly (stream: %s)', async (stream) => {
    const socket = await ask(stream);
    const run = await box.next();
    await run.complete(LARGE);
    let length = 0;
    const reading = setInterval(() => {
      length += (socket.read() as Buffer | null)?.length ?? 0;
    }, 5);
    const end = await ending(run.request).finally(() => clearInterval(reading));
    socket.destroy();
    expect(end).toMatchObject({ outcome: 'ok', status: 200 });
    expect(length).toBeGreaterThan(LARGE.length / 2);
  });
});

describe('a client that waits for longer than that', () => {
  const probe = 'GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n';

  it.each([
    { what: 'behind an answered request', isPipelined: false },
    { what: 'behind a pipelined request', isPipelined: true },
  ])('keeps its connection $what', async ({ isPipelined }) => {
    let answers = '';
    const socket = connect(api.port, '127.0.0.1', () =>
      socket.write(isPipelined ? probe + slowRequest() : probe),
    );
    const wait = (status: string) => eventually(() => answers.includes(status) || undefined, status);
    socket.setEncoding('utf8').on('data', (piece: string) => (answers += piece));
    if (!isPipelined) {
      await wait(' 200 OK');
      socket.write(slowRequest());
    }
    // The sweeper says that no worker came (503); where it is late, the api itself that the deadline has passed (504).
    await wait('HTTP/1.1 50');
    expect(answers.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', expect.stringMatching(/50[34]$/)]);
    socket.destroy();
  });
});
