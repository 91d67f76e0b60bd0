import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '../../../test/support/client.js';
import { CONTINUE, expectError, idsOf, startTwoReplicas, type TwoReplicas } from './testing/two-replicas.js';

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

describe('a request that is to continue', () => {
  it('outlives its client, and its stream goes on behind any event, on any replica', async () => {
    const first = chat({ stream: true }, { headers: CONTINUE });
    const run = await box.next();
    await run.append('data: 1\n\n');
    await run.append('data: 2\n\ndata: 3\n\ndata: 4\n\n');
    const ids = await idsOf(first, 4);
    expect(ids).toEqual(['1-1.1', '1-2.1', '1-2.2', '1-2.3']);
    first.leave();
    const resumed = ids.flatMap((id) => [
      call(`${run.request}/stream?starting_after=${id}`, { at: other }),
      call(`${run.request}/stream?starting_after=1-1.1`, { headers: { 'last-event-id': id } }),
    ]);
    const whole = call(`${run.request}/stream`, { at: other });
    for (const each of resumed.slice(0, 6)) await idsOf(each, 1);
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
    await idsOf(first, 1);
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
    expectError(answer, 400, 'invalid_value', param);
    await run.complete('data: [DONE]\n\n');
  });

  it('refuses to go on with an answer that is no stream', async () => {
    chat({}, { headers: CONTINUE });
    const run = await box.next();
    await run.complete('{"a":1}');
    const answer = await call(`${run.request}/stream?starting_after=1-1.1`).answer();
    expectError(answer, 400, 'invalid_value', 'starting_after');
  });
});
