import { expect } from '@jest/globals';
import { answer } from '../../support/upstream-behaviours.js';
import type { UpstreamCall } from '../../support/upstream-call.js';
import { callTools } from '../../support/upstream-endpoints.js';
import { WEATHER } from '../features.js';
import type { SdkOperations } from '../features.js';
import { ASK, lastCall } from './scene.js';
import type { Check, Checks, Scene } from './scene.js';

const PIXEL =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
export const chatChecks = {
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

interface Message {
  readonly role: string;
  readonly content: unknown;
  readonly tool_calls?: readonly { readonly function: { readonly arguments: string } }[];
}

function messagesOf({ json: body }: UpstreamCall): readonly Message[] {
  return (body?.['messages'] ?? []) as readonly Message[];
}
