import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { once } from 'node:events';
import type { CallTimeouts } from '../provider.js';
import { OpenAiCompatibleProvider } from './openai-compatible-provider.js';
import { collectCall, createCall, turnLoop } from '../../../../test/support/collect-call.js';
import { startUpstream } from '../../../../test/support/upstream.js';
import type { Upstream } from '../../../../test/support/upstream.js';
import type { Behaviour } from '../../../../test/support/upstream-behaviours.js';
import {
  answer,
  drop,
  endlessBody,
  hang,
  html,
  json,
  part,
  reply,
  status,
  stream,
  streamAs,
} from '../../../../test/support/upstream-behaviours.js';
import {
  comment,
  done,
  dropHere,
  endless,
  event,
  finish,
  hangOn,
  raw,
  role,
  token,
  tokens,
} from '../../../../test/support/upstream-steps.js';

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
    expect(end).toEqual({ ok: true });
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
      upstream.script(part('{"error":', { status: 503, then: 'hang' }));
      const { end } = await collectCall(provider, {
        timeouts: { firstTokenMs: 60_000, idleMs: 60_000, responseMs: 60_000 },
      });
      expect(end).toMatchObject({ facts: { kind: 'status', status: 503 } });
      await upstream.waitForHangUp(await upstream.waitForCall(1));
    });
  });

  describe('by a timer', () => {
    const short = { firstTokenMs: 60_000, idleMs: 60_000, responseMs: 60_000 };

    it.each<[string, Behaviour, Partial<CallTimeouts>, string, string]>([
      ['silence before headers', hang(), { firstTokenMs: 40 }, 'possibly_accepted', 'first_token'],
      ['silence after headers', stream(hangOn()), { firstTokenMs: 40 }, 'headers', 'first_token'],
      ['silence after the role', stream(role(), hangOn()), { firstTokenMs: 40 }, 'headers', 'first_token'],
      [
        'comments without end',
        stream(endless(': waiting\n')),
        { firstTokenMs: 40 },
        'headers',
        'first_token',
      ],
      ['silence after output', stream(token('Hi'), hangOn()), { idleMs: 40 }, 'visible', 'idle'],
    ])('%s', async (_, behaviour, timeouts, phase, timer) => {
      upstream.script(behaviour);
      const roomy = new OpenAiCompatibleProvider({ name: 'roomy', baseUrl: upstream.baseUrl });
      const { end } = await collectCall(roomy, { timeouts: { ...short, ...timeouts } });
      expect(end).toEqual({ ok: false, aborted: false, phase, facts: { kind: 'timeout', timer } });
      await upstream.waitForHangUp(await upstream.waitForCall(1));
      await roomy.close();
    });

    it.each<[string, Behaviour, string]>([
      ['before headers', hang(), 'possibly_accepted'],
      ['in the body', part('{"choices":[', { then: 'hang' }), 'headers'],
    ])('silence %s of an answer without stream', async (_, behaviour, phase) => {
      upstream.script(behaviour);
      const { end } = await collectCall(provider, { stream: false, timeouts: { ...short, responseMs: 40 } });
      expect(end).toEqual({
        ok: false,
        aborted: false,
        phase,
        facts: { kind: 'timeout', timer: 'response' },
      });
      await upstream.waitForHangUp(await upstream.waitForCall(1));
    });

    it('takes comments for a sign of life once there was output', async () => {
      const beats = Array.from({ length: 20 }, () => [comment('alive'), () => turnLoop()]).flat();
      upstream.script(stream(token('Hi'), ...beats, finish(), done()));
      expect((await collectCall(provider, { timeouts: { ...short, idleMs: 1_000 } })).end).toEqual({
        ok: true,
      });
    });

    it('is not one where the finish has come and the upstream keeps the connection', async () => {
      upstream.script(stream(token('Hi'), finish(), hangOn()));
      const { text, end } = await collectCall(provider, { timeouts: { ...short, idleMs: 40 } });
      expect(end).toEqual({ ok: true });
      expect(text.endsWith('data: [DONE]\n\n')).toBe(true);
    });
  });

  describe('by the signal', () => {
    it.each<[string, Behaviour, boolean, string]>([
      ['before headers', hang(), true, 'possibly_accepted'],
      ['after headers', stream(hangOn()), true, 'headers'],
      ['before a body', hang(), false, 'possibly_accepted'],
      ['in a body', part('{', { then: 'hang' }), false, 'headers'],
      ['in an error', part('{', { status: 500, then: 'hang' }), true, 'headers'],
    ])('%s: hangs up at once', async (_, behaviour, isStream, phase) => {
      upstream.script(behaviour);
      const stop = new AbortController();
      const call = collectCall(provider, { stream: isStream, signal: stop.signal });
      const seen = await upstream.waitForCall(1);
      // The head, where there is one, must have arrived: the phase depends on it.
      await turnLoop();
      stop.abort();
      const abortedAt = Date.now();
      expect((await call).end).toEqual({ ok: false, aborted: true, phase });
      expect((await upstream.waitForHangUp(seen)) - abortedAt).toBeLessThan(500);
    });

    it('mid-stream: gives nothing more, though more has arrived', async () => {
      upstream.script(stream(raw(Buffer.from(await textOf(stream(tokens('a b c d e f'))))), hangOn()));
      const stop = new AbortController();
      const { frames, end } = await collectCall(provider, {
        signal: stop.signal,
        onFrame: () => stop.abort(),
      });
      expect(frames).toHaveLength(1);
      expect(end).toMatchObject({ ok: false, aborted: true, phase: 'visible' });
      await upstream.waitForHangUp(await upstream.waitForCall(2));
    });

    it('hangs up though nobody asks for the next frame', async () => {
      upstream.script(stream(token('Hi'), hangOn()));
      const stop = new AbortController();
      const iteration = provider.infer(createCall(), stop.signal);
      expect((await iteration.next()).done).toBe(false);
      stop.abort();
      await upstream.waitForHangUp(await upstream.waitForCall(1));
      expect((await iteration.next()).value).toMatchObject({ aborted: true });
    });

    it('calls nobody where it was aborted before', async () => {
      const { end } = await collectCall(provider, { signal: AbortSignal.abort() });
      expect(end).toEqual({ ok: false, aborted: true, phase: 'not_sent' });
      expect(upstream.calls).toHaveLength(0);
    });

    it('hangs up when the iteration is left', async () => {
      upstream.script(stream(token('Hi'), hangOn()));
      for await (const frame of provider.infer(createCall(), new AbortController().signal)) {
        expect(frame.output).toBe(true);
        break;
      }
      await upstream.waitForHangUp(await upstream.waitForCall(1));
    });

    async function textOf(behaviour: Behaviour): Promise<string> {
      const whole: string[] = [];
      upstream.when({ marker: 'text-of' }, behaviour);
      await collectCall(provider, {
        body: Buffer.from('{"text-of":1}'),
        onFrame: (frame) => whole.push(frame.bytes.toString()),
      });
      return whole.join('');
    }
  });
});

describe('a connection that fails', () => {
  let provider: OpenAiCompatibleProvider;
  let server: Server | undefined;
  let upstream: Upstream;
  beforeEach(async () => {
    upstream = await startUpstream();
  });
  afterEach(async () => {
    await provider.close();
    await upstream.close();
    server?.close();
    server = undefined;
  });

  /** A TCP server that is no HTTP server. */
  async function listen(greeting: string): Promise<number> {
    server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => socket.end(greeting));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  }

  it('is refused: nothing was sent', async () => {
    provider = new OpenAiCompatibleProvider({ name: 'gone', baseUrl: upstream.baseUrl });
    await upstream.close();
    expect((await collectCall(provider)).end).toEqual({
      ok: false,
      aborted: false,
      phase: 'not_sent',
      facts: { kind: 'connect', code: 'ECONNREFUSED' },
    });
  });

  it('finds no TLS: nothing was sent', async () => {
    provider = new OpenAiCompatibleProvider({
      name: 'tls',
      baseUrl: `https://127.0.0.1:${await listen('no TLS here')}/v1`,
    });
    const { end } = await collectCall(provider);
    expect(end).toMatchObject({
      phase: 'not_sent',
      facts: { kind: 'connect', code: expect.stringMatching(/^[A-Z_]+$/) },
    });
  });

  it('finds no HTTP', async () => {
    provider = new OpenAiCompatibleProvider({
      name: 'smtp',
      baseUrl: `http://127.0.0.1:${await listen('220 mail ESMTP\r\n')}/v1`,
    });
    expect((await collectCall(provider)).end).toMatchObject({
      phase: 'possibly_accepted',
      facts: { kind: 'malformed', reason: 'the response is not valid HTTP' },
    });
  });

  it('is kept alive and dies at its next use: the call may have been accepted', async () => {
    provider = new OpenAiCompatibleProvider({ name: 'stale', baseUrl: upstream.baseUrl });
    upstream.script(answer('one'), drop());
    expect((await collectCall(provider)).end.ok).toBe(true);
    await turnLoop();
    expect((await collectCall(provider)).end).toMatchObject({ phase: 'possibly_accepted', facts: LOST });
    expect(upstream.calls.map((call) => call.connection)).toEqual([1, 1]);
  });

  it('is not made any more once the provider is closed', async () => {
    provider = new OpenAiCompatibleProvider({ name: 'closed', baseUrl: upstream.baseUrl });
    await provider.close();
    expect((await collectCall(provider)).end).toMatchObject({
      ok: false,
      phase: 'not_sent',
      facts: { kind: 'connect' },
    });
    expect(upstream.calls).toHaveLength(0);
  });
});
