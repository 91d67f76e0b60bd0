import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { collectCall, createCall, turnLoop } from '../../../../test/support/collect-call.js';
import { startUpstream } from '../../../../test/support/upstream.js';
import type { Upstream } from '../../../../test/support/upstream.js';
import type { Behaviour } from '../../../../test/support/upstream-behaviours.js';
import { hang, part, stream } from '../../../../test/support/upstream-behaviours.js';
import {
  comment,
  done,
  endless,
  finish,
  hangOn,
  raw,
  role,
  token,
  tokens,
} from '../../../../test/support/upstream-steps.js';
import type { CallTimeouts } from '../provider.js';
import { OpenAiCompatibleProvider } from './openai-compatible-provider.js';

describe('a call that is ended', () => {
  let upstream: Upstream;
  let provider: OpenAiCompatibleProvider;
  beforeEach(async () => {
    upstream = await startUpstream();
    provider = new OpenAiCompatibleProvider({ name: 'test', baseUrl: upstream.baseUrl });
  });
  afterEach(async () => {
    await provider.close();
    await upstream.close();
  });

  describe('by a timer', () => {
    const roomy = { firstTokenMs: 60_000, idleMs: 60_000, responseMs: 60_000 };

    it.each<[string, Behaviour, Partial<CallTimeouts>, string, string]>([
      ['silence before headers', hang(), { firstTokenMs: 300 }, 'possibly_accepted', 'first_token'],
      ['silence after headers', stream(hangOn()), { firstTokenMs: 300 }, 'headers', 'first_token'],
      ['silence after the role', stream(role(), hangOn()), { firstTokenMs: 300 }, 'headers', 'first_token'],
      [
        'comments without end',
        stream(endless(': waiting\n')),
        { firstTokenMs: 300 },
        'headers',
        'first_token',
      ],
      ['silence after output', stream(token('Hi'), hangOn()), { idleMs: 40 }, 'visible', 'idle'],
      ['silence after output', stream(token('Hi'), hangOn()), { streamMs: 300 }, 'visible', 'stream'],
      ['silence before headers', hang(), { streamMs: 300 }, 'possibly_accepted', 'stream'],
      ['silence after headers', stream(hangOn()), { streamMs: 300 }, 'headers', 'stream'],
    ])('%s', async (_, behaviour, timeouts, phase, timer) => {
      upstream.script(behaviour);
      const { end } = await collectCall(provider, { timeouts: { ...roomy, ...timeouts } });
      const partly = phase === 'visible' && { received: { deltas: 1, textBytes: 2 } };
      expect(end).toEqual({ ok: false, aborted: false, phase, facts: { kind: 'timeout', timer }, ...partly });
      await upstream.waitForHangUp(await upstream.waitForCall(1));
    });

    it.each<[string, Behaviour, string]>([
      ['before headers', hang(), 'possibly_accepted'],
      ['in the body', part('{"choices":[', { rest: 'hang' }), 'headers'],
    ])('silence %s of an answer without stream', async (_, behaviour, phase) => {
      upstream.script(behaviour);
      const { end } = await collectCall(provider, { stream: false, timeouts: { ...roomy, responseMs: 300 } });
      expect(end).toEqual({
        ok: false,
        aborted: false,
        phase,
        facts: { kind: 'timeout', timer: 'response' },
      });
      await upstream.waitForHangUp(await upstream.waitForCall(1));
    });

    it('a stream that goes on and on, however steadily it comes', async () => {
      const chunk = 'data: {"choices":[{"index":0,"delta":{"content":"Hi"}}]}\n\n';
      upstream.script(stream(endless(chunk)));
      const { end, frames } = await collectCall(provider, { timeouts: { ...roomy, streamMs: 300 } });
      expect(end).toMatchObject({ ok: false, phase: 'visible', facts: { kind: 'timeout', timer: 'stream' } });
      expect(frames.length).toBeGreaterThan(1);
      await upstream.waitForHangUp(await upstream.waitForCall(1));
    });

    it('takes comments for a sign of life once there was output', async () => {
      const beats = Array.from({ length: 20 }, () => [comment('alive'), () => turnLoop()]).flat();
      upstream.script(stream(token('Hi'), ...beats, finish(), done()));
      expect((await collectCall(provider, { timeouts: { ...roomy, idleMs: 1_000 } })).end).toEqual({
        ok: true,
        received: { deltas: 1, textBytes: 2 },
      });
    });

    it('is not one where the finish has come and the upstream keeps the connection', async () => {
      upstream.script(stream(token('Hi'), finish(), hangOn()));
      const { text, end } = await collectCall(provider, { timeouts: { ...roomy, idleMs: 300 } });
      expect(end).toEqual({ ok: true, received: { deltas: 1, textBytes: 2 } });
      expect(text.endsWith('data: [DONE]\n\n')).toBe(true);
    });
  });

  describe('by the signal', () => {
    it.each<[string, Behaviour, boolean, string]>([
      ['before headers', hang(), true, 'possibly_accepted'],
      ['after headers', stream(hangOn()), true, 'headers'],
      ['before a body', hang(), false, 'possibly_accepted'],
      ['in a body', part('{', { rest: 'hang' }), false, 'headers'],
      ['in an error', part('{', { status: 500, rest: 'hang' }), true, 'headers'],
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

    it('mid-stream: is not the failure that came in the same read', async () => {
      const chunk = { choices: [{ index: 0, delta: { content: 'Hi' }, finish_reason: null }] };
      const error = { error: { message: 'out of memory' } };
      const failing = [chunk, error].map((data) => `data: ${JSON.stringify(data)}\n\n`).join('');
      upstream.script(stream(raw(failing), hangOn()));
      const stop = new AbortController();
      const { frames, end } = await collectCall(provider, {
        signal: stop.signal,
        onFrame: () => stop.abort(),
      });
      expect(frames).toHaveLength(1);
      expect(end).toMatchObject({ ok: false, aborted: true, phase: 'visible' });
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

    it('sends nothing where it is aborted while it connects', async () => {
      const stop = new AbortController();
      const call = collectCall(provider, { signal: stop.signal });
      stop.abort();
      expect((await call).end).toEqual({ ok: false, aborted: true, phase: 'not_sent' });
      // A call behind it is answered, so the first one would have been seen.
      expect((await collectCall(provider)).end.ok).toBe(true);
      expect(upstream.calls).toHaveLength(1);
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
