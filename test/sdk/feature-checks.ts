import { expect } from '@jest/globals';
import { eventually } from '../support/client.js';
import type { SdkUnderTest } from '../support/sdk-under-test.js';
import { answer, hang, json, status, stream } from '../support/upstream-behaviours.js';
import type { Upstream } from '../support/upstream.js';
import type { UpstreamCall } from '../support/upstream-call.js';
import { callTools, completion, embeddings, vectorOf } from '../support/upstream-endpoints.js';
import { createGate } from '../support/upstream-gate.js';
import { dropHere, role, token } from '../support/upstream-steps.js';
import { WEATHER } from './features.js';
import type { ErrorNames, FeatureId, SdkOperations } from './features.js';

export interface Scene {
  readonly sdk: SdkUnderTest;
  readonly errors: ErrorNames;
}

type Check<Id extends FeatureId> = (operate: SdkOperations[Id], scene: Scene) => Promise<void>;
export type Checks = { readonly [Id in FeatureId]: Check<Id> };

const ASK = { model: 'm', prompt: 'What is “it”?' };
const VECTORS = ['one text', 'another “tëxt”', 'one text again'];
/** More than a provider takes at once: this broker makes two calls of them, and SDKs may have split them before. */
const MANY = Array.from({ length: 2_500 }, (_, at) => `text ${at}`);
const PIXEL =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
/** From a call to the hang-up of a client that leaves at once, ms. */
const LEFT_WITHIN_MS = 2_000;

const chatChecks = {
  chat: async (chat, { sdk: { upstream } }) => {
    upstream.script(answer('Hello “there” ünd more'));
    expect(await chat(ASK)).toEqual({
      text: 'Hello “there” ünd more',
      finish: 'stop',
      inputTokens: 7,
      outputTokens: 4,
    });
    expect(lastCall(upstream)).toMatchObject({ path: '/v1/chat/completions', model: 'small' });
    const [message] = messagesOf(lastCall(upstream));
    expect(message).toMatchObject({ role: 'user', content: ASK.prompt });
  },
  headers: async (headers) => {
    expect(await headers(ASK)).toMatchObject({
      'x-request-id': expect.stringMatching(/^req_0_/),
      'x-spillway-provider': 'box',
      'x-spillway-location': 'local',
    });
  },
  stream: async (read, { sdk: { upstream } }) => {
    upstream.script(answer('one twö “three”'));
    expect(await read(ASK)).toEqual({ texts: ['one', ' twö', ' “three”'], finish: 'stop' });
    expect(lastCall(upstream).stream).toBe(true);
  },
  streamUsage: async (read, { sdk: { upstream } }) => {
    upstream.script(answer('one two three'));
    expect(await read(ASK)).toMatchObject({ inputTokens: 7, outputTokens: 3 });
  },
  tools: (ask, scene) => checkTools(ask, scene, false),
  streamTools: (ask, scene) => checkTools(ask, scene, true),
  structured: (ask, scene) => checkStructured(ask, scene, false),
  streamStructured: (ask, scene) => checkStructured(ask, scene, true),
  image: async (ask, { sdk: { upstream } }) => {
    upstream.script(answer('a pixel'));
    expect(await ask(ASK, PIXEL)).toBe('a pixel');
    const [message] = messagesOf(lastCall(upstream));
    expect(message?.content).toEqual([
      { type: 'text', text: ASK.prompt },
      expect.objectContaining({ type: 'image_url', image_url: expect.objectContaining({ url: PIXEL }) }),
    ]);
  },
  controls: async (ask, { sdk: { upstream } }) => {
    upstream.script(answer('from the cloud'));
    expect(await ask(ASK)).toBe('from the cloud');
    const { model, json: body } = lastCall(upstream);
    expect(model).toBe('large');
    expect(Object.keys(body ?? {})).not.toContain('spillway');
  },
} satisfies Partial<Checks>;

const otherChecks = {
  complete: async (complete, { sdk: { upstream } }) => {
    upstream.script(completion(' jumps over'));
    const expected = { text: ' jumps over', finish: 'stop', inputTokens: 7, outputTokens: 2 };
    expect(await complete(ASK)).toEqual(expected);
    const { path, json: body } = lastCall(upstream);
    expect(path).toBe('/v1/completions');
    expect(String(body?.['prompt'])).toContain(ASK.prompt);
  },
  streamCompletion: async (read, { sdk: { upstream } }) => {
    upstream.script(completion(' jumps over it'));
    expect(await read(ASK)).toEqual({ texts: [' jumps', ' over', ' it'], finish: 'stop' });
    expect(lastCall(upstream)).toMatchObject({ path: '/v1/completions', stream: true });
  },
  streamCompletionUsage: async (read, { sdk: { upstream } }) => {
    upstream.script(completion(' jumps over it', { usage: 'finish' }));
    expect(await read(ASK)).toEqual({ inputTokens: 7, outputTokens: 3 });
  },
  embed: async (embed, { sdk: { upstream } }) => {
    upstream.script(embeddings({ encoding: 'float' }), embeddings({ encoding: 'float' }));
    expect(await embed({ inputs: ['alone'] })).toEqual([vectorOf('alone')]);
    expect(await embed({ inputs: VECTORS })).toEqual(VECTORS.map((text) => vectorOf(text)));
    expect(lastCall(upstream)).toMatchObject({ path: '/v1/embeddings', model: 'vectors' });
  },
  embedFloat: async (embed, { sdk: { upstream } }) => {
    upstream.script(embeddings());
    expect(await embed({ inputs: VECTORS, encoding: 'float' })).toEqual(
      VECTORS.map((text) => vectorOf(text)),
    );
    expect(lastCall(upstream).json).toMatchObject({ encoding_format: 'float' });
  },
  embedDimensions: async (embed, { sdk: { upstream } }) => {
    upstream.script(embeddings());
    expect(await embed({ inputs: VECTORS, dimensions: 3 })).toEqual(VECTORS.map((text) => vectorOf(text, 3)));
    expect(lastCall(upstream).json).toMatchObject({ dimensions: 3 });
  },
  embedMany: async (embed, { sdk: { upstream } }) => {
    const before = upstream.calls.length;
    upstream.when({ model: 'vectors' }, embeddings());
    expect(await embed({ inputs: MANY })).toEqual(MANY.map((text) => vectorOf(text)));
    const counts = upstream.calls
      .slice(before)
      .map(({ json: body }) => (body?.['input'] as unknown[]).length);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(MANY.length);
    expect(Math.max(...counts)).toBeLessThanOrEqual(2_048);
  },
  moderate: async (moderate, { sdk: { upstream } }) => {
    const results = [{ flagged: true, categories: { violence: true }, category_scores: { violence: 1 } }];
    upstream.script(json({ id: 'modr-1', model: 'judge', results }));
    expect(await moderate(ASK)).toBe(true);
    expect(lastCall(upstream)).toMatchObject({ path: '/v1/moderations', json: { input: ASK.prompt } });
  },
  models: async (list) => {
    expect(await list()).toEqual(expect.arrayContaining(['m', 'lonely', 'vectors']));
  },
  model: async (retrieve, { sdk }) => {
    // Configured ones are there at once, those of a worker with its first heartbeat.
    const look = () => sdk.client.models.retrieve('org/announced').catch(() => undefined);
    await eventually(look, 'a worker that announces it');
    expect(await retrieve('org/announced')).toBe('org/announced');
  },
} satisfies Partial<Checks>;

const endChecks = {
  error: async (ask, { sdk: { upstream }, errors }) => {
    const before = upstream.calls.length;
    const error = await ask({ ...ASK, model: 'nobody' });
    const expected = { code: 'model_not_found', type: 'invalid_request_error', param: 'model' };
    expect(error).toMatchObject({ name: errors.notFound, status: 404, ...expected });
    expect(error.request).toMatch(/^req_0_/);
    expect(upstream.calls).toHaveLength(before);
  },
  streamError: async (read, { sdk: { upstream }, errors }) => {
    upstream.script(stream(role(), token('half'), dropHere()));
    const { texts, error } = await read(ASK);
    expect(texts).toEqual(['half']);
    expect(error).toMatchObject({ name: errors.midStream, code: 'stream_interrupted' });
  },
  leave: async (leave, { sdk: { upstream } }) => {
    const before = upstream.calls.length;
    const gate = createGate();
    gate.release(1);
    upstream.script(answer('one two', { gate }));
    await leave(ASK);
    // Its first token came at once.
    const { startedAt } = await upstream.waitForCall(before + 1);
    await hangUpSoon(upstream, before + 1, startedAt);
  },
  cancel: async (cancel, { sdk: { upstream } }) => {
    const before = upstream.calls.length;
    upstream.script(hang());
    const asked = upstream.waitForCall(before + 1);
    await cancel(ASK, asked);
    await hangUpSoon(upstream, before + 1, (await asked).startedAt);
  },
  retry: async (ask, { sdk: { upstream } }) => {
    const before = upstream.calls.length;
    upstream.script(status(429, { retryAfter: '1' }), answer('second try'));
    expect(await ask({ ...ASK, model: 'lonely' })).toBe('second try');
    const [first, second] = upstream.calls.slice(before);
    expect(Number(second?.startedAt) - Number(first?.startedAt)).toBeGreaterThanOrEqual(900);
  },
  noRetry: async (ask, { sdk: { upstream }, errors }) => {
    const before = upstream.calls.length;
    upstream.script(status(500));
    const error = await ask({ ...ASK, model: 'refused' });
    expect(error).toMatchObject({ name: errors.failed, status: 502, code: 'upstream_error' });
    expect(upstream.calls).toHaveLength(before + 1);
  },
} satisfies Partial<Checks>;

/** What each feature must do, through whichever SDK. */
export const CHECKS: Checks = { ...chatChecks, ...otherChecks, ...endChecks };

/** What SDKs do that go by the status alone: a call that may have been billed is made again. */
export const retriesAnyway: Check<'noRetry'> = async (ask, { sdk: { upstream }, errors }) => {
  const before = upstream.calls.length;
  upstream.script(status(500), status(500));
  const error = await ask({ ...ASK, model: 'refused' });
  expect(error).toMatchObject({ name: errors.failed, status: 502, code: 'upstream_error' });
  expect(upstream.calls).toHaveLength(before + 2);
};

/** What an SDK does that leaves out the members it does not know. */
export const withoutControls: Check<'controls'> = async (ask, { sdk: { upstream } }) => {
  upstream.script(answer('from wherever'));
  expect(await ask(ASK)).toBe('from wherever');
  expect(lastCall(upstream).model).toBe('small');
};

async function checkTools(
  ask: SdkOperations['tools'],
  { sdk: { upstream } }: Scene,
  streamed: boolean,
): Promise<void> {
  const cities = Object.keys(WEATHER);
  const calls = cities.map((city) => ({ name: 'weather', json: JSON.stringify({ city }) }));
  upstream.script(callTools(...calls), answer('Go to Rome.'));
  expect(await ask(ASK)).toBe('Go to Rome.');
  const [first, second] = upstream.calls.slice(-2);
  expect([first?.stream, second?.stream]).toEqual([streamed, streamed]);
  expect(first?.json?.['tools']).toMatchObject([
    {
      type: 'function',
      function: {
        name: 'weather',
        parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
      },
    },
  ]);
  if (!second) throw new Error('the results of the tools did not come back');
  const [question, turn, ...results] = messagesOf(second);
  expect(question).toMatchObject({ role: 'user' });
  expect(turn?.role).toBe('assistant');
  // An SDK may write the arguments anew.
  const repeated = (turn?.tool_calls ?? []).map((call) => ({
    ...call,
    function: { ...call.function, arguments: JSON.parse(call.function.arguments) as unknown },
  }));
  expect(repeated).toMatchObject(
    cities.map((city, index) => ({
      id: `call_${index}`,
      type: 'function',
      function: { name: 'weather', arguments: { city } },
    })),
  );
  expect(results).toMatchObject(
    cities.map((city, index) => ({ role: 'tool', tool_call_id: `call_${index}`, content: WEATHER[city] })),
  );
}

async function checkStructured(
  ask: SdkOperations['structured'],
  { sdk: { upstream } }: Scene,
  streamed: boolean,
): Promise<void> {
  const forecast = { city: 'Züri “am See”', days: 3 };
  upstream.script(answer(JSON.stringify(forecast)));
  expect(await ask(ASK)).toEqual(forecast);
  const { json: body, stream: isStream } = lastCall(upstream);
  expect(isStream).toBe(streamed);
  expect(body?.['response_format']).toMatchObject({
    type: 'json_schema',
    json_schema: {
      name: expect.any(String),
      schema: {
        type: 'object',
        properties: { city: { type: 'string' }, days: { type: expect.stringMatching(/^(number|integer)$/) } },
        required: ['city', 'days'],
        additionalProperties: false,
      },
    },
  });
}

async function hangUpSoon(upstream: Upstream, number: number, leftAt: number): Promise<void> {
  const call = await upstream.waitForCall(number);
  expect((await upstream.waitForHangUp(call)) - leftAt).toBeLessThan(LEFT_WITHIN_MS);
}

interface Message {
  readonly role: string;
  readonly content: unknown;
  readonly tool_calls?: readonly { readonly function: { readonly arguments: string } }[];
}

function messagesOf({ json: body }: UpstreamCall): readonly Message[] {
  return (body?.['messages'] ?? []) as readonly Message[];
}

function lastCall({ calls }: Upstream): UpstreamCall {
  const call = calls.at(-1);
  if (!call) throw new Error('the upstream has had no call');
  return call;
}
