import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { classifyFailure } from '#core/classify-failure.js';
import type { FailureCategory } from '#core/failure.js';
import { collectCall, type CollectOptions } from '../../../../test/support/collect-call.js';
import { drop, html, json, reply, type Behaviour } from '../../../../test/support/upstream-behaviours.js';
import type { Upstream } from '../../../../test/support/upstream.js';
import { anthropicWire } from '../../../../test/support/wire/anthropic.js';
import { bedrockWire } from '../../../../test/support/wire/bedrock.js';
import { geminiWire } from '../../../../test/support/wire/gemini.js';
import type { Wire, WireError } from '../../../../test/support/wire/wire.js';
import type { AiSdkProvider } from './ai-sdk-provider.js';
import { bodyOf, connect, WIRES } from './testing/scene.js';

describe.each(WIRES)('an upstream of the kind $kind', (wire) => {
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

  /** The judged failure of a call that the upstream answers like this. */
  const failureOf = async (behaviour: Behaviour, options: CollectOptions = {}) => {
    upstream.script(behaviour);
    const { end } = await collectCall(provider, options);
    if (end.ok || end.aborted) throw new Error('The call did not fail.');
    return { ...classifyFailure(end.facts, { phase: end.phase }), facts: end.facts };
  };

  it.each<[number, FailureCategory]>([
    [400, 'caller'],
    [401, 'credential'],
    [403, 'credential'],
    [404, 'unusable'],
    [413, 'caller'],
    [429, 'backpressure'],
    [500, 'fault'],
    [503, 'fault'],
    [529, 'backpressure'],
  ])('that answers %i is a failure of the category %s, stream and whole', async (status, category) => {
    for (const stream of [true, false]) {
      const failure = await failureOf(wire.error(status), { stream });
      expect(failure).toMatchObject({ category, phase: 'headers', facts: { kind: 'status', status } });
    }
  });

  it('is believed on how long it is busy', async () => {
    const failure = await failureOf(wire.error(429, { retryAfter: '7' }));
    expect(failure).toMatchObject({ category: 'backpressure', retryAfterMs: 7_000 });
  });

  it('is quoted to the caller on a mistake, without our key', async () => {
    const message = 'the key secret-key-of-ours says: max_tokens is too large';
    const { detail, facts } = await failureOf(wire.error(400, { message }));
    expect(detail?.message).toContain('max_tokens is too large');
    expect(JSON.stringify([detail, facts])).not.toContain('secret-key-of-ours');
  });

  it('that breaks off a stream with an error before output is busy, not broken', async () => {
    const failure = await failureOf(wire.stream(wire.begin(), wire.errorStep()));
    expect(failure).toMatchObject({ category: 'backpressure', phase: 'headers', facts: { status: 200 } });
  });

  it('that breaks off a stream with an error after output is never a success', async () => {
    upstream.script(wire.stream(wire.begin(), wire.token('Hi'), wire.errorStep(), wire.finish()));
    const { end, text } = await collectCall(provider);
    expect(end).toMatchObject({ ok: false, phase: 'visible', facts: { kind: 'status', status: 200 } });
    expect(text).not.toContain('[DONE]');
  });

  it('whose error is the first thing in a stream counts as what it says', async () => {
    const failure = await failureOf(wire.stream(wire.errorStep()));
    expect(failure).toMatchObject({ category: 'backpressure', phase: 'headers' });
  });

  it.each<[string, Behaviour]>([
    ['a web page', html()],
    ['a redirect', reply('', { status: 307, headers: { location: 'http://127.0.0.1:9/' } })],
    ['a packed answer', json({}, { headers: { 'content-encoding': 'gzip' } })],
    ['JSON of another form', json({ hello: 'world' })],
    ['no JSON', reply('{"', { headers: { 'content-type': 'application/json' } })],
    ['no content', reply('', { status: 204 })],
  ])('that answers with %s is broken, stream and whole', async (_, behaviour) => {
    for (const stream of [true, false]) {
      const failure = await failureOf(behaviour, { stream });
      const kind = expect.stringMatching(/^(malformed|truncated)$/);
      expect(failure).toMatchObject({ category: 'fault', phase: 'headers', facts: { kind } });
    }
  });

  it('that hangs up before an answer is broken', async () => {
    const failure = await failureOf(drop());
    expect(failure).toMatchObject({
      category: 'fault',
      phase: 'possibly_accepted',
      reason: /connection lost/,
    });
  });

  it('that is not there was sent nothing', async () => {
    await upstream.close();
    const failure = await failureOf(wire.error(500));
    expect(failure).toMatchObject({ phase: 'not_sent', facts: { kind: 'connect', code: 'ECONNREFUSED' } });
  });

  it.each<[string, Record<string, unknown>]>([
    ['messages[0].role', { messages: [{ role: 'narrator', content: 'x' }] }],
    ['n', { n: 2 }],
    ['tools[0]', { tools: [{ type: 'custom' }] }],
  ])('is not asked what it cannot be told: %s', async (param, members) => {
    const { end } = await collectCall(provider, { body: bodyOf(members) });
    expect(end).toMatchObject({
      ok: false,
      phase: 'not_sent',
      facts: { kind: 'status', status: 400, param },
    });
    expect(upstream.calls).toEqual([]);
  });
});

describe('what only one kind says', () => {
  const failureOf = async (wire: Wire, behaviour: Behaviour) => {
    const upstream = await wire.start();
    const provider = connect(wire, upstream);
    upstream.script(behaviour);
    const { end } = await collectCall(provider);
    await Promise.all([provider.close(), upstream.close()]);
    if (end.ok || end.aborted) throw new Error('The call did not fail.');
    return classifyFailure(end.facts, { phase: end.phase });
  };

  it.each<[Wire, number, WireError, FailureCategory]>([
    [anthropicWire, 400, { message: 'Your credit balance is too low' }, 'credential'],
    [anthropicWire, 400, { message: 'prompt is too long: 210000 tokens > 200000 maximum' }, 'context'],
    [geminiWire, 400, { message: 'API key not valid. Please pass a valid API key.' }, 'credential'],
    [geminiWire, 400, { message: 'The input token count (9) exceeds the maximum' }, 'context'],
    [bedrockWire, 403, { message: "You don't have access to the model with the specified id" }, 'unusable'],
    [bedrockWire, 400, { type: 'ServiceQuotaExceededException' }, 'backpressure'],
    [bedrockWire, 400, { message: 'Input is too long for requested model.' }, 'context'],
  ])('$kind %i %j', async (wire, status, error, category) => {
    expect(await failureOf(wire, wire.error(status, error))).toMatchObject({ category });
  });

  it('is the wait of Gemini in the body of its error', async () => {
    const error = {
      code: 429,
      status: 'RESOURCE_EXHAUSTED',
      message: 'You exceeded your current quota.',
      details: [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '34.5s' }],
    };
    const failure = await failureOf(geminiWire, json({ error }, { status: 429 }));
    expect(failure).toMatchObject({ category: 'backpressure', retryAfterMs: 34_500 });
  });

  it.each<[string, FailureCategory]>([
    ['throttlingException', 'backpressure'],
    ['serviceUnavailableException', 'fault'],
    ['internalServerException', 'fault'],
    ['validationException', 'caller'],
  ])('is the name of an exception inside a stream of Bedrock: %s', async (type, category) => {
    const { stream, begin, errorStep } = bedrockWire;
    expect(await failureOf(bedrockWire, stream(begin(), errorStep({ type })))).toMatchObject({ category });
  });

  it('is a tool call that Gemini itself does not take for one', async () => {
    const candidates = [{ finishReason: 'MALFORMED_FUNCTION_CALL', content: { parts: [] } }];
    const behaviour: Behaviour = (call) =>
      reply(`data: ${JSON.stringify({ candidates })}\n\n`, {
        headers: { 'content-type': 'text/event-stream' },
      })(call);
    expect(await failureOf(geminiWire, behaviour)).toMatchObject({ category: 'fault' });
  });
});
