import { describe, expect, it } from '@jest/globals';
import type { CallTimeouts, ProviderFrame } from '#providers/provider.js';
import { collectCall, createCall, turnLoop } from '../support/collect-call.js';
import { hang, part, type Behaviour } from '../support/upstream-behaviours.js';
import { dropHere, endless, hangOn, raw } from '../support/upstream-steps.js';
import { connect, CONFORMING } from './kinds.js';
import { sceneOf } from './scene.js';

const ROOMY = { firstTokenMs: 60_000, idleMs: 60_000, responseMs: 60_000 };

describe.each(CONFORMING)('a call of the kind $kind that is ended', (kind) => {
  const { wire } = kind;
  const { begin, stream, token } = wire;
  const scene = sceneOf(kind);
  const hungUp = async () => scene.upstream.waitForHangUp(await scene.upstream.waitForCall(1));

  it.each<[string, Behaviour, Partial<CallTimeouts>, string, string]>([
    ['before headers', hang(), { firstTokenMs: 300 }, 'possibly_accepted', 'first_token'],
    ['after headers', stream(begin(), hangOn()), { firstTokenMs: 300 }, 'headers', 'first_token'],
    ['before headers', hang(), { streamMs: 300 }, 'possibly_accepted', 'stream'],
    ['after output', stream(begin(), token('Hi'), hangOn()), { idleMs: 60 }, 'visible', 'idle'],
    ['after output', stream(begin(), token('Hi'), hangOn()), { streamMs: 800 }, 'visible', 'stream'],
    [
      'after output, later than the first token was due',
      stream(begin(), token('Hi'), hangOn()),
      { firstTokenMs: 600, idleMs: 900 },
      'visible',
      'idle',
    ],
  ])('by a timer in the silence %s', async (_, behaviour, timeouts, phase, timer) => {
    scene.upstream.script(behaviour);
    const { end } = await collectCall(scene.provider, { timeouts: { ...ROOMY, ...timeouts } });
    expect(end).toMatchObject({ ok: false, aborted: false, phase, facts: { kind: 'timeout', timer } });
    await hungUp();
  });

  it.each<[string, Behaviour, string]>([
    ['before headers', hang(), 'possibly_accepted'],
    ['in the body', part('{"content":[', { rest: 'hang' }), 'headers'],
  ])('by the timer of a whole answer, in the silence %s', async (_, behaviour, phase) => {
    scene.upstream.script(behaviour);
    const timeouts = { ...ROOMY, responseMs: 300 };
    const { end } = await collectCall(scene.provider, { stream: false, timeouts });
    const facts = { kind: 'timeout', timer: 'response' };
    expect(end).toEqual({ ok: false, aborted: false, phase, facts });
    await hungUp();
  });

  it('by the timer of a stream that goes on and on', async () => {
    const tokens = Array.from({ length: 5_000 }, () => token('Hi '));
    scene.upstream.script(stream(begin(), ...tokens, hangOn()));
    const timeouts = { ...ROOMY, streamMs: 1_000 };
    const { end, frames } = await collectCall(scene.provider, { timeouts });
    expect(end).toMatchObject({ ok: false, phase: 'visible', facts: { kind: 'timeout', timer: 'stream' } });
    expect(frames.length).toBeGreaterThan(1);
    await hungUp();
  });

  it.each<[string, Behaviour, boolean]>([
    ['before headers of a stream', hang(), true],
    ['before headers of a whole answer', hang(), false],
    ['before output', stream(begin(), hangOn()), true],
    ['in the body', part('{', { rest: 'hang' }), false],
  ])('by its signal %s', async (_, behaviour, isStream) => {
    const stop = new AbortController();
    scene.upstream.script(behaviour);
    const ended = collectCall(scene.provider, { signal: stop.signal, stream: isStream, timeouts: ROOMY });
    const call = await scene.upstream.waitForCall(1);
    await turnLoop();
    stop.abort();
    const abortedAt = Date.now();
    expect((await ended).end).toMatchObject({ ok: false, aborted: true });
    expect((await scene.upstream.waitForHangUp(call)) - abortedAt).toBeLessThan(500);
  });

  it('by its signal after output: at once, with what was shown, and without what the counts say later', async () => {
    const stop = new AbortController();
    scene.upstream.script(stream(begin(), token('Hi'), hangOn()));
    const onFrame = ({ output }: ProviderFrame) => output && stop.abort();
    const { end, content } = await collectCall(scene.provider, { signal: stop.signal, onFrame });
    expect(content).toBe('Hi');
    const received = { deltas: 1, textBytes: 2 };
    expect(end).toMatchObject({ ok: false, aborted: true, phase: 'visible', received });
    await hungUp();
  });

  it('by who leaves the iteration', async () => {
    scene.upstream.script(stream(begin(), token('Hi'), hangOn()));
    for await (const { output } of scene.provider.infer(createCall(), new AbortController().signal)) {
      if (output) break;
    }
    expect(await hungUp()).toBeLessThanOrEqual(Date.now());
  });

  it('before it began', async () => {
    const { end } = await collectCall(scene.provider, { signal: AbortSignal.abort() });
    expect(end).toMatchObject({ ok: false, aborted: true, phase: 'not_sent' });
    expect(scene.upstream.calls).toEqual([]);
  });

  it.each<[string, Behaviour]>([
    ['ended', stream(begin(), token('Hi'))],
    ['dropped', stream(begin(), token('Hi'), dropHere())],
    ['reset', stream(begin(), token('Hi'), dropHere({ reset: true }))],
  ])('never as a success where it is %s without a finish', async (_, behaviour) => {
    scene.upstream.script(behaviour);
    const { end, text } = await collectCall(scene.provider);
    const form = expect.stringMatching(/^(truncated|disconnect)$/);
    expect(end).toMatchObject({ ok: false, aborted: false, phase: 'visible', facts: { kind: form } });
    expect(text).not.toContain('[DONE]');
    expect(text).not.toContain('"finish_reason":"');
  });

  it.each<[string, Behaviour]>([
    ['its beginning', stream(begin())],
    ['nothing', stream()],
  ])('never as a success where %s came and no more', async (_, behaviour) => {
    scene.upstream.script(behaviour);
    const { end, text } = await collectCall(scene.provider);
    expect(end).toMatchObject({ ok: false, phase: 'headers', facts: { kind: 'truncated' } });
    expect(text).not.toContain('[DONE]');
  });

  it('where an event, the stream or the body is longer than it may be', async () => {
    const limits = { eventLength: 200_000, streamBytes: 400_000, bodyBytes: 200_000 };
    const bounded = connect(kind, scene.upstream, limits);
    const pieces = Array.from({ length: 60 }, () => token('x'.repeat(8_000)));
    scene.upstream.script(
      stream(token('x'.repeat(300_000)), hangOn()),
      stream(begin(), ...pieces, hangOn()),
      wire.says({ text: 'x'.repeat(300_000) }),
      kind.kind === 'bedrock'
        ? stream(endless(Buffer.alloc(1_000, 1)))
        : stream(raw('data: "'), endless('x'.repeat(1_000))),
    );
    const reasons: unknown[] = [];
    for (const isStream of [true, true, false, true]) {
      const { end } = await collectCall(bounded, { stream: isStream });
      reasons.push(!end.ok && !end.aborted && end.facts);
    }
    const tooLong = (what: string) => ({
      kind: 'malformed',
      reason: expect.stringMatching(`${what} is too long`),
    });
    expect(reasons).toEqual(['an event|a line', 'the stream', 'the body', 'an event|a line'].map(tooLong));
    await bounded.close();
  });

  it('where a stream holds what is none of its events', async () => {
    scene.upstream.script(stream(begin(), token('Hi'), raw('data: {"what":\n\n'), hangOn()));
    const { end } = await collectCall(scene.provider, { timeouts: { ...ROOMY, idleMs: 500 } });
    expect(end).toMatchObject({ ok: false, phase: 'visible' });
  });
});
