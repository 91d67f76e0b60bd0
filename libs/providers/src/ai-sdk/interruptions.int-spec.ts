import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { collectCall, createCall, turnLoop } from '../../../../test/support/collect-call.js';
import { hang, part, type Behaviour } from '../../../../test/support/upstream-behaviours.js';
import { dropHere, endless, hangOn, raw } from '../../../../test/support/upstream-steps.js';
import type { Upstream } from '../../../../test/support/upstream.js';
import { COUNTS, type Wire } from '../../../../test/support/wire/wire.js';
import type { CallTimeouts } from '../provider.js';
import type { AiSdkProvider } from './ai-sdk-provider.js';
import { connect, WIRES } from './testing/scene.js';

const ROOMY = { firstTokenMs: 60_000, idleMs: 60_000, responseMs: 60_000 };

describe.each(WIRES)('a call of $kind that is ended', (wire) => {
  let upstream: Upstream;
  let provider: AiSdkProvider;
  beforeEach(async () => {
    upstream = await wire.start();
    provider = connect(wire, upstream);
  });
  afterEach(async () => {
    await provider.close();
    await upstream.close();
  });

  /** A part of what Anthropic counts is known from the start. */
  const early = wire.kind === 'anthropic' && {
    usage: { promptTokens: COUNTS.prompt, completionTokens: 1 },
  };

  it.each<[string, (wire: Wire) => Behaviour, Partial<CallTimeouts>, string, string]>([
    ['before headers', () => hang(), { firstTokenMs: 300 }, 'possibly_accepted', 'first_token'],
    [
      'after headers',
      ({ stream, begin }) => stream(begin(), hangOn()),
      { firstTokenMs: 300 },
      'headers',
      'first_token',
    ],
    ['before headers', () => hang(), { streamMs: 300 }, 'possibly_accepted', 'stream'],
    [
      'after output',
      ({ stream, begin, token }) => stream(begin(), token('Hi'), hangOn()),
      { idleMs: 60 },
      'visible',
      'idle',
    ],
    [
      'after output',
      ({ stream, begin, token }) => stream(begin(), token('Hi'), hangOn()),
      { streamMs: 800 },
      'visible',
      'stream',
    ],
    [
      'after output, later than the first token was due',
      ({ stream, begin, token }) => stream(begin(), token('Hi'), hangOn()),
      { firstTokenMs: 600, idleMs: 900 },
      'visible',
      'idle',
    ],
  ])('by a timer in the silence %s', async (_, behaviour, timeouts, phase, timer) => {
    upstream.script(behaviour(wire));
    const { end } = await collectCall(provider, { timeouts: { ...ROOMY, ...timeouts } });
    expect(end).toMatchObject({ ok: false, aborted: false, phase, facts: { kind: 'timeout', timer } });
    await upstream.waitForHangUp(await upstream.waitForCall(1));
  });

  it.each<[string, Behaviour, string]>([
    ['before headers', hang(), 'possibly_accepted'],
    ['in the body', part('{"content":[', { rest: 'hang' }), 'headers'],
  ])('by the timer of a whole answer, in the silence %s', async (_, behaviour, phase) => {
    upstream.script(behaviour);
    const { end } = await collectCall(provider, { stream: false, timeouts: { ...ROOMY, responseMs: 300 } });
    const facts = { kind: 'timeout', timer: 'response' };
    expect(end).toEqual({ ok: false, aborted: false, phase, facts });
    await upstream.waitForHangUp(await upstream.waitForCall(1));
  });

  it('by a stream that goes on and on', async () => {
    const { begin, token } = wire;
    const tokens = Array.from({ length: 5_000 }, () => token('Hi '));
    upstream.script(wire.stream(begin(), ...tokens, hangOn()));
    const { end, frames } = await collectCall(provider, { timeouts: { ...ROOMY, streamMs: 1_000 } });
    expect(end).toMatchObject({ ok: false, phase: 'visible', facts: { kind: 'timeout', timer: 'stream' } });
    expect(frames.length).toBeGreaterThan(1);
    await upstream.waitForHangUp(await upstream.waitForCall(1));
  });

  it.each<[string, Behaviour, boolean]>([
    ['before headers of a stream', hang(), true],
    ['before headers of a whole answer', hang(), false],
    ['before output', wire.stream(wire.begin(), hangOn()), true],
    ['in the body', part('{', { rest: 'hang' }), false],
  ])('by its signal %s', async (_, behaviour, stream) => {
    const controller = new AbortController();
    upstream.script(behaviour);
    const ended = collectCall(provider, { signal: controller.signal, stream, timeouts: ROOMY });
    const call = await upstream.waitForCall(1);
    await turnLoop();
    controller.abort();
    expect((await ended).end).toMatchObject({ ok: false, aborted: true });
    await upstream.waitForHangUp(call);
  });

  it('by its signal after output, at once', async () => {
    const controller = new AbortController();
    upstream.script(wire.stream(wire.begin(), wire.token('Hi'), hangOn()));
    const onFrame = ({ output }: { output: boolean }) => output && controller.abort();
    const { end, content } = await collectCall(provider, { signal: controller.signal, onFrame });
    expect(content).toBe('Hi');
    const received = { deltas: 1, textBytes: 2 };
    expect(end).toEqual({ ok: false, aborted: true, phase: 'visible', received, ...early });
    await upstream.waitForHangUp(await upstream.waitForCall(1));
  });

  it('by who leaves the iteration', async () => {
    upstream.script(wire.stream(wire.begin(), wire.token('Hi'), hangOn()));
    for await (const { output } of provider.infer(createCall(), new AbortController().signal)) {
      if (output) break;
    }
    expect(await upstream.waitForHangUp(await upstream.waitForCall(1))).toBeLessThanOrEqual(Date.now());
  });

  it('before it began', async () => {
    const { end } = await collectCall(provider, { signal: AbortSignal.abort() });
    expect(end).toMatchObject({ ok: false, aborted: true, phase: 'not_sent' });
    expect(upstream.calls).toEqual([]);
  });

  it.each<[string, Behaviour]>([
    ['ended', wire.stream(wire.begin(), wire.token('Hi'))],
    ['dropped', wire.stream(wire.begin(), wire.token('Hi'), dropHere())],
    ['reset', wire.stream(wire.begin(), wire.token('Hi'), dropHere({ reset: true }))],
  ])('never as a success where it is %s without a finish', async (_, behaviour) => {
    upstream.script(behaviour);
    const { end, text } = await collectCall(provider);
    const kind = expect.stringMatching(/^(truncated|disconnect)$/);
    expect(end).toMatchObject({ ok: false, aborted: false, phase: 'visible', facts: { kind } });
    expect(text).not.toContain('[DONE]');
    expect(text).not.toContain('"finish_reason":"');
  });

  it('never as a success where nothing came at all', async () => {
    upstream.script(wire.stream(wire.begin()), wire.stream());
    for (let times = 0; times < 2; times++) {
      const { end, frames } = await collectCall(provider);
      expect(end).toMatchObject({ ok: false, phase: 'headers', facts: { kind: 'truncated' } });
      expect(frames).toEqual([]);
    }
  });

  it('where an event, or the stream, is longer than it may be', async () => {
    const limits = { eventBytes: 200_000, streamBytes: 400_000, bodyBytes: 200_000 };
    const bounded = connect(wire, upstream, { limits });
    upstream.script(
      wire.stream(wire.token('x'.repeat(300_000)), hangOn()),
      wire.stream(wire.begin(), ...Array.from({ length: 60 }, () => wire.token('x'.repeat(8_000))), hangOn()),
      wire.says({ text: 'x'.repeat(300_000) }),
      wire.stream(endless(wire.kind === 'bedrock' ? Buffer.alloc(1_000, 1) : ': waiting\n')),
    );
    const ends = [
      await collectCall(bounded),
      await collectCall(bounded),
      await collectCall(bounded, { stream: false }),
      await collectCall(bounded),
    ].map(({ end }) => end);
    expect(ends.map((end) => !end.ok && !end.aborted && end.facts)).toEqual([
      { kind: 'malformed', reason: 'an event is too long' },
      { kind: 'malformed', reason: 'the stream is too long' },
      { kind: 'malformed', reason: 'the body is too long' },
      { kind: 'malformed', reason: 'an event is too long' },
    ]);
    await bounded.close();
  });

  it('where a stream holds what is no event of the kind', async () => {
    upstream.script(wire.stream(wire.begin(), wire.token('Hi'), raw('data: {"what":\n\n'), hangOn()));
    const { end } = await collectCall(provider, { timeouts: { ...ROOMY, idleMs: 500 } });
    expect(end).toMatchObject({ ok: false, phase: 'visible' });
  });
});
