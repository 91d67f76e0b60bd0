import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually, type HttpCall } from '../../../test/support/client.js';
import { CONTINUE, startTwoReplicas, type TwoReplicas } from './testing/two-replicas.js';

let replicas: TwoReplicas;
let box: TwoReplicas['box'];
let chat: TwoReplicas['chat'];

beforeAll(async () => {
  replicas = await startTwoReplicas({ holdMs: 50, heartbeatMs: 100, wholeAnswerKeepAlive: true });
  ({ box, chat } = replicas);
});

afterAll(() => replicas?.stop());
afterEach(() => replicas.leaveAll());

async function untilBegun(call: HttpCall): Promise<void> {
  await eventually(() => call.status || undefined, 'the head of the answer');
}

describe('a whole answer that is kept alive', () => {
  it('begins after the hold window with white space, and is the same JSON', async () => {
    const call = chat({});
    const run = await box.next();
    await untilBegun(call);
    await eventually(() => call.received >= 3 || undefined, 'further white space');
    await run.complete('{"n": 1.0}');
    const { status, text, headers } = await call.answer();
    expect(status).toBe(200);
    expect(text).toMatch(/^ {3,}\{"n": 1\.0\}$/);
    expect(headers).toMatchObject({ 'content-type': 'application/json', 'x-request-id': run.request });
  });

  it('tells of a failure in its body once it has begun', async () => {
    const call = chat({});
    const run = await box.next();
    await untilBegun(call);
    await run.fail('upstream_timeout', { trail: 'box: silent' });
    const { status, text } = await call.answer();
    expect(status).toBe(200);
    expect(JSON.parse(text)).toEqual({
      error: {
        message: 'No provider answered in time: box: silent.',
        type: 'upstream_error',
        param: null,
        code: 'upstream_timeout',
      },
    });
    const line = () =>
      replicas.api.logged().find((each) => each['request'] === run.request && each['msg'] === 'request');
    expect(await eventually(line, 'the log line')).toMatchObject({
      status: 200,
      outcome: 'upstream_timeout',
    });
  });

  it('is kept alive for whoever waits for it later, too', async () => {
    const first = chat({}, { headers: CONTINUE });
    const run = await box.next();
    first.leave();
    const waiting = replicas.call(`${run.request}/stream`, { at: replicas.other });
    await untilBegun(waiting);
    await run.complete('{"a":1}');
    expect((await waiting.answer()).text).toMatch(/^ +\{"a":1\}$/);
  });
});
