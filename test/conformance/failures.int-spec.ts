import { describe, expect, it } from '@jest/globals';
import { classifyFailure } from '#core/classify-failure.js';
import type { FailureCategory } from '#core/failure.js';
import { collectCall, type CollectOptions } from '../support/collect-call.js';
import { drop, html, json, part, reply, type Behaviour } from '../support/upstream-behaviours.js';
import { CONFORMING, KEY } from './kinds.js';
import { bodyOf, sceneOf } from './scene.js';

describe.each(CONFORMING)('an upstream of the kind $kind', (kind) => {
  const { lacks, wire } = kind;
  const scene = sceneOf(kind);

  /** The judged failure of a call that the upstream answers like this. */
  const failureOf = async (behaviour: Behaviour, options: CollectOptions = {}) => {
    scene.upstream.script(behaviour);
    const { end, frames } = await collectCall(scene.provider, options);
    if (end.ok || end.aborted) throw new Error('The call did not fail.');
    expect(frames.filter(({ output }) => output)).toHaveLength(0);
    return { ...classifyFailure(end.facts, { phase: end.phase }), facts: end.facts };
  };

  it.each<[number, FailureCategory]>([
    [400, 'caller'],
    [401, 'credential'],
    [403, 'credential'],
    [404, 'unusable'],
    [408, 'fault'],
    [413, 'caller'],
    [422, 'caller'],
    [429, 'backpressure'],
    [500, 'fault'],
    [502, 'fault'],
    [503, 'fault'],
    [504, 'fault'],
    [529, 'backpressure'],
  ])('that answers %i is a failure of the category %s, stream and whole', async (status, category) => {
    for (const stream of [true, false]) {
      const failure = await failureOf(wire.error(status), { stream });
      expect(failure).toMatchObject({ category, phase: 'headers', facts: { kind: 'status', status } });
    }
  });

  it.each([429, 503])('is believed on how long it cannot, with %i', async (status) => {
    expect(await failureOf(wire.error(status, { retryAfter: '7' }))).toMatchObject({ retryAfterMs: 7_000 });
  });

  it('is quoted to the caller on a mistake, without our key', async () => {
    const message = `the key ${KEY} says: max_tokens is too large`;
    const { detail, facts } = await failureOf(wire.error(400, { message }));
    expect(detail?.message).toContain('max_tokens is too large');
    expect(JSON.stringify([detail, facts])).not.toContain(KEY);
  });

  it.each([
    ['before its first token', wire.stream(wire.begin(), wire.errorStep())],
    ['with its first event', wire.stream(wire.errorStep())],
  ])(
    'that breaks off a stream with an error %s is busy, or broken, and nothing was shown',
    async (_, behaviour) => {
      const category = lacks['busy streams'] ? 'fault' : 'backpressure';
      expect(await failureOf(behaviour)).toMatchObject({
        category,
        phase: 'headers',
        facts: { status: 200 },
      });
    },
  );

  it('that breaks off a stream with an error after output is never a success', async () => {
    scene.upstream.script(wire.stream(wire.begin(), wire.token('Hi'), wire.errorStep(), wire.finish()));
    const { end, text, content } = await collectCall(scene.provider);
    expect(end).toMatchObject({ ok: false, phase: 'visible', facts: { kind: 'status', status: 200 } });
    expect(content).toBe('Hi');
    expect(text).not.toContain('[DONE]');
  });

  it.each<[string, Behaviour]>([
    ['a web page', html()],
    ['a redirect', reply('', { status: 307, headers: { location: 'http://127.0.0.1:9/' } })],
    ['a packed answer', json({}, { headers: { 'content-encoding': 'gzip' } })],
    ['JSON of another form', json({ hello: 'world' })],
    ['a list', json([1])],
    ['no JSON', reply('{"', { headers: { 'content-type': 'application/json' } })],
    ['no content', reply('', { status: 204 })],
  ])('that answers with %s is broken, stream and whole', async (_, behaviour) => {
    for (const stream of [true, false]) {
      const failure = await failureOf(behaviour, { stream });
      const form = expect.stringMatching(/^(malformed|truncated)$/);
      expect(failure).toMatchObject({ category: 'fault', phase: 'headers', facts: { kind: form } });
    }
  });

  it.each<[string, Behaviour, string]>([
    ['before an answer', drop(), 'possibly_accepted'],
    ['before an answer, by a reset', drop({ reset: true }), 'possibly_accepted'],
    ['in the body', part('{"a":['), 'headers'],
  ])('that hangs up %s is broken', async (_, behaviour, phase) => {
    const failure = await failureOf(behaviour, { stream: false });
    expect(failure).toMatchObject({ category: 'fault', phase, reason: /connection lost/ });
  });

  it('that is not there was sent nothing', async () => {
    await scene.upstream.close();
    const failure = await failureOf(wire.error(500));
    expect(failure).toMatchObject({ phase: 'not_sent', facts: { kind: 'connect', code: 'ECONNREFUSED' } });
  });

  it('whose error never ends is not waited for', async () => {
    const failure = await failureOf(part('{"error":', { status: 503, rest: 'hang' }));
    expect(failure).toMatchObject({ category: 'fault', facts: { kind: 'status', status: 503 } });
    await scene.upstream.waitForHangUp(await scene.upstream.waitForCall(1));
  });

  const discover = () => scene.provider.discover(new AbortController().signal);

  if (!lacks['model list']) {
    it('with a list of models that is an error has its say on the credential alone', async () => {
      for (const status of [401, 503, 429]) {
        scene.upstream.scriptModels(wire.error(status));
        expect(await discover()).toEqual({ credential: 'rejected' });
      }
      scene.upstream.scriptModels(wire.modelList('one'));
      expect(await discover()).toMatchObject({ credential: 'ok' });
      scene.upstream.scriptModels(wire.error(503));
      expect(await discover()).toEqual({ credential: 'ok' });
    });
  }

  it('that is not there has no list, and is away', async () => {
    await scene.upstream.close();
    expect(await discover()).toEqual(
      lacks['model list'] ? { credential: 'ok' } : { credential: 'ok', away: true },
    );
  });

  // Whose API is OpenAI's own reads the messages itself.
  if (kind.kind !== 'openai-compatible') {
    it('is not called for messages that are none', async () => {
      const body = bodyOf({ messages: [{ role: 'narrator', content: 'x' }] });
      const { end } = await collectCall(scene.provider, { body });
      const facts = { kind: 'status', status: 400, param: 'messages[0].role' };
      expect(end).toMatchObject({ ok: false, phase: 'not_sent', facts });
      expect(scene.upstream.calls).toEqual([]);
    });
  }
});
