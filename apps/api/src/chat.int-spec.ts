import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually, fetchAnswer, jsonOf, send, type HttpCall } from '../../../test/support/client.js';
import { startRedis, type TestRedis } from '../../../test/support/redis.js';
import { HandWorker } from './testing/hand-worker.js';
import { startTestApi, type TestApi } from './testing/test-api.js';

let redis: TestRedis;
let api: TestApi;
let box: HandWorker;

const body = { model: 'm', messages: [{ role: 'user', content: 'a prompt that is nobody else’s business' }] };

beforeAll(async () => {
  redis = await startRedis();
  const keyspace = { url: redis.url, prefix: 'chat' };
  api = await startTestApi({ redis: keyspace, config: { server: { holdMs: 60_000 } } });
  box = new HandWorker(keyspace, 'box');
});

afterAll(async () => {
  await box.close();
  await api.close();
  await redis.stop();
});

const open: HttpCall[] = [];

afterEach(() => {
  for (const call of open.splice(0)) call.leave();
});

function chat(more: object = {}): HttpCall {
  const call = send(`${api.url}/v1/chat/completions`, { body: { ...body, ...more } });
  open.push(call);
  return call;
}

/** The log line of a request, once it is there. */
function lineOf(request: string): Promise<Record<string, unknown>> {
  return eventually(
    () => api.logged().find((line) => line['request'] === request),
    `the log line of ${request}`,
  );
}

/** Resolves once the first frame has come. */
async function firstFrame(call: HttpCall): Promise<void> {
  await call.waitForItem(({ kind }) => kind === 'event', 'the first frame');
}

describe('a whole answer', () => {
  it('is the bytes of the last frame, with a length and the route headers', async () => {
    const call = chat();
    const run = await box.next();
    expect(run.claim).toMatchObject({ model: 'm', stream: false, includeUsage: false, application: null });
    expect(run.claim.targets.map(({ provider }) => provider)).toEqual(['box', 'cloud']);
    expect(JSON.parse(run.claim.body.toString())).toEqual(body);
    await run.complete('{"id":  "kept as it is", "n": 1.0}');
    expect(await call.answer()).toMatchObject({
      status: 200,
      text: '{"id":  "kept as it is", "n": 1.0}',
      headers: { 'content-type': 'application/json', 'content-length': '34', ...routeHeaders(run.request) },
    });
  });

  it('has nothing of a run that was lost', async () => {
    const call = chat();
    const lost = await box.next();
    await lost.append('{"half of');
    const again = await lost.takeOver();
    await again.complete('{"whole":true}');
    expect((await call.answer()).text).toBe('{"whole":true}');
  });

  it('is a real error when the request failed', async () => {
    const call = chat();
    const run = await box.next();
    await run.fail('upstream_error', { trail: 'box: 503', model: 'm' });
    const answer = await call.answer();
    expect(answer).toMatchObject({
      status: 502,
      headers: { 'x-should-retry': 'false', 'x-request-id': run.request },
    });
    expect(jsonOf(answer)).toEqual({
      error: {
        message: 'Every provider that could serve m failed: box: 503.',
        type: 'upstream_error',
        param: null,
        code: 'upstream_error',
      },
    });
  });

  it('carries a large body whole, byte for byte', async () => {
    const content = 'é🦙'.repeat(800_000);
    const text = `{ "model":"m",  "messages":[{"role":"user","content":"${content}"}], "seed": 1e2 }`;
    const call = send(`${api.url}/v1/chat/completions`, {
      body: text,
      headers: { 'content-type': 'application/json' },
    });
    const run = await box.next();
    expect(run.claim.body.equals(Buffer.from(text))).toBe(true);
    await run.complete(text);
    expect((await call.answer()).body.equals(Buffer.from(text))).toBe(true);
  });
});

describe('a stream', () => {
  it('is the frames, verbatim and in order, with the head of an event stream', async () => {
    const call = chat({ stream: true, stream_options: { include_usage: true } });
    const run = await box.next();
    expect(run.claim).toMatchObject({ stream: true, includeUsage: true });
    await run.append('data: {"a":1}\n\n');
    await firstFrame(call);
    expect(call.status).toBe(200);
    expect(call.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
      ...routeHeaders(run.request),
    });
    await run.append('data: not even JSON\n\n');
    await run.complete('data: {"z":9}\n\ndata: [DONE]\n\n');
    expect(await call.answer()).toMatchObject({
      text: 'data: {"a":1}\n\ndata: not even JSON\n\ndata: {"z":9}\n\ndata: [DONE]\n\n',
      whole: true,
    });
  });

  it('is a real error when nothing was sent before the failure', async () => {
    const call = chat({ stream: true });
    await (await box.next()).fail('rate_limit_exceeded', { model: 'm', seconds: 7 });
    const answer = await call.answer();
    expect(answer).toMatchObject({
      status: 429,
      headers: { 'retry-after': '7', 'content-type': 'application/json; charset=utf-8' },
    });
    expect(jsonOf(answer)).toMatchObject({
      error: { code: 'rate_limit_exceeded', type: 'rate_limit_error' },
    });
  });

  it('ends in a data error without [DONE] when it failed after output', async () => {
    const call = chat({ stream: true });
    const run = await box.next();
    await run.append('data: {"a":1}\n\n');
    await firstFrame(call);
    await run.fail('stream_interrupted', { provider: 'box', reason: 'the connection broke' });
    const { events, items, whole } = await call.answer();
    expect(items).toHaveLength(2);
    expect(events[0]).toBe('{"a":1}');
    expect(JSON.parse(events[1] ?? '')).toEqual({
      error: {
        message: 'The answer of box broke off: the connection broke.',
        type: 'upstream_error',
        param: null,
        code: 'stream_interrupted',
      },
    });
    expect(whole).toBe(true);
    expect(await lineOf(run.request)).toMatchObject({
      status: 200,
      outcome: 'stream_interrupted',
      provider: 'box',
    });
  });

  it('waits for a client that reads slowly, buffers next to nothing and loses nothing', async () => {
    const socket = connect(api.port, '127.0.0.1');
    const payload = JSON.stringify({ ...body, stream: true });
    const head = `POST /v1/chat/completions HTTP/1.0\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(payload)}\r\n\r\n`;
    socket.write(head + payload);
    const run = await box.next();
    const frames = Array.from({ length: 300 }, (_, i) => `data: ${i} ${'x'.repeat(100_000)}\n\n`);
    for (const frame of frames) await run.append(frame);
    await run.complete('data: [DONE]\n\n');
    const blocked = () => Math.max(...api.buffered()) || undefined;
    expect(await eventually(blocked, 'the connection to be full')).toBeLessThan(1_048_576);
    let answer = '';
    socket.setEncoding('utf8').on('data', (piece: string) => (answer += piece));
    await once(socket, 'close');
    expect(answer.slice(answer.indexOf('\r\n\r\n') + 4)).toBe(`${frames.join('')}data: [DONE]\n\n`);
  });

  it('does not mix 50 requests that run at once', async () => {
    const calls = Array.from({ length: 50 }, (_, i) => chat({ stream: true, user: `caller ${i}` }));
    const served = calls.map(async () => {
      const run = await box.next();
      const { user } = JSON.parse(run.claim.body.toString()) as { user: string };
      await run.append(`data: first for ${user}\n\n`);
      await run.append(`data: second for ${user}\n\n`);
      await run.complete(`data: last for ${user}\n\n`);
    });
    await Promise.all(served);
    const events = await Promise.all(calls.map(async (call) => (await call.answer()).events));
    expect(events).toEqual(
      calls.map((_, i) => ['first', 'second', 'last'].map((which) => `${which} for caller ${i}`)),
    );
  });
});

describe('a client that goes away', () => {
  it.each([true, false])('has its waiting request cancelled (stream: %s)', async (stream) => {
    const call = chat({ stream });
    const job = await box.nextJob();
    call.leave();
    expect((await lineOf(job.request))['outcome']).toBe('client_gone');
    expect(await box.claimKind(job.request)).toBe('done');
    job.done();
  });

  it.each([true, false])('has its running request cancelled (stream: %s)', async (stream) => {
    const call = chat({ stream });
    const run = await box.next();
    call.leave();
    await eventually(
      async () => (await run.renew()) === 'ended' || undefined,
      'the cancel of the run',
      1_000,
    );
    expect(await run.append('data: too late\n\n')).toBe(false);
    run.done();
  });

  it('has its request cancelled in the middle of its stream', async () => {
    const call = chat({ stream: true });
    const run = await box.next();
    await run.append('data: 1\n\n');
    await firstFrame(call);
    call.leave();
    await eventually(
      async () => (await run.renew()) === 'ended' || undefined,
      'the cancel of the run',
      1_000,
    );
    expect(await lineOf(run.request)).toMatchObject({ outcome: 'client_gone', status: 200, provider: 'box' });
    run.done();
  });
});

describe('what is told about requests', () => {
  it('is one log line, without any content', async () => {
    const call = chat({ stream: true });
    const run = await box.next();
    await run.append('data: an answer nobody may log\n\n');
    await run.complete('data: [DONE]\n\n');
    await call.answer();
    expect(await lineOf(run.request)).toMatchObject({
      msg: 'request',
      route: '/v1/chat/completions',
      model: 'm',
      stream: true,
      provider: 'box',
      location: 'local',
      attempts: 1,
      status: 200,
      outcome: 'ok',
      bytes: 46,
      queueMs: expect.any(Number),
      firstMs: expect.any(Number),
      totalMs: expect.any(Number),
    });
    expect(api.logged().filter(({ request }) => request === run.request)).toHaveLength(1);
    expect(JSON.stringify(api.logged())).not.toMatch(/business|nobody may log/);
  });

  it('is counted by outcome, with no label that a client could make', async () => {
    const gone = chat({ model: 'box/made-up-by-a-client' });
    await (await box.next()).fail('no_worker', { model: 'x', seconds: 1 });
    expect((await gone.answer()).status).toBe(503);
    chat({ stream: true });
    const queued = await box.nextJob();
    const { text } = await fetchAnswer(`${api.url}/metrics`);
    expect(text).toMatch(
      /^spillway_requests_total\{model="other",provider="box",stream="false",outcome="no_worker"\} 1$/m,
    );
    expect(text).toMatch(
      /^spillway_requests_total\{model="m",provider="box",stream="true",outcome="ok"\} \d+$/m,
    );
    expect(text).toMatch(/^spillway_requests_in_flight 1$/m);
    expect(text).toMatch(/^spillway_queue_waiting\{provider="box"\} 1$/m);
    expect(text).toMatch(/^spillway_first_output_seconds_count\{model="m",stream="true"\} \d+$/m);
    expect(text).toMatch(/^spillway_queue_wait_seconds_count\{provider="box"\} \d+$/m);
    expect(text).not.toContain('made-up');
    queued.done();
  });
});

function routeHeaders(request: string): Record<string, unknown> {
  return {
    'x-request-id': request,
    'x-spillway-provider': 'box',
    'x-spillway-model': 'meta/m',
    'x-spillway-location': 'local',
    'x-spillway-attempts': '1',
    'x-spillway-queue-ms': expect.stringMatching(/^\d+$/),
  };
}
