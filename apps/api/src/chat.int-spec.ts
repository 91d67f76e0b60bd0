import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { startRedis, type TestRedis } from '../../../test/support/redis.js';
import { send, type Received, type Sent } from './testing/http-client.js';
import { HandWorker } from './testing/hand-worker.js';
import { startTestApi, type TestApi } from './testing/test-api.js';
import { eventually } from './testing/with-deadline.js';

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

const open: Sent[] = [];

afterEach(() => {
  for (const sent of open.splice(0)) sent.leave();
});

function chat(more: object = {}, headers: Record<string, string> = {}): Sent {
  const sent = send(`${api.url}/v1/chat/completions`, { headers, body: { ...body, ...more } });
  open.push(sent);
  return sent;
}

function lineOf(received: Received): Record<string, unknown> | undefined {
  return api.logged().find((line) => line['request'] === received.headers['x-request-id']);
}

describe('a whole answer', () => {
  it('is the bytes of the last frame, with a length and the route headers', async () => {
    const sent = chat();
    const run = await box.next();
    expect(run.claim).toMatchObject({ model: 'm', stream: false, includeUsage: false, application: null });
    expect(run.claim.targets.map(({ provider }) => provider)).toEqual(['box', 'cloud']);
    expect(JSON.parse(run.claim.body.toString())).toEqual(body);
    await run.complete('{"id":  "kept as it is", "n": 1.0}');
    const received = await sent.received;
    expect(received.status).toBe(200);
    expect(await received.body()).toBe('{"id":  "kept as it is", "n": 1.0}');
    expect(received.headers).toMatchObject({
      'content-type': 'application/json',
      'content-length': '34',
      'x-request-id': run.request,
      'x-spillway-provider': 'box',
      'x-spillway-model': 'meta/m',
      'x-spillway-location': 'local',
      'x-spillway-attempts': '1',
      'x-spillway-queue-ms': expect.stringMatching(/^\d+$/),
    });
  });

  it('has nothing of a run that was lost', async () => {
    const sent = chat();
    const lost = await box.next();
    await lost.append('{"half of');
    const again = await lost.takeOver();
    await again.complete('{"whole":true}');
    expect(await (await sent.received).body()).toBe('{"whole":true}');
  });

  it('is a real error when the request failed', async () => {
    const sent = chat();
    await (await box.next()).fail('upstream_error', { trail: 'box: 503', model: 'm' });
    const received = await sent.received;
    expect(received.status).toBe(502);
    expect(received.headers).toMatchObject({ 'x-should-retry': 'false', 'x-request-id': expect.any(String) });
    expect(await received.json()).toEqual({
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
    const text = `{ "model":"m",  "messages":[{"role":"user","content":${JSON.stringify(content)}}], "seed": 1e2 }`;
    const sent = send(`${api.url}/v1/chat/completions`, { body: text });
    const run = await box.next();
    expect(run.claim.body.equals(Buffer.from(text))).toBe(true);
    await run.complete(text);
    expect(await (await sent.received).body()).toBe(text);
  });
});

describe('a stream', () => {
  it('is the frames, verbatim and in order, with the head of an event stream', async () => {
    const sent = chat({ stream: true, stream_options: { include_usage: true } });
    const run = await box.next();
    expect(run.claim).toMatchObject({ stream: true, includeUsage: true });
    await run.append('data: {"a":1}\n\n');
    const received = await sent.received;
    expect(received.status).toBe(200);
    expect(received.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
      'x-request-id': run.request,
      'x-spillway-provider': 'box',
      'x-spillway-model': 'meta/m',
      'x-spillway-location': 'local',
      'x-spillway-attempts': '1',
      'x-spillway-queue-ms': expect.stringMatching(/^\d+$/),
    });
    expect(await received.until('data: {"a":1}\n\n')).toBe('data: {"a":1}\n\n');
    await run.append('data: not even JSON\n\n');
    await run.complete('data: {"z":9}\n\ndata: [DONE]\n\n');
    expect(await received.body()).toBe(
      'data: {"a":1}\n\ndata: not even JSON\n\ndata: {"z":9}\n\ndata: [DONE]\n\n',
    );
    expect(received.isWhole).toBe(true);
  });

  it('is a real error when nothing was sent before the failure', async () => {
    const sent = chat({ stream: true });
    await (await box.next()).fail('rate_limit_exceeded', { model: 'm', seconds: 7 });
    const received = await sent.received;
    expect(received.status).toBe(429);
    expect(received.headers).toMatchObject({
      'retry-after': '7',
      'content-type': 'application/json; charset=utf-8',
    });
    expect(await received.json()).toMatchObject({
      error: { code: 'rate_limit_exceeded', type: 'rate_limit_error' },
    });
  });

  it('ends in a data error without [DONE] when it failed after output', async () => {
    const sent = chat({ stream: true });
    const run = await box.next();
    await run.append('data: {"a":1}\n\n');
    const received = await sent.received;
    await received.until('data: {"a":1}\n\n');
    await run.fail('stream_interrupted', { provider: 'box', reason: 'the connection broke' });
    const [first, error, rest, ...more] = (await received.body()).split('\n\n');
    expect(first).toBe('data: {"a":1}');
    expect(JSON.parse((error ?? '').replace('data: ', ''))).toEqual({
      error: {
        message: 'The answer of box broke off: the connection broke.',
        type: 'upstream_error',
        param: null,
        code: 'stream_interrupted',
      },
    });
    expect([rest, ...more]).toEqual(['']);
    expect(received.isWhole).toBe(true);
    await eventually(() => lineOf(received) !== undefined, 'the log line');
    expect(lineOf(received)).toMatchObject({ status: 200, outcome: 'stream_interrupted', provider: 'box' });
  });

  it('waits for a client that reads slowly, and loses nothing', async () => {
    const sent = chat({ stream: true });
    const run = await box.next();
    const frames = Array.from({ length: 200 }, (_, i) => `data: ${i} ${'x'.repeat(50_000)}\n\n`);
    await run.append(frames[0] ?? '');
    const received = await sent.received;
    received.pause();
    for (const frame of frames.slice(1)) await run.append(frame);
    await run.complete('data: [DONE]\n\n');
    received.resume();
    expect(await received.body()).toBe(`${frames.join('')}data: [DONE]\n\n`);
  });

  it('does not mix 50 requests that run at once', async () => {
    const sent = Array.from({ length: 50 }, (_, i) => chat({ stream: true, user: `caller ${i}` }));
    const served = sent.map(async () => {
      const run = await box.next();
      const { user } = JSON.parse(run.claim.body.toString()) as { user: string };
      await run.append(`data: first for ${user}\n\n`);
      await run.append(`data: second for ${user}\n\n`);
      await run.complete(`data: last for ${user}\n\n`);
    });
    const bodies = await Promise.all(sent.map(async ({ received }) => (await received).body()));
    await Promise.all(served);
    const expected = sent.map((_, i) =>
      ['first', 'second', 'last'].map((which) => `data: ${which} for caller ${i}\n\n`).join(''),
    );
    expect(bodies).toEqual(expected);
  });
});

describe('a client that goes away', () => {
  it.each([true, false])('has its waiting request cancelled (stream: %s)', async (stream) => {
    const sent = chat({ stream });
    const job = await box.nextJob();
    sent.leave();
    await eventually(
      async () => (await box.claimKind(job.request)) === 'done',
      'the cancel of the waiting request',
    );
    job.done();
  });

  it.each([true, false])('has its running request cancelled (stream: %s)', async (stream) => {
    const sent = chat({ stream });
    const run = await box.next();
    sent.leave();
    await eventually(async () => (await run.renew()) === 'ended', 'the cancel of the running request', 1_000);
    expect(await run.append('data: too late\n\n')).toBe(false);
    run.done();
  });

  it('has its request cancelled in the middle of its stream', async () => {
    const sent = chat({ stream: true });
    const run = await box.next();
    await run.append('data: 1\n\n');
    const received = await sent.received;
    await received.until('data: 1\n\n');
    received.leave();
    await eventually(async () => (await run.renew()) === 'ended', 'the cancel of the running request', 1_000);
    await eventually(() => lineOf(received) !== undefined, 'the log line');
    expect(lineOf(received)).toMatchObject({ outcome: 'client_gone', status: 200, provider: 'box' });
    run.done();
  });
});

describe('what is told about requests', () => {
  it('is one log line, without any content', async () => {
    const sent = chat({ stream: true });
    const run = await box.next();
    await run.append('data: an answer nobody may log\n\n');
    await run.complete('data: [DONE]\n\n');
    const received = await sent.received;
    await received.body();
    await eventually(() => lineOf(received) !== undefined, 'the log line');
    expect(lineOf(received)).toMatchObject({
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
    expect(JSON.stringify(api.logged())).not.toMatch(/business|nobody may log/);
  });

  it('is counted by outcome, with no label that a client could make', async () => {
    const gone = await send(`${api.url}/v1/chat/completions`, {
      body: { ...body, model: 'box/made-up-by-a-client' },
    });
    const run = await box.next();
    await run.fail('no_worker', { model: 'x', seconds: 1 });
    await (await gone.received).body();
    const waiting = chat({ stream: true });
    const queued = await box.nextJob();
    const metrics = async () => (await send(`${api.url}/metrics`).received).body();
    await eventually(
      async () => (await metrics()).includes('outcome="no_worker"'),
      'the count of the failure',
    );
    const text = await metrics();
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
    expect(text).toMatch(/^process_cpu_seconds_total /m);
    expect(text).not.toContain('made-up');
    queued.done();
    waiting.leave();
  });
});
