import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { OpenAiCompatibleProvider } from './openai-compatible-provider.js';
import type { OpenAiCompatibleOptions } from './openai-compatible-provider.js';
import { collectCall, createCall, turnLoop } from '../../../../test/support/collect-call.js';
import { startUpstream } from '../../../../test/support/upstream.js';
import type { Upstream } from '../../../../test/support/upstream.js';
import {
  answer,
  hang,
  modelList,
  part,
  status,
  stream,
  streamAs,
} from '../../../../test/support/upstream-behaviours.js';
import { createGate } from '../../../../test/support/upstream-gate.js';
import {
  comment,
  done,
  finish,
  passGate,
  raw,
  role,
  token,
  toolCall,
  usage,
} from '../../../../test/support/upstream-steps.js';

describe('OpenAiCompatibleProvider', () => {
  let upstream: Upstream;
  let provider: OpenAiCompatibleProvider;
  const others: OpenAiCompatibleProvider[] = [];

  function connect(options: Partial<OpenAiCompatibleOptions> = {}): OpenAiCompatibleProvider {
    const other = new OpenAiCompatibleProvider({ name: 'test', baseUrl: upstream.baseUrl, ...options });
    others.push(other);
    return other;
  }
  beforeEach(async () => {
    upstream = await startUpstream();
    provider = connect();
  });
  afterEach(async () => {
    await Promise.all(others.splice(0).map((each) => each.close()));
    await upstream.close();
  });

  describe('answers', () => {
    it('streams frame by frame and ends with [DONE]', async () => {
      upstream.script(answer('Hello big world'));
      const { frames, text, content, end } = await collectCall(provider);
      expect(content).toBe('Hello big world');
      expect(frames.map((frame) => frame.output)).toEqual([false, true, true, true, false, false]);
      expect(text.endsWith('data: [DONE]\n\n')).toBe(true);
      expect(end).toEqual({ ok: true, usage: { promptTokens: 7, completionTokens: 3 } });
    });

    it('yields each frame as it comes, not when the stream ends', async () => {
      const gate = createGate();
      upstream.script(answer('one two', { gate }));
      const seen: string[] = [];
      const call = collectCall(provider, {
        onFrame: ({ bytes, output }) => {
          if (output) seen.push(bytes.toString());
          gate.release();
        },
      });
      expect((await call).content).toBe('one two');
      expect(seen).toHaveLength(2);
    });

    it('keeps characters whole that arrive byte by byte, in CR LF lines', async () => {
      upstream.script(answer('Grüße 👋 世界', { bytesPerWrite: 1, crlf: true }));
      expect((await collectCall(provider)).content).toBe('Grüße 👋 世界');
    });

    it('passes tool calls on', async () => {
      upstream.script(
        stream(role(), comment('thinking'), toolCall('f', '{"a":1}'), finish('tool_calls'), done()),
      );
      const { frames, end } = await collectCall(provider);
      expect(frames.map((frame) => frame.output)).toEqual([false, true, true, true, false, false]);
      expect(end.ok).toBe(true);
    });

    it('gives the usage chunk only to a client that asked', async () => {
      upstream.otherwise(answer('Hi', { usage: 'always' }));
      expect((await collectCall(provider)).text).not.toContain('prompt_tokens');
      const asked = await collectCall(provider, { includeUsage: true });
      expect(asked.text).toContain('"choices":[],"usage":{"prompt_tokens":7');
      expect(asked.text.match(/\[DONE\]/g)).toHaveLength(1);
    });

    it('passes a body on in its own bytes', async () => {
      upstream.script(answer('Hello', { choices: 2 }));
      const { frames, content, end } = await collectCall(provider, { stream: false });
      expect(frames.map((frame) => frame.output)).toEqual([true]);
      expect(content).toBe('HelloHello');
      expect(end).toEqual({ ok: true, usage: { promptTokens: 7, completionTokens: 2 } });
    });

    it('sends the [DONE] that the upstream left out, once', async () => {
      upstream.script(stream(token('Hi'), finish()));
      const { text, end } = await collectCall(provider);
      expect(text.match(/data: \[DONE\]\n\n/g)).toHaveLength(1);
      expect(end.ok).toBe(true);
    });

    it('ends at [DONE] though the upstream goes on, and hangs up', async () => {
      const gate = createGate();
      upstream.script(stream(token('Hi'), finish(), done(), token('more'), passGate(gate)));
      const { content, end } = await collectCall(provider);
      expect(content).toBe('Hi');
      expect(end.ok).toBe(true);
      await upstream.waitForHangUp(await upstream.waitForCall(1));
    });

    it('uses a socket again after a stream and after an error', async () => {
      upstream.script(answer('one'), status(503), answer('two'));
      await collectCall(provider);
      await turnLoop();
      await collectCall(provider);
      await turnLoop();
      await collectCall(provider, { stream: false });
      expect(upstream.calls.map((call) => call.connection)).toEqual([1, 1, 1]);
    });

    it('does not mix the answers of 50 calls at once', async () => {
      const names = Array.from({ length: 50 }, (_, index) => `answer-${index}`);
      for (const name of names) upstream.when({ model: name }, answer(`${name} is the whole answer`));
      const calls = await Promise.all(names.map((model) => collectCall(provider, { model })));
      expect(calls.map((call) => call.content)).toEqual(names.map((name) => `${name} is the whole answer`));
    });

    it('waits for a slow reader and loses nothing', async () => {
      const text = Array.from({ length: 3_000 }, (_, index) => `${index}-${'x'.repeat(1_000)}`).join(' ');
      upstream.script(streamAs({}, raw([...toChunks(text)].join('')), finish(), done()));
      const iteration = provider.infer(createCall(), new AbortController().signal);
      let content = '';
      for (let next = await iteration.next(); !next.done; next = await iteration.next()) {
        content += readDelta(next.value.bytes);
        await new Promise(setImmediate);
      }
      expect(content).toBe(text);
    }, 20_000);
  });

  describe('the request', () => {
    it('is the client’s body but for the model, our own members and the wish for usage', async () => {
      const body =
        '{ "model":"public","seed":12345678901234567890, "spillway":{"a":1},"temperature":1.0,"fallbakit":{},' +
        '"stream":true,"stream_options":{"x":[1.50]},"extra_body":{"fallbakit":{}}, "messages":[{"content":"é\\u00e9"}]}';
      await collectCall(provider, { body: Buffer.from(body), model: 'org/real "model"' });
      expect(upstream.calls[0]?.body.toString()).toBe(
        '{ "model":"org/real \\"model\\"","seed":12345678901234567890,"temperature":1.0,' +
          '"stream":true,"stream_options":{"x":[1.50],"include_usage":true}, "messages":[{"content":"é\\u00e9"}]}',
      );
    });

    it.each([
      ['{"model":"a"}', '{"model":"upstream-model","stream_options":{"include_usage":true}}'],
      [
        '{"model":"a","stream_options":null}',
        '{"model":"upstream-model","stream_options":{"include_usage":true}}',
      ],
      [
        '{"stream_options":{"include_usage":false}}',
        '{"stream_options":{"include_usage":true},"model":"upstream-model"}',
      ],
    ])('asks for usage: %s', async (body, expected) => {
      await collectCall(provider, { body: Buffer.from(body) });
      expect(upstream.calls[0]?.body.toString()).toBe(expected);
    });

    it('does not ask for usage without a stream', async () => {
      await collectCall(provider, { body: Buffer.from('{"model":"a"}'), stream: false });
      expect(upstream.calls[0]?.body.toString()).toBe('{"model":"upstream-model"}');
    });

    it('carries the key, the request id and the fixed headers', async () => {
      const headers = {
        'X-Team': 'blue',
        'Content-Length': '3',
        'Accept-Encoding': 'gzip',
        'User-Agent': 'ours',
      };
      await collectCall(connect({ apiKey: 'sk-test', headers }));
      expect(upstream.calls[0]?.headers).toMatchObject({
        authorization: 'Bearer sk-test',
        'x-request-id': 'req_0_test-1',
        'x-team': 'blue',
        'user-agent': 'ours',
        'accept-encoding': 'identity',
        'content-type': 'application/json',
      });
    });

    it('carries no authorization without a key', async () => {
      await collectCall(provider);
      expect(upstream.calls[0]?.headers).not.toHaveProperty('authorization');
    });

    it('keeps the path and the query of the base URL', async () => {
      await collectCall(connect({ baseUrl: `${upstream.baseUrl}/deep/?api-version=1` }));
      expect(upstream.calls[0]?.path).toBe('/v1/deep/chat/completions?api-version=1');
    });

    it('carries a body of 5 MB whole', async () => {
      const content = 'Ä'.repeat(2_500_000);
      await collectCall(provider, { body: Buffer.from(JSON.stringify({ messages: [{ content }] })) });
      expect(upstream.calls[0]?.json?.['messages']).toEqual([{ content }]);
    });
  });

  describe('discovery', () => {
    const { signal } = new AbortController();

    it('lists the models', async () => {
      upstream.scriptModels(modelList('a', 'org/b'));
      expect(await provider.discover(signal)).toEqual({ models: ['a', 'org/b'], credential: 'ok' });
    });

    it.each([401, 403])('takes %d for a rejected credential, until it is taken again', async (code) => {
      upstream.scriptModels(status(code));
      expect(await provider.discover(signal)).toEqual({ credential: 'rejected' });
      upstream.scriptModels(status(503));
      expect(await provider.discover(signal)).toEqual({ credential: 'rejected' });
      upstream.scriptModels(modelList('a'));
      expect(await provider.discover(signal)).toEqual({ models: ['a'], credential: 'ok' });
    });

    it.each([
      ['no such path', status(404)],
      ['a web page', stream()],
      ['a body cut short', part('{"data":[')],
    ])('knows no models after %s', async (_, behaviour) => {
      upstream.scriptModels(behaviour);
      expect(await provider.discover(signal)).toEqual({ credential: 'ok' });
    });

    it('knows no models of an upstream that is not there', async () => {
      await upstream.close();
      expect(await provider.discover(signal)).toEqual({ credential: 'ok', away: true });
    });

    it('knows a broker like this one by its request ids', async () => {
      const body = JSON.stringify({ object: 'list', data: [{ id: 'a' }] });
      upstream.scriptModels(async ({ response }) => {
        response.setHeader('content-type', 'application/json');
        response.setHeader('x-request-id', 'req_0_01M7ZZMF0YEAR33WNGP23576ZK').end(body);
      });
      const found = { models: ['a'], credential: 'ok', broker: true };
      expect(await provider.discover(signal)).toEqual(found);
    });

    it('ends at once when it is aborted', async () => {
      upstream.scriptModels(hang());
      const stop = new AbortController();
      const discovery = provider.discover(stop.signal);
      stop.abort();
      expect(await discovery).toEqual({ credential: 'ok' });
    });
  });

  it('records usage that came before the stream broke off', async () => {
    upstream.script(stream(token('Hi'), usage(), raw('data: [DONE]\n\n')));
    expect((await collectCall(provider)).end).toEqual({
      ok: false,
      aborted: false,
      phase: 'visible',
      facts: { kind: 'truncated' },
      usage: { promptTokens: 7, completionTokens: 1 },
      received: { deltas: 1, textBytes: 2 },
    });
  });
});

function* toChunks(text: string): Generator<string> {
  for (let at = 0; at < text.length; at += 1_000) {
    const delta = { content: text.slice(at, at + 1_000) };
    yield `data: ${JSON.stringify({ choices: [{ index: 0, delta }] })}\n\n`;
  }
}

/** The text of a frame, which may hold several events. */
function readDelta(frame: Buffer): string {
  const events = frame.toString().split('\n\n').filter(Boolean);
  const texts = events.map((event) => {
    const json = event.slice('data: '.length);
    if (json === '[DONE]') return '';
    const { choices } = JSON.parse(json) as { choices: { delta: { content?: string } }[] };
    return choices[0]?.delta.content ?? '';
  });
  return texts.join('');
}
