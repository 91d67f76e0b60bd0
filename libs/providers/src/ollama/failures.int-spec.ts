import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { collectCall, type CollectOptions } from '../../../../test/support/collect-call.js';
import type { Behaviour } from '../../../../test/support/upstream-behaviours.js';
import { drop, endlessBody, html, json, part, reply } from '../../../../test/support/upstream-behaviours.js';
import { ollamaBroken, ollamaError, ollamaLines } from '../../../../test/support/wire/ollama-answers.js';
import { startOllama, type OllamaWire } from '../../../../test/support/wire/ollama.js';
import { OllamaProvider } from './ollama-provider.js';

let wire: OllamaWire;
let provider: OllamaProvider;

beforeEach(async () => {
  wire = await startOllama({});
  wire.add('llama3.2', {}, { loaded: true });
  provider = new OllamaProvider({
    ...{ name: 'box', baseUrl: wire.baseUrl, location: 'local', apiKey: 'sk-of-the-account' },
    limits: { eventLength: 1_000, streamBytes: 100_000, bodyBytes: 10_000 },
  });
});
afterEach(async () => {
  await provider.close();
  await wire.close();
});

const collect = (options: CollectOptions = {}) => collectCall(provider, { model: 'llama3.2', ...options });
const line = (content: string, rest: object = {}) => ({
  message: { role: 'assistant', content },
  done: false,
  ...rest,
});

describe('a stream that fails', () => {
  const failed = { ok: false, aborted: false };
  const visible = { ...failed, phase: 'visible' };
  const early = { ...failed, phase: 'headers' };

  it.each<[string, Behaviour, object]>([
    ['ends early', ollamaBroken('Hello there', 'end'), { ...visible, facts: { kind: 'truncated' } }],
    ['ends before its first word', ollamaLines(), { ...early, facts: { kind: 'truncated' } }],
    [
      'ends in the middle of its last line',
      ollamaLines(line('Hi'), '{"message":{"content":""},"done":tr'),
      { ...visible, facts: { kind: 'truncated' } },
    ],
    [
      'is cut',
      ollamaBroken('Hello there', 'drop'),
      { ...visible, facts: { kind: 'disconnect', code: 'ECONNRESET' } },
    ],
    [
      'is cut before its head',
      drop(),
      { ...failed, phase: 'possibly_accepted', facts: { kind: 'disconnect' } },
    ],
    [
      'says an error',
      ollamaBroken('Hello', { error: 'model runner has unexpectedly stopped' }),
      {
        ...visible,
        facts: { kind: 'status', status: 200, message: 'model runner has unexpectedly stopped' },
      },
    ],
    [
      'says an error at once',
      ollamaLines({ error: 'no' }),
      { ...early, facts: { kind: 'status', status: 200, message: 'no' } },
    ],
    [
      'says an error with its status',
      ollamaLines({ error: 'no', status: 429 }),
      { ...early, facts: { code: '429' } },
    ],
    [
      'is no JSON',
      ollamaLines('oops\n'),
      { ...early, facts: { kind: 'malformed', reason: 'a line is not a JSON object' } },
    ],
    [
      'is something else',
      ollamaLines({ status: 'success' }),
      { ...early, facts: { reason: 'a line is no part of an answer' } },
    ],
    [
      'has a line without end',
      ollamaLines('x'.repeat(2_000)),
      { ...early, facts: { reason: 'a line is too long' } },
    ],
    ['is a web page', html(), { ...early, facts: { reason: 'the response has another content type' } }],
    [
      'is a redirect',
      reply('', { status: 302, headers: { location: '/' } }),
      { ...early, facts: { kind: 'malformed' } },
    ],
  ])('because it %s', async (_, behaviour, expected) => {
    wire.script(behaviour);
    const { end, text } = await collect();
    expect(end).toMatchObject(expected);
    expect(text).not.toContain('[DONE]');
    expect(text).not.toContain('"stop"');
  });

  it('because it goes on for ever', async () => {
    const bytes = `${JSON.stringify(line('Hi'))}\n`;
    wire.script(endlessBody(bytes.repeat(20), { headers: { 'content-type': 'application/x-ndjson' } }));
    const { end } = await collect();
    expect(end).toMatchObject({ ...visible, facts: { kind: 'malformed', reason: 'the stream is too long' } });
    await wire.waitForHangUp(await wire.waitForCall(1));
  });
});

describe('an answer without stream that fails', () => {
  it.each<[string, Behaviour, object]>([
    ['is not whole', json(line('Hello', { done: false })), { facts: { kind: 'truncated' } }],
    ['is an error', json({ error: 'no' }), { facts: { kind: 'status', status: 200, message: 'no' } }],
    ['is cut', part('{"message":'), { facts: { kind: 'disconnect' } }],
    ['is no answer', json({ models: [] }), { facts: { reason: 'the body is no answer' } }],
    [
      'is no JSON',
      reply('oops', { headers: { 'content-type': 'application/json' } }),
      { facts: { reason: 'the body is not a JSON object' } },
    ],
    ['is too long', endlessBody(' '.repeat(5_000)), { facts: { reason: 'the body is too long' } }],
  ])('because it %s', async (_, behaviour, expected) => {
    wire.script(behaviour);
    const { end, frames } = await collect({ stream: false });
    expect(end).toMatchObject({ ok: false, aborted: false, phase: 'headers', ...expected });
    expect(frames).toHaveLength(0);
  });
});

describe('an error of Ollama', () => {
  it('never has our key in it', async () => {
    wire.script(
      ollamaError(401, 'bad key sk-of-the-account'),
      ollamaBroken('Hi', { error: 'sk-of-the-account' }),
    );
    for (const _ of [1, 2]) expect(JSON.stringify((await collect()).end)).not.toContain('sk-of');
    expect(wire.calls[0]?.headers.authorization).toBe('Bearer sk-of-the-account');
  });

  it('is made here, and nothing sent, where the request has what Ollama cannot take', async () => {
    const { end } = await collect({
      body: Buffer.from('{"messages":[{"role":"user","content":[{"type":"file"}]}]}'),
    });
    expect(end).toMatchObject({
      ...{ ok: false, phase: 'not_sent' },
      facts: { kind: 'status', status: 400, param: 'messages[0].content[0].type' },
    });
    expect(wire.calls).toHaveLength(0);
  });
});
