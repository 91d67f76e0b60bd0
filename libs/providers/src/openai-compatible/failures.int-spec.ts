import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { collectCall } from '../../../../test/support/collect-call.js';
import { startUpstream } from '../../../../test/support/upstream.js';
import type { Upstream } from '../../../../test/support/upstream.js';
import type { Behaviour } from '../../../../test/support/upstream-behaviours.js';
import {
  answer,
  drop,
  endlessBody,
  html,
  json,
  part,
  reply,
  status,
  stream,
  streamAs,
} from '../../../../test/support/upstream-behaviours.js';
import {
  done,
  dropHere,
  endless,
  event,
  finish,
  raw,
  role,
  token,
  tokens,
} from '../../../../test/support/upstream-steps.js';
import { OpenAiCompatibleProvider } from './openai-compatible-provider.js';

const SSE = { 'content-type': 'text/event-stream' };
const MALFORMED = { kind: 'malformed' };
const LOST = { kind: 'disconnect', code: 'ECONNRESET' };
const TRUNCATED = { kind: 'truncated' };

describe('a call that fails', () => {
  let upstream: Upstream;
  let provider: OpenAiCompatibleProvider;
  beforeEach(async () => {
    upstream = await startUpstream();
    const limits = { eventLength: 100_000, streamBytes: 300_000, bodyBytes: 200_000 };
    provider = new OpenAiCompatibleProvider({
      name: 'test',
      baseUrl: upstream.baseUrl,
      apiKey: 'sk-hidden',
      limits,
    });
  });
  afterEach(async () => {
    await provider.close();
    await upstream.close();
  });

  it.each<[string, Behaviour, string, object]>([
    ['drops before headers', drop(), 'possibly_accepted', LOST],
    ['resets before headers', drop({ reset: true }), 'possibly_accepted', LOST],
    ['drops after headers', stream(dropHere()), 'headers', LOST],
    ['drops after the role', stream(role(), dropHere()), 'headers', LOST],
    ['drops after output', stream(role(), token('Hi'), dropHere()), 'visible', LOST],
    ['resets after output', stream(role(), token('Hi'), dropHere({ reset: true })), 'visible', LOST],
    ['ends after the role', stream(role()), 'headers', TRUNCATED],
    ['ends without a finish', stream(role(), tokens('Hello big')), 'visible', TRUNCATED],
    ['says [DONE] without a finish', stream(token('Hi'), done()), 'visible', TRUNCATED],
    ['sends bad JSON', stream(event('{"choices":[')), 'headers', MALFORMED],
    ['sends bad JSON after output', stream(token('Hi'), event('{"choices":[')), 'visible', MALFORMED],
    ['sends a line without end', stream(raw('data: "'), endless('x'.repeat(10_000))), 'headers', MALFORMED],
    ['sends comments without end', stream(endless(`: ${'x'.repeat(10_000)}\n`)), 'headers', MALFORMED],
    ['answers with a web page', html(), 'headers', MALFORMED],
    ['answers with JSON', json({ choices: [{}] }), 'headers', MALFORMED],
    [
      'answers with an error object',
      json({ error: { message: 'no', code: 'x' } }),
      'headers',
      { kind: 'status', status: 200, code: 'x' },
    ],
    [
      'packs the stream',
      reply('', { headers: { ...SSE, 'content-encoding': 'gzip' } }),
      'headers',
      MALFORMED,
    ],
    [
      'redirects',
      reply('', { status: 307, headers: { location: 'http://127.0.0.1:9/v1' } }),
      'headers',
      MALFORMED,
    ],
    [
      'sends an error first',
      stream(event({ error: { message: 'no', type: 'overloaded_error' } })),
      'headers',
      { kind: 'status', status: 200, type: 'overloaded_error' },
    ],
    [
      'sends an error after output',
      stream(token('Hi'), event({ error: { message: 'no' } })),
      'visible',
      { kind: 'status', message: 'no' },
    ],
    [
      'sends a named error',
      stream(event({ message: 'no' }, 'error')),
      'headers',
      { kind: 'status', message: 'no' },
    ],
  ])('%s (stream)', async (_, behaviour, phase, facts) => {
    upstream.script(behaviour);
    const { text, end } = await collectCall(provider);
    expect(end).toMatchObject({ ok: false, aborted: false, phase, facts });
    expect(text).not.toContain('[DONE]');
    expect(text.includes('Hi') || text.includes('Hello')).toBe(phase === 'visible');
    await upstream.waitForEnd(await upstream.waitForCall(1));
  });

  it.each<[string, Behaviour, string, object]>([
    ['drops before headers', drop(), 'possibly_accepted', LOST],
    ['drops in the body', part('{"choices":[{'), 'headers', LOST],
    [
      'sends bad JSON',
      reply('{"choices":[', { headers: { 'content-type': 'application/json' } }),
      'headers',
      MALFORMED,
    ],
    ['sends a list', json([1]), 'headers', MALFORMED],
    ['sends no choices', json({ id: 'x' }), 'headers', MALFORMED],
    ['sends empty choices', json({ choices: [] }), 'headers', MALFORMED],
    [
      'sends an error object',
      json({ error: { message: 'no', code: 503 }, choices: [{}] }),
      'headers',
      { kind: 'status', status: 200, code: '503' },
    ],
    ['sends a body without end', endlessBody('x'.repeat(10_000)), 'headers', MALFORMED],
    ['answers with a web page', html(), 'headers', MALFORMED],
    ['answers with a stream', stream(token('Hi'), finish(), done()), 'headers', MALFORMED],
    [
      'packs the body',
      reply('x', { headers: { 'content-type': 'application/json', 'content-encoding': 'br' } }),
      'headers',
      MALFORMED,
    ],
  ])('%s (no stream)', async (_, behaviour, phase, facts) => {
    upstream.script(behaviour);
    const { frames, end } = await collectCall(provider, { stream: false });
    expect(frames).toEqual([]);
    expect(end).toMatchObject({ ok: false, aborted: false, phase, facts });
    await upstream.waitForEnd(await upstream.waitForCall(1));
  });

  it.each([
    ['the finish arrived before the drop', stream(token('Hi'), finish(), dropHere())],
    ['the finish arrived before the reset', streamAs({}, token('Hi'), finish(), dropHere({ reset: true }))],
  ])('is complete all the same where %s', async (_, behaviour) => {
    upstream.script(behaviour);
    const { content, text, end } = await collectCall(provider);
    expect(content).toBe('Hi');
    expect(end).toEqual({ ok: true, received: { deltas: 1, textBytes: 2 } });
    expect(text.endsWith('data: [DONE]\n\n')).toBe(true);
  });

  describe('by a status', () => {
    it.each<[string, Behaviour, object]>([
      ['500', status(500), { status: 500, message: 'scripted 500', type: 'server_error' }],
      [
        '429 in seconds',
        status(429, { retryAfter: '7', code: 'rate_limit_exceeded' }),
        { status: 429, retryAfterMs: 7_000, code: 'rate_limit_exceeded' },
      ],
      ['429 in ms', status(429, { headers: { 'retry-after-ms': '1500' } }), { retryAfterMs: 1_500 }],
      [
        '429 by a date long past',
        status(429, { retryAfter: 'Sun, 06 Nov 1994 08:49:37 GMT' }),
        { retryAfterMs: 0 },
      ],
      ['529 absurdly long', status(529, { retryAfter: '99999999' }), { status: 529, retryAfterMs: 300_000 }],
      [
        '400 with a member',
        status(400, { param: 'messages', code: 'invalid_value' }),
        { status: 400, param: 'messages', code: 'invalid_value' },
      ],
      [
        '401 that echoes the key',
        status(401, { message: 'bad key: sk-hidden' }),
        { status: 401, message: 'bad key: [redacted]' },
      ],
      [
        '502 with a web page',
        reply('<html>', { status: 502, headers: { 'content-type': 'text/html' } }),
        { status: 502 },
      ],
      ['503 with a body without end', endlessBody('x'.repeat(10_000), { status: 503 }), { status: 503 }],
      ['503 with a body cut short', part('{"error":', { status: 503 }), { status: 503 }],
      [
        '404 of FastAPI',
        json({ detail: 'Not Found' }, { status: 404 }),
        { status: 404, message: 'Not Found' },
      ],
    ])('%s', async (_, behaviour, facts) => {
      upstream.script(behaviour);
      const { frames, end } = await collectCall(provider);
      expect(frames).toEqual([]);
      expect(end).toMatchObject({
        ok: false,
        aborted: false,
        phase: 'headers',
        facts: { kind: 'status', ...facts },
      });
    });

    it('does not wait long for the words of an error', async () => {
      upstream.script(part('{"error":', { status: 503, rest: 'hang' }));
      const { end } = await collectCall(provider, {
        timeouts: { firstTokenMs: 60_000, idleMs: 60_000, responseMs: 60_000 },
      });
      expect(end).toMatchObject({ facts: { kind: 'status', status: 503 } });
      await upstream.waitForHangUp(await upstream.waitForCall(1));
    });
  });

  it.each([true, false])(
    'has fewer choices than were asked for (stream: %s): no answer',
    async (isStream) => {
      upstream.script(answer('Hi'));
      const body = Buffer.from(JSON.stringify({ model: 'm', messages: [], stream: isStream, n: 2 }));
      const { end } = await collectCall(provider, { body, stream: isStream });
      const reason = expect.stringMatching(/^1 of 2 choices/);
      expect(end).toMatchObject({ ok: false, aborted: false, facts: { kind: 'malformed', reason } });
    },
  );
});
