import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { classifyFailure } from '#core/classify-failure.js';
import type { FailureCategory } from '#core/failure.js';
import { collectCall } from '../../../../test/support/collect-call.js';
import { json, reply, type Behaviour } from '../../../../test/support/upstream-behaviours.js';
import { event } from '../../../../test/support/upstream-steps.js';
import type { Upstream } from '../../../../test/support/upstream.js';
import { anthropicWire } from '../../../../test/support/wire/anthropic.js';
import { bedrockWire } from '../../../../test/support/wire/bedrock.js';
import { geminiWire } from '../../../../test/support/wire/gemini.js';
import { COUNTS, type Wire, type WireError } from '../../../../test/support/wire/wire.js';
import type { AiSdkProvider, FeatureWarning } from './ai-sdk-provider.js';
import { bodyOf, connect, WIRES } from './testing/scene.js';

// What all kinds have in common is in test/conformance.
describe.each(WIRES)('a provider of the kind $kind', (wire) => {
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

  it('tells once of a setting that the AI SDK changes, and nothing of the request', async () => {
    const told: FeatureWarning[] = [];
    const telling = connect(wire, upstream, { warn: (warning) => told.push(warning) });
    const settings = {
      anthropic: { temperature: 2, max_tokens: 9 },
      gemini: { reasoning_effort: 'xhigh' },
      bedrock: { seed: 1 },
    };
    const body = bodyOf(settings[wire.kind]);
    const model = wire.kind === 'gemini' ? 'gemini-3-pro-preview' : 'upstream-model';
    for (const stream of [true, false]) {
      upstream.script(wire.says({ text: 'Hi' }));
      expect((await collectCall(telling, { body, stream, model })).end.ok).toBe(true);
    }
    const feature = { anthropic: 'temperature', gemini: 'reasoning', bedrock: 'seed' }[wire.kind];
    expect(told).toEqual([{ provider: 'test', feature }]);
    await telling.close();
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

describe('a name of a model', () => {
  const callGemini = async (model: string) => {
    const upstream = await geminiWire.start();
    const provider = connect(geminiWire, upstream);
    upstream.script(geminiWire.says({ text: 'Hi' }));
    const { end } = await collectCall(provider, { model, stream: false });
    await Promise.all([provider.close(), upstream.close()]);
    return { end, paths: upstream.calls.map(({ path }) => path) };
  };

  it.each([
    'gemini-x/../models/gemini-y',
    'gemini-x/%2e%2e/models/gemini-y',
    'gemini-x\\..\\models\\gemini-y',
    'gemini-x/.\t./y',
    '..',
    'cachedContents?x=',
    'gemini-x#',
  ])('leads nowhere else: %j', async (model) => {
    const { end, paths } = await callGemini(model);
    expect(paths).toEqual([]);
    expect(end).toMatchObject({ ok: false, phase: 'not_sent', facts: { status: 404 } });
  });

  it.each([
    ['gemini-2.5-flash', 'models/gemini-2.5-flash'],
    ['tunedModels/mine-01', 'tunedModels/mine-01'],
  ])('of Gemini is in the path: %j', async (model, path) => {
    const { end, paths } = await callGemini(model);
    expect(paths).toEqual([`/v1beta/${path}:generateContent`]);
    expect(end.ok).toBe(true);
  });
});

describe('embeddings in several calls', () => {
  it('may each be as long as one answer may be', async () => {
    const upstream = await geminiWire.start();
    const behaviour = geminiWire.embeddings?.() ?? json({});
    const input = Array.from({ length: 250 }, (_, at) => `text ${at}`);
    const body = bodyOf({ input });
    const answerOf = async (bodyBytes: number) => {
      upstream.script(behaviour, behaviour, behaviour);
      const provider = connect(geminiWire, upstream, { limits: { bodyBytes } });
      const call = await collectCall(provider, { endpoint: 'embeddings', stream: false, body });
      await provider.close();
      return call;
    };
    const whole = await answerOf(1024 * 1024);
    const { data } = JSON.parse(whole.text) as { data: unknown[] };
    expect(data).toHaveLength(250);
    // Enough for each of the three, and not for all of them.
    expect((await answerOf(Math.ceil(whole.text.length / 2))).end).toMatchObject({ ok: true });
    expect((await answerOf(Math.ceil(whole.text.length / 10))).end).toMatchObject({ ok: false });
    await upstream.close();
  });
});

describe('embeddings of which a later call fails', () => {
  it.each<[Wire, string[], object]>([
    [bedrockWire, ['a', 'b'], { usage: { promptTokens: COUNTS.prompt, completionTokens: 0 } }],
    [geminiWire, Array.from({ length: 101 }, () => 'a'), { received: { deltas: 0, textBytes: 0 } }],
  ])('have cost what the calls before it did', async (wire, input, spent) => {
    const upstream = await wire.start();
    const provider = connect(wire, upstream);
    upstream.script(wire.embeddings?.() ?? json({}), wire.error(500));
    const model = wire.kind === 'bedrock' ? 'amazon.titan-embed-text-v2:0' : 'gemini-embedding-001';
    const call = { endpoint: 'embeddings', stream: false, body: bodyOf({ input }), model } as const;
    const { end } = await collectCall(provider, call);
    await Promise.all([provider.close(), upstream.close()]);
    expect(upstream.calls).toHaveLength(2);
    expect(end).toMatchObject({ ok: false, phase: 'headers', facts: { status: 500 }, ...spent });
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

  it.each<[string, object, FailureCategory | 'none']>([
    ['of a new type', { type: 'message_mood', mood: 'glad' }, 'none'],
    ['of a known type, in another form', { type: 'content_block_delta', index: 'first' }, 'fault'],
    ['without a type', { mood: 'glad' }, 'fault'],
  ])('is an event of Anthropic %s', async (_, value, expected) => {
    const { stream, begin, token, finish } = anthropicWire;
    const answer = stream(begin(), token('Hi'), event(value), token(' there'), finish());
    const category = await failureOf(anthropicWire, answer).then((failure) => failure.category, String);
    expect(category).toBe(expected === 'none' ? 'Error: The call did not fail.' : expected);
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
