import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  CONTINUE,
  expectError,
  idsOf,
  startTwoReplicas,
  type TwoReplicas,
  untilCancelled,
} from './testing/two-replicas.js';

let replicas: TwoReplicas;
let box: TwoReplicas['box'];
let other: TwoReplicas['other'];
let call: TwoReplicas['call'];
let chat: TwoReplicas['chat'];
let show: TwoReplicas['show'];

beforeAll(async () => {
  replicas = await startTwoReplicas();
  ({ box, other, call, chat, show } = replicas);
});

afterAll(() => replicas?.stop());
afterEach(() => replicas.leaveAll());

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

  it.each([
    'req_0_01ARZ3NDEKTSV4RRFFQ69G5FAV',
    'req_9_01ARZ3NDEKTSV4RRFFQ69G5FAV',
    'x',
    'req_0_%0a',
    '%ff',
    '',
  ])('knows no %s', async (id) => {
    for (const path of [id, `${id}/stream`]) {
      const answer = await call(path).answer();
      expect(answer.status).toBe(404);
      expect(answer.text).toMatch(/"code":"(request_)?not_found"/);
    }
  });

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
    for (const each of tries) expectError(await each.answer(), 404, 'request_not_found');
    expect(await run.renew()).toBe('ok');
    await run.complete('data: [DONE]\n\n');
  });
});

describe('POST /v1/requests/{id}/cancel', () => {
  it.each([{}, CONTINUE])('ends a request with %j, and tells those who read it', async (headers) => {
    const first = chat({ stream: true }, { headers });
    const run = await box.next();
    await run.append('data: 1\n\n');
    await idsOf(first, 1);
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
    expectError(await call(run.request).answer(), 404, 'request_not_found');
    // Its key is free again.
    const next = chat({}, { headers });
    const second = await box.next();
    await second.complete('{"b":2}');
    expect((await next.answer()).text).toBe('{"b":2}');
  });
});
