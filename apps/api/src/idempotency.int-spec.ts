import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually, fetchAnswer } from '../../../test/support/client.js';
import type { TestApi } from './testing/test-api.js';
import { expectError, KEEP_MS, startTwoReplicas, type TwoReplicas } from './testing/two-replicas.js';

let replicas: TwoReplicas;
let api: TwoReplicas['api'];
let box: TwoReplicas['box'];
let other: TwoReplicas['other'];
let call: TwoReplicas['call'];
let chat: TwoReplicas['chat'];
let readersOf: TwoReplicas['readersOf'];
let ttlOf: TwoReplicas['ttlOf'];

beforeAll(async () => {
  replicas = await startTwoReplicas();
  ({ api, box, other, call, chat, readersOf, ttlOf } = replicas);
});

afterAll(() => replicas?.stop());
afterEach(() => replicas.leaveAll());

describe('an Idempotency-Key', () => {
  const keyed = (key: string) => ({ headers: { 'idempotency-key': key } });

  it.each([true, false])('makes one request of two at once on two replicas (stream: %s)', async (stream) => {
    const both = [
      chat({ stream }, { at: api, ...keyed('two') }),
      chat({ stream }, { at: other, ...keyed('two') }),
    ];
    const run = await box.next();
    await eventually(async () => (await readersOf(run.request)).length === 2 || undefined, 'both replicas');
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
      expectError(refused, 409, 'idempotency_key_conflict');
      expect(refused.headers).toMatchObject({ 'x-should-retry': 'false' });
    }
    expect((await first.answer()).text).toBe('{"one":1}');
  });

  it('brings the answer also where the request could not be accepted any more', async () => {
    const ask = (at: TestApi) => chat({ model: 'box/gone-later' }, { at, ...keyed('gone') });
    const first = ask(api);
    const run = await box.next();
    await run.complete('{"kept":1}');
    await first.answer();
    const changed = await replicas.startWithout('box');
    try {
      expectError(
        await chat({ model: 'box/gone-later' }, { at: changed }).answer(),
        404,
        'model_not_found',
        'model',
      );
      expectError(
        await chat({ model: 'box/gone-later', seed: 1 }, { at: changed, ...keyed('gone') }).answer(),
        404,
        'model_not_found',
        'model',
      );
      const again = await ask(changed).answer();
      expect(again).toMatchObject({
        status: 200,
        text: '{"kept":1}',
        headers: { 'x-request-id': run.request, 'x-spillway-replayed': 'true' },
      });
    } finally {
      await changed.close();
    }
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
    expectError(await chat({}, { headers: { [name]: value } }).answer(), 400, 'invalid_value', param);
  });
});
