import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { request } from 'undici';
import { startUpstream } from './upstream.js';
import type { Upstream } from './upstream.js';
import {
  answer,
  drop,
  gated,
  hang,
  modelList,
  part,
  status,
  stream,
  streamAs,
} from './upstream-behaviours.js';
import { createGate } from './upstream-gate.js';
import { dropHere, raw, role, token } from './upstream-steps.js';

describe('the scripted upstream', () => {
  let upstream: Upstream;
  beforeEach(async () => {
    upstream = await startUpstream();
  });
  afterEach(() => upstream.close());

  function post(body: object, signal?: AbortSignal) {
    return request(`${upstream.baseUrl}/chat/completions`, {
      method: 'POST',
      body: JSON.stringify(body),
      ...(signal && { signal }),
    });
  }
  async function text(body: object): Promise<string> {
    return (await post(body)).body.text();
  }

  it('plays its script in order, then its default', async () => {
    upstream.script(status(503, { retryAfter: '2' }), answer('one'));
    upstream.otherwise(answer('always'));
    const first = await post({ model: 'm' });
    expect(first.statusCode).toBe(503);
    expect(first.headers['retry-after']).toBe('2');
    await first.body.dump();
    expect(await text({ model: 'm' })).toContain('"one"');
    expect(await text({ model: 'm' })).toContain('"always"');
    expect(await text({ model: 'm' })).toContain('"always"');
    expect(upstream.calls.map((call) => call.number)).toEqual([1, 2, 3, 4]);
  });

  it('matches calls by model and by a marker in the body', async () => {
    upstream.when({ model: 'a' }, answer('for a'), answer('for a again'));
    upstream.when({ marker: 'needle' }, answer('marked'));
    expect(await text({ model: 'a' })).toContain('for a"');
    expect(await text({ model: 'a' })).toContain('for a again');
    expect(await text({ model: 'a' })).toContain('for a again');
    expect(await text({ model: 'b', messages: ['a needle here'] })).toContain('marked');
    expect(await text({ model: 'b' })).toContain('Hello from the upstream');
  });

  it('keeps the bytes and headers of each call', async () => {
    await text({ model: 'm', big: 1 });
    const call = await upstream.waitForCall(1);
    expect(call.body.toString()).toBe('{"model":"m","big":1}');
    expect(call.headers['content-length']).toBe('21');
    expect(call.hungUpAt).toBeUndefined();
    await upstream.waitForEnd(call);
    expect(upstream.inFlight).toBe(0);
  });

  it('streams an answer with the usage that was asked for', async () => {
    const body = await text({ model: 'm', stream: true, stream_options: { include_usage: true } });
    const events = body.split('\n\n').filter(Boolean);
    expect(events.at(-1)).toBe('data: [DONE]');
    expect(events.at(-2)).toContain('"completion_tokens":4');
    expect(await text({ model: 'm', stream: true })).not.toContain('usage');
  });

  it('splits writes inside characters and lines', async () => {
    upstream.script(streamAs({ bytesPerWrite: 1, crlf: true }, token('é')));
    expect(await text({ model: 'm' })).toMatch(/^data: .*"é".*\r\n\r\n$/);
  });

  it('holds tokens until the gate is released', async () => {
    const gate = createGate();
    upstream.script(answer('one two', { gate }));
    const response = await post({ model: 'm', stream: true });
    gate.release(2);
    expect(await response.body.text()).toContain('[DONE]');
  });

  it.each([
    ['before headers', drop()],
    ['before headers, by reset', drop({ reset: true })],
    ['in a body', part('{"choices":')],
    ['mid-stream', stream(role(), dropHere())],
    ['mid-stream, by reset', stream(raw('data: '), dropHere({ reset: true }))],
  ])('drops the connection %s without calling it a hang-up', async (_, behaviour) => {
    upstream.script(behaviour);
    await expect(text({ model: 'm' })).rejects.toThrow(/closed|terminated|ECONNRESET/);
    const call = await upstream.waitForCall(1);
    await upstream.waitForEnd(call);
    expect(call.hungUpAt).toBeUndefined();
  });

  it('notices a client that hangs up, and lets it take no pass of the gate', async () => {
    const gate = createGate();
    upstream.script(gated(gate, answer('never')), hang(), gated(gate, answer('through')));
    const client = new AbortController();
    const gone = [post({ model: 'm' }, client.signal), post({ model: 'm' }, client.signal)];
    const calls = [await upstream.waitForCall(1), await upstream.waitForCall(2)];
    client.abort();
    await Promise.all(gone.map((each) => expect(each).rejects.toThrow(/abort/)));
    for (const call of calls)
      expect(await upstream.waitForHangUp(call)).toBeGreaterThanOrEqual(call.startedAt);
    gate.release();
    expect(await text({ model: 'm' })).toContain('through');
  });

  it('says what it waited for in vain', async () => {
    await expect(upstream.waitForCall(1, 10)).rejects.toThrow('did not see call 1 within 10 ms');
  });

  it('lists models as scripted', async () => {
    upstream.scriptModels(modelList('a', 'b'));
    const response = await request(`${upstream.baseUrl}/models`);
    expect(await response.body.json()).toMatchObject({ data: [{ id: 'a' }, { id: 'b' }] });
    expect(upstream.modelCalls).toBe(1);
    expect(upstream.calls).toHaveLength(0);
  });
});
