import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually, fetchAnswer, jsonOf, send, type HttpCall } from '../../../test/support/client.js';
import { startRedis, type TestRedis } from '../../../test/support/redis.js';
import { HandWorker } from './testing/hand-worker.js';
import { startTestApi, type TestApi } from './testing/test-api.js';

let redis: TestRedis;
let api: TestApi;
let box: HandWorker;
let cloud: HandWorker;

const body = { model: 'm', messages: [{ role: 'user', content: 'Hello' }] };

beforeAll(async () => {
  redis = await startRedis();
  const keyspace = { url: redis.url, prefix: 'waiting' };
  const server = { holdMs: 150, heartbeatMs: 100 };
  api = await startTestApi({ redis: keyspace, config: { server, queue: { maxWaiting: 2 } } });
  box = new HandWorker(keyspace, 'box');
  cloud = new HandWorker(keyspace, 'cloud');
});

afterAll(async () => {
  await box.close();
  await cloud.close();
  await api.close();
  await redis.stop();
});

function chat(more: object = {}, headers: Record<string, string> = {}): HttpCall {
  return send(`${api.url}/v1/chat/completions`, { headers, body: { ...body, ...more } });
}

/** Resolves once this comment has come so many times. */
async function comments(call: HttpCall, text: string, count = 1): Promise<void> {
  await eventually(
    () => call.items.filter((item) => item.text === text).length >= count || undefined,
    `${count} times ": ${text}"`,
  );
}

describe('a stream without output', () => {
  it('is answered after the hold window, with heartbeats, then the route, then its frames', async () => {
    const call = chat({ stream: true });
    const job = await box.nextJob();
    await comments(call, 'queued position=1');
    expect(call.status).toBe(200);
    expect(call.headers).not.toHaveProperty('x-spillway-provider');
    const run = await box.claim(job);
    await comments(call, 'running');
    await run.append('data: {"a":1}\n\n');
    await call.waitForItem(({ kind }) => kind === 'event', 'the first frame');
    await run.complete('data: [DONE]\n\n');
    expect((await call.answer()).text).toMatch(
      /^(: queued(?: position=1)?\n)+(: running\n)+: route provider=box model=meta\/m location=local attempts=1\ndata: \{"a":1\}\n\n(: running\n)*data: \[DONE\]\n\n$/,
    );
  });

  it('ends in a data error when it fails after the hold window', async () => {
    const call = chat({ stream: true });
    const run = await box.next();
    await comments(call, 'running');
    await run.fail('upstream_timeout', { trail: 'box: first token timeout' });
    const answer = await call.answer();
    expect(answer.text).toMatch(/^(: [^\n]+\n)+data: \{"error":\{[^\n]+"code":"upstream_timeout"\}\}\n\n$/);
    expect(answer).toMatchObject({ status: 200, whole: true });
  });

  it('is not answered early when it is no stream', async () => {
    const call = chat();
    const run = await box.next();
    // A stream that began later has passed its hold window.
    const stream = chat({ stream: true });
    const other = await box.next();
    await comments(stream, 'running');
    expect(call.status).toBe(0);
    await other.complete('data: [DONE]\n\n');
    await run.fail('no_worker', { model: 'm', seconds: 1 });
    expect((await call.answer()).status).toBe(503);
  });

  it('shows a comment between events only', async () => {
    const call = chat({ stream: true });
    const run = await box.next();
    await run.append('data: {"half":');
    // Long enough for a heartbeat, were one allowed: another stream shows three.
    const other = chat({ stream: true });
    const otherRun = await box.next();
    await comments(other, 'running', 3);
    await otherRun.complete('data: [DONE]\n\n');
    await run.complete('1}\n\n');
    expect((await call.answer()).text).toMatch(/^(: [^\n]+\n)*data: \{"half":1\}\n\n$/);
  });
});

describe('a full queue', () => {
  it('is passed over for the next target, and refused with an honest wait when all are full', async () => {
    const onlyLocal = { spillway: { localModelOnly: true } };
    const local = [chat(onlyLocal), chat(onlyLocal)];
    const localJobs = [await box.nextJob(), await box.nextJob()];
    const refused = await chat(onlyLocal).answer();
    expect(refused.status).toBe(429);
    expect(jsonOf(refused)).toMatchObject({ error: { code: 'queue_full', type: 'rate_limit_error' } });
    const wait = Number(refused.headers['retry-after']);
    expect(wait).toBeGreaterThanOrEqual(1);
    expect(wait).toBeLessThanOrEqual(60);

    const passedOn = [chat(), chat()];
    const cloudJobs = [await cloud.nextJob(), await cloud.nextJob()];
    expect((await chat({ stream: true }).answer()).status).toBe(429);

    const runs = [];
    for (const job of localJobs) runs.push(await box.claim(job));
    for (const job of cloudJobs) runs.push(await cloud.claim(job));
    for (const run of runs) await run.complete('{}');
    for (const call of local) expect((await call.answer()).headers['x-spillway-provider']).toBe('box');
    for (const call of passedOn) expect((await call.answer()).headers['x-spillway-provider']).toBe('cloud');
  });
});

describe('a deadline', () => {
  it('is answered 504 when the ledger ends the request', async () => {
    const call = chat({}, { 'x-spillway-timeout-ms': '200' });
    const run = await box.next();
    const answer = await call.answer();
    expect(answer.status).toBe(504);
    expect(answer.headers['x-should-retry']).toBe('false');
    expect(jsonOf(answer)).toMatchObject({ error: { code: 'deadline_exceeded', type: 'upstream_error' } });
    run.done();
  });
});

describe('Redis away', () => {
  it('refuses new requests quickly, ends old ones by its own timer, and recovers', async () => {
    const old = chat({}, { 'x-spillway-timeout-ms': '300' });
    const job = await box.nextJob();
    await redis.kill();
    const refused = await chat({ stream: true }).answer();
    expect(refused.totalMs).toBeLessThan(300);
    expect(refused.status).toBe(503);
    expect(refused.headers['retry-after']).toBe('1');
    expect(jsonOf(refused)).toMatchObject({ error: { code: 'redis_unavailable', param: null } });
    expect((await fetchAnswer(`${api.url}/readyz`)).status).toBe(503);
    expect((await fetchAnswer(`${api.url}/healthz`)).status).toBe(200);
    expect((await fetchAnswer(`${api.url}/metrics`)).text).not.toMatch(/^spillway_queue_waiting\{/m);
    const late = await old.answer();
    expect(late.status).toBe(504);
    expect(late.totalMs).toBeLessThan(3_000);
    expect(jsonOf(late)).toMatchObject({ error: { code: 'deadline_exceeded' } });

    await redis.restart();
    const isReady = async () => (await fetchAnswer(`${api.url}/readyz`)).status === 200 || undefined;
    await eventually(isReady, 'readiness');
    job.done();
    const again = chat();
    await (await box.next()).complete('{"back":true}');
    expect((await again.answer()).text).toBe('{"back":true}');
  });
});
