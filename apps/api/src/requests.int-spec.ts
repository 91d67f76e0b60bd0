import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { Keys } from '#broker/keys.js';
import {
  eventually,
  fetchAnswer,
  jsonOf,
  send,
  type Answer,
  type HttpCall,
} from '../../../test/support/client.js';
import { startRedis, type TestRedis } from '../../../test/support/redis.js';
import { HandWorker, type HandRun } from './testing/hand-worker.js';
import { startTestApi, type TestApi } from './testing/test-api.js';

let redis: TestRedis;
/** Two replicas of one api. */
let api: TestApi;
let other: TestApi;
let box: HandWorker;

const KEEP_MS = 120_000;
const ASK = { model: 'm', messages: [{ role: 'user', content: 'a prompt' }] };
const CONTINUE = { 'x-spillway-on-disconnect': 'continue' };

beforeAll(async () => {
  redis = await startRedis();
  const keyspace = { url: redis.url, prefix: 'requests' };
  const config = { server: { holdMs: 60_000 }, requests: { keepMs: KEEP_MS } };
  const keys = { web: 'web-key', shop: 'shop-key' };
  api = await startTestApi({ redis: keyspace, config, keys });
  other = await startTestApi({ redis: keyspace, config, keys });
  box = new HandWorker(keyspace, 'box');
});

afterAll(async () => {
  await box?.close();
  await api?.close();
  await other?.close();
  await redis?.stop();
});

const open: HttpCall[] = [];

afterEach(() => {
  for (const call of open.splice(0)) call.leave();
});

interface Asked {
  readonly at?: TestApi;
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly method?: string;
}

function chat(more: object, { at = api, key = 'web-key', headers = {} }: Asked = {}): HttpCall {
  const authorization = `Bearer ${key}`;
  const call = send(`${at.url}/v1/chat/completions`, {
    body: { ...ASK, ...more },
    headers: { authorization, ...headers },
  });
  open.push(call);
  return call;
}

function call(
  path: string,
  { at = api, key = 'web-key', headers = {}, method = 'GET' }: Asked = {},
): HttpCall {
  const sent = send(`${at.url}/v1/requests/${path}`, {
    method,
    headers: { authorization: `Bearer ${key}`, ...headers },
  });
  open.push(sent);
  return sent;
}

async function show(id: string, asked: Asked = {}): Promise<Record<string, unknown>> {
  return JSON.parse((await call(id, asked).answer()).text) as Record<string, unknown>;
}

/** Resolves once this many events have come. */
async function events(call: HttpCall, count: number): Promise<readonly string[]> {
  const ids = () => call.items.filter(({ kind }) => kind === 'event').map(({ id }) => String(id));
  return eventually(() => (ids().length >= count ? ids() : undefined), `${count} events`);
}

async function untilCancelled(run: HandRun): Promise<void> {
  await eventually(async () => (await run.renew()) === 'ended' || undefined, 'the cancel of the run');
}

function codeOf(answer: Answer): unknown {
  return [answer.status, jsonOf(answer).error?.code, jsonOf(answer).error?.param];
}

describe('an Idempotency-Key', () => {
  const keyed = (key: string) => ({ headers: { 'idempotency-key': key } });

  it.each([true, false])('makes one request of two at once on two replicas (stream: %s)', async (stream) => {
    const both = [
      chat({ stream }, { at: api, ...keyed('two') }),
      chat({ stream }, { at: other, ...keyed('two') }),
    ];
    const run = await box.next();
    await untilReadBy(run.request, 2);
    const frames = ['data: {"a":1}\n\n', 'data: {"b":2}\n\ndata: [DONE]\n\n'];
    if (stream) await run.append(frames[0] ?? '');
    await run.complete(stream ? (frames[1] ?? '') : '{"whole": 1.0}');
    const text = stream ? frames.join('') : '{"whole": 1.0}';
    for (const { status, text: got, headers } of await Promise.all(both.map((each) => each.answer()))) {
      expect({ status, got, id: headers['x-request-id'] }).toEqual({
        status: 200,
        got: text,
        id: run.request,
      });
      expect(headers).toMatchObject({ 'x-spillway-provider': 'box', 'x-spillway-attempts': '1' });
      expect(headers).not.toHaveProperty('x-spillway-replayed');
    }
    const again = await chat({ stream }, { at: other, ...keyed('two') }).answer();
    expect(again).toMatchObject({
      status: 200,
      text,
      headers: { 'x-request-id': run.request, 'x-spillway-replayed': 'true', 'x-spillway-provider': 'box' },
    });
    // Else the next test would get a job of this one.
    await call(run.request, { method: 'DELETE' }).answer();
  });

  it('is refused with another body, whatever became of the first', async () => {
    const first = chat({ user: 'one' }, keyed('conflict'));
    const run = await box.next();
    for (const isEnded of [false, true]) {
      if (isEnded) await run.complete('{"one":1}');
      const refused = await chat({ user: 'two' }, { at: other, ...keyed('conflict') }).answer();
      expect(codeOf(refused)).toEqual([409, 'idempotency_key_conflict', null]);
      expect(refused.headers).toMatchObject({ 'x-should-retry': 'false' });
    }
    expect((await first.answer()).text).toBe('{"one":1}');
  });

  it('means nothing to another application', async () => {
    const mine = chat({}, keyed('shared'));
    const run = await box.next();
    const theirs = chat({}, { key: 'shop-key', ...keyed('shared') });
    const second = await box.next();
    expect(second.request).not.toBe(run.request);
    await run.complete('{"mine":1}');
    await second.complete('{"theirs":1}');
    expect((await mine.answer()).text).toBe('{"mine":1}');
    expect((await theirs.answer()).text).toBe('{"theirs":1}');
  });

  it('may be tried again after a failure', async () => {
    const first = chat({}, keyed('again'));
    const failed = await box.next();
    await failed.fail('upstream_timeout', { trail: 'box: silent' });
    expect((await first.answer()).status).toBe(504);
    const second = chat({}, keyed('again'));
    const run = await box.next();
    expect(run.request).not.toBe(failed.request);
    await run.complete('{"second":2}');
    expect((await second.answer()).text).toBe('{"second":2}');
  });

  it('keeps its request when everybody has left, so that the client can come back for the answer', async () => {
    const first = chat({}, keyed('left'));
    const run = await box.next();
    first.leave();
    await eventually(
      () => api.logged().find((line) => line['request'] === run.request && line['msg'] === 'request'),
      'the first to be gone',
    );
    expect(await run.renew()).toBe('ok');
    const back = chat({}, { at: other, ...keyed('left') });
    await run.complete('{"late":1}');
    expect((await back.answer()).text).toBe('{"late":1}');
    const ttl = await ttlOf(run.request);
    expect(ttl).toBeGreaterThan(KEEP_MS - 20_000);
    expect(ttl).toBeLessThanOrEqual(KEEP_MS);
    const line = other.logged().find((each) => each['request'] === run.request && each['msg'] === 'request');
    expect(line).toMatchObject({ via: 'key', outcome: 'ok', route: '/v1/chat/completions' });
    expect((await fetchAnswer(`${other.url}/metrics`)).text).toMatch(
      /^spillway_requests_attached_total [1-9]\d*$/m,
    );
  });

  it.each([
    ['idempotency-key', 'two words', 'Idempotency-Key'],
    ['idempotency-key', 'x'.repeat(256), 'Idempotency-Key'],
    ['x-spillway-on-disconnect', 'keep', 'x-spillway-on-disconnect'],
  ])('and its like are refused where they are wrong: %s: %s', async (name, value, param) => {
    expect(codeOf(await chat({}, { headers: { [name]: value } }).answer())).toEqual([
      400,
      'invalid_value',
      param,
    ]);
  });
});

describe('a request that is to continue', () => {
  it('outlives its client, and its stream goes on behind any event, on any replica', async () => {
    const first = chat({ stream: true }, { headers: CONTINUE });
    const run = await box.next();
    await run.append('data: 1\n\n');
    await run.append('data: 2\n\ndata: 3\n\ndata: 4\n\n');
    const ids = await events(first, 4);
    expect(ids).toEqual(['1-1.1', '1-2.1', '1-2.2', '1-2.3']);
    first.leave();
    const resumed = ids.flatMap((id) => [
      call(`${run.request}/stream?starting_after=${id}`, { at: other }),
      call(`${run.request}/stream?starting_after=1-1.1`, { headers: { 'last-event-id': id } }),
    ]);
    const whole = call(`${run.request}/stream`, { at: other });
    for (const each of resumed.slice(0, 6)) await events(each, 1);
    await run.append('data: 5\n\n');
    await run.complete('data: 6\n\ndata: [DONE]\n\n');
    const all = [...ids, '1-3.1', '1-4.1', '1-4.2'];
    const text = ['1', '2', '3', '4', '5', '6', '[DONE]'].map(
      (data, at) => `id: ${all[at]}\ndata: ${data}\n\n`,
    );
    expect((await whole.answer()).text).toBe(text.join(''));
    for (const [at, each] of resumed.entries()) {
      const { status, text: rest, headers } = await each.answer();
      expect({ status, rest }).toEqual({ status: 200, rest: text.slice(Math.floor(at / 2) + 1).join('') });
      expect(headers).toMatchObject({
        'content-type': 'text/event-stream; charset=utf-8',
        'x-request-id': run.request,
        'x-spillway-provider': 'box',
      });
    }
    const ended = await call(`${run.request}/stream?starting_after=1-4.2`, { at: other }).answer();
    expect(ended).toMatchObject({
      status: 200,
      text: '',
      whole: true,
      headers: { 'x-spillway-replayed': 'true' },
    });
    const replay = await call(`${run.request}/stream`).answer();
    expect(replay.text).toBe(text.join(''));
  });

  it('tells of its failure to whoever goes on with it, by an event without an id', async () => {
    const first = chat({ stream: true }, { headers: CONTINUE });
    const run = await box.next();
    await run.append('data: 1\n\n');
    await events(first, 1);
    const resumed = call(`${run.request}/stream?starting_after=1-1.1`, { at: other });
    await eventually(() => resumed.status || undefined, 'its head');
    await run.fail('stream_interrupted', { provider: 'box', reason: 'it broke' });
    const expected = /^data: \{"error":\{[^\n]+"code":"stream_interrupted"\}\}\n\n$/;
    expect((await resumed.answer()).text).toMatch(expected);
    expect((await first.answer()).text).toMatch(/^id: 1-1\.1\ndata: 1\n\ndata: \{"error"/);
    const after = await call(`${run.request}/stream?starting_after=1-1.1`).answer();
    expect(after.status).toBe(200);
    expect(after.text).toMatch(expected);
  });

  it('without a stream can be fetched later, by a wait or by a look', async () => {
    const first = chat({}, { headers: CONTINUE });
    const run = await box.next();
    first.leave();
    const waiting = call(`${run.request}/stream`, { at: other });
    await eventually(
      async () => (await show(run.request))['status'] === 'in_progress' || undefined,
      'its run',
    );
    await run.complete('{"n": 1.0, "late": true}');
    expect(await waiting.answer()).toMatchObject({
      status: 200,
      text: '{"n": 1.0, "late": true}',
      headers: { 'content-type': 'application/json', 'x-spillway-provider': 'box' },
    });
    expect((await call(`${run.request}/stream`).answer()).text).toBe('{"n": 1.0, "late": true}');
    const { text } = await call(run.request, { at: other }).answer();
    expect(text.endsWith(',"error":null,"response":{"n": 1.0, "late": true}}')).toBe(true);
  });

  it.each([
    ['starting_after=x', 'starting_after'],
    ['starting_after=1-2', 'starting_after'],
    // Of no event that the stream has.
    ['starting_after=1-1.2', 'starting_after'],
    ['starting_after=1-2.1', 'starting_after'],
    ['starting_after=2-1.1', 'starting_after'],
    ['starting_after=1-1.1&starting_after=1-1.1', 'starting_after'],
  ])('refuses to go on from what is no event of it: %s', async (query, param) => {
    chat({ stream: true }, { headers: CONTINUE });
    const run = await box.next();
    await run.append('data: 1\n\n');
    const answer = await call(`${run.request}/stream?${query}`).answer();
    expect(codeOf(answer)).toEqual([400, 'invalid_value', param]);
    await run.complete('data: [DONE]\n\n');
  });

  it('refuses to go on with an answer that is no stream', async () => {
    chat({}, { headers: CONTINUE });
    const run = await box.next();
    await run.complete('{"a":1}');
    const answer = await call(`${run.request}/stream?starting_after=1-1.1`).answer();
    expect(codeOf(answer)).toEqual([400, 'invalid_value', 'starting_after']);
  });
});

describe('GET /v1/requests/{id}', () => {
  it('tells where a request stands, from its queue to its end', async () => {
    const first = chat({ stream: true });
    const job = await box.nextJob();
    const about = {
      id: job.request,
      object: 'request',
      model: 'm',
      stream: true,
      provider: 'box',
      error: null,
    };
    const times = { created: expect.any(Number), deadline: expect.any(Number) };
    const queued = await show(job.request, { at: other });
    expect(queued).toEqual({ ...about, ...times, status: 'queued', position: 1, attempts: 1, ended: null });
    expect(Math.abs(Number(queued['created']) - Date.now() / 1000)).toBeLessThan(60);
    const run = await box.claim(job);
    expect(await show(run.request)).toEqual({
      ...about,
      ...times,
      status: 'in_progress',
      attempts: 1,
      ended: null,
    });
    await run.complete('data: [DONE]\n\n');
    await first.answer();
    const ended = { status: 'completed', attempts: 1, ended: expect.any(Number) };
    expect(await show(run.request, { at: other })).toEqual({ ...about, ...times, ...ended });
  });

  it('tells why it failed, in the words of the error table', async () => {
    const first = chat({});
    const run = await box.next();
    await run.fail('upstream_error', { trail: 'box: 503' });
    await first.answer();
    expect(await show(run.request)).toMatchObject({
      status: 'failed',
      error: {
        message: 'Every provider that could serve m failed: box: 503.',
        type: 'upstream_error',
        param: null,
        code: 'upstream_error',
      },
    });
    expect(await call(run.request, { method: 'HEAD' }).answer()).toMatchObject({ status: 200, text: '' });
    expect(await call(`${run.request}/stream`, { method: 'HEAD' }).answer()).toMatchObject({
      status: 200,
      text: '',
    });
  });

  it.each(['req_0_01ARZ3NDEKTSV4RRFFQ69G5FAV', 'req_9_01ARZ3NDEKTSV4RRFFQ69G5FAV', 'x', 'req_0_%0a', '%ff'])(
    'knows no %s',
    async (id) => {
      for (const path of [id, `${id}/stream`]) {
        const answer = await call(path).answer();
        expect(answer.status).toBe(404);
        expect(answer.text).toMatch(/"code":"(request_)?not_found"/);
      }
    },
  );

  it('shows, streams, cancels and deletes nothing of another application', async () => {
    chat({ stream: true });
    const run = await box.next();
    await run.append('data: 1\n\n');
    const shop = { key: 'shop-key' };
    const tries = [
      call(run.request, shop),
      call(`${run.request}/stream`, shop),
      call(`${run.request}/cancel`, { ...shop, method: 'POST' }),
      call(run.request, { ...shop, method: 'DELETE' }),
    ];
    for (const each of tries) expect(codeOf(await each.answer())).toEqual([404, 'request_not_found', null]);
    expect(await run.renew()).toBe('ok');
    await run.complete('data: [DONE]\n\n');
  });
});

describe('POST /v1/requests/{id}/cancel', () => {
  it.each([{}, CONTINUE])('ends a request with %j, and tells those who read it', async (headers) => {
    const first = chat({ stream: true }, { headers });
    const run = await box.next();
    await run.append('data: 1\n\n');
    await events(first, 1);
    const cancelled = await call(`${run.request}/cancel`, { at: other, method: 'POST' }).answer();
    expect(JSON.parse(cancelled.text)).toMatchObject({ id: run.request, status: 'cancelled', error: null });
    await untilCancelled(run);
    run.done();
    expect((await first.answer()).text).toContain('"code":"stream_interrupted"');
    const again = await call(`${run.request}/cancel`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
    }).answer();
    expect(JSON.parse(again.text)).toMatchObject({ status: 'cancelled' });
  });

  it('leaves one that has ended as it is', async () => {
    const first = chat({});
    const run = await box.next();
    await run.complete('{"a":1}');
    await first.answer();
    const answer = await call(`${run.request}/cancel`, { method: 'POST' }).answer();
    expect(JSON.parse(answer.text)).toMatchObject({ status: 'completed', response: { a: 1 } });
  });
});

describe('DELETE /v1/requests/{id}', () => {
  it.each([true, false])('forgets a request (running: %s)', async (isRunning) => {
    const headers = { 'idempotency-key': `deleted-${isRunning}` };
    chat({}, { headers });
    const run = await box.next();
    if (!isRunning) await run.complete('{"a":1}');
    const deleted = await call(run.request, { at: other, method: 'DELETE' }).answer();
    expect(JSON.parse(deleted.text)).toEqual({ id: run.request, object: 'request', deleted: true });
    if (isRunning) await untilCancelled(run);
    run.done();
    expect(codeOf(await call(run.request).answer())).toEqual([404, 'request_not_found', null]);
    // Its key is free again.
    const next = chat({}, { headers });
    const second = await box.next();
    await second.complete('{"b":2}');
    expect((await next.answer()).text).toBe('{"b":2}');
  });
});

/** Resolves once that many replicas get the request's frames. */
async function untilReadBy(request: string, replicas: number): Promise<void> {
  const client = new Redis(redis.url);
  const readers = async () =>
    (await client.hget(new Keys('requests', 1).record(request), 'readers'))?.split(' ').length;
  await eventually(async () => (await readers()) === replicas || undefined, `${replicas} readers`);
  client.disconnect();
}

/** How long the ledger still keeps the request, ms. */
async function ttlOf(request: string): Promise<number> {
  const client = new Redis(redis.url);
  return client.pttl(new Keys('requests', 1).record(request)).finally(() => client.disconnect());
}
