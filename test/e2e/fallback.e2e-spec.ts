import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { chunksOf, contentOf, fetchAnswer, jsonOf } from '../support/client.js';
import type { Answer } from '../support/client.js';
import { earlyFailures } from '../support/failures-before-output.js';
import type { EarlyFailure } from '../support/failures-before-output.js';
import { TestBroker } from '../support/start-broker.js';
import { startUpstream } from '../support/upstream.js';
import type { Upstream } from '../support/upstream.js';
import { answer, stream } from '../support/upstream-behaviours.js';
import type { Behaviour } from '../support/upstream-behaviours.js';
import { done, dropHere, event, finish, hangOn, raw, role, tokens } from '../support/upstream-steps.js';

/** The timers of providers that are to run into them, ms. */
const SHORT = { firstTokenMs: 250, responseMs: 250, idleMs: 250 };

interface Case extends Partial<EarlyFailure> {
  readonly cause: string;
  readonly streams: boolean;
  /** The public model, and the name of it at every provider. */
  readonly model: string;
  /** Its first target; each refused credential needs a provider of its own, as providers remember it. */
  readonly provider: string;
}

const unreachable = [
  { cause: 'a refused connection', provider: 'refusing' },
  { cause: 'a host name that does not resolve', provider: 'nowhere' },
];

const cases: readonly Case[] = [...earlyFailures, ...unreachable].flatMap((failure, n) =>
  [true, false].map((streams) => {
    const model = `early-${n}-${streams ? 'stream' : 'whole'}`;
    const own = 'credential' in failure ? `for-${model}` : 'first';
    return { provider: own, ...failure, streams, model };
  }),
);

const lateFailures = [
  { cause: 'a closed connection', steps: [dropHere()], code: 'stream_interrupted' },
  { cause: 'a reset connection', steps: [dropHere({ reset: true })], code: 'stream_interrupted' },
  { cause: 'silence', steps: [hangOn()], code: 'stream_interrupted', idleMs: SHORT.idleMs },
  {
    cause: 'an error object',
    steps: [event({ error: { message: 'x' } }), done()],
    code: 'stream_interrupted',
  },
  { cause: 'an error event', steps: [event({ message: 'x' }, 'error'), done()], code: 'stream_interrupted' },
  { cause: 'bad JSON', steps: [event('{"choices":[{'), finish(), done()], code: 'stream_interrupted' },
  {
    cause: 'a line above 1 MiB',
    steps: [raw(`data: ${'x'.repeat(1_200_000)}\n\n`)],
    code: 'stream_interrupted',
  },
  { cause: 'an end without finish', steps: [], code: 'upstream_truncated' },
  { cause: '[DONE] without finish', steps: [done()], code: 'upstream_truncated' },
].map((failure, n) => ({ idleMs: 5_000, ...failure, model: `late-${n}` }));

let first: Upstream;
let second: Upstream;
let broker: TestBroker;

beforeAll(async () => {
  [first, second] = await Promise.all([startUpstream(), startUpstream()]);
  const at = (baseUrl: string, location: string) => ({
    kind: 'openai-compatible',
    location,
    baseUrl,
    models: ['m'],
  });
  const own = cases.filter(({ credential }) => credential).map(({ provider }) => provider);
  broker = await TestBroker.start({
    config: {
      providers: {
        first: at(first.baseUrl, 'local'),
        second: at(second.baseUrl, 'cloud'),
        refusing: at('http://127.0.0.1:9/v1', 'local'),
        // Where a resolver itself is silent, the timer moves on.
        nowhere: {
          ...at('http://does-not-exist.invalid/v1', 'local'),
          timeouts: { firstTokenMs: 2_000, responseMs: 2_000 },
        },
        ...Object.fromEntries(own.map((name) => [name, at(first.baseUrl, 'local')])),
      },
      models: {
        ...Object.fromEntries(
          cases.map(({ model, provider, silent }) => [
            model,
            route({ provider, ...(silent && { timeouts: SHORT }) }, { provider: 'second' }),
          ]),
        ),
        ...Object.fromEntries(
          lateFailures.map(({ model, idleMs }) => [
            model,
            route({ provider: 'first', timeouts: { idleMs } }, { provider: 'second' }),
          ]),
        ),
        longer: route(
          { provider: 'first', contextTokens: 4_096 },
          { provider: 'second', contextTokens: 131_072 },
        ),
        terminal: route({ provider: 'first' }, { provider: 'second' }),
      },
    },
  });
}, 30_000);

afterAll(async () => {
  await broker?.stop();
  await Promise.all([first?.close(), second?.close()]);
});

function route(...targets: readonly object[]): object {
  return { targets };
}

async function ask(model: string, streams: boolean, content = 'Hi'): Promise<Answer> {
  const body = { model, stream: streams, messages: [{ role: 'user', content }] };
  return fetchAnswer(`${broker.url}/v1/chat/completions`, { body });
}

function callsOf(upstream: Upstream, model: string): number {
  return upstream.calls.filter((call) => call.model === model).length;
}

describe('a provider that fails before output', () => {
  it.each(cases)('with $cause leaves one whole answer of the next (stream: $streams)', async (failing) => {
    const { model, behaviour, streams } = failing;
    if (behaviour) first.when({ model }, behaviour);
    second.when({ model }, answer(`from the second: ${model}`));
    const reply = await ask(model, streams);
    expect([reply.status, reply.text]).toEqual([200, expect.stringContaining(model)]);
    expect(reply.headers).toMatchObject({
      'x-spillway-provider': 'second',
      'x-spillway-location': 'cloud',
      'x-spillway-model': model,
      'x-spillway-attempts': '2',
    });
    expect(toWhole(reply, streams)).toEqual([`from the second: ${model}`, 1, streams ? 1 : 0]);
    expect({ first: callsOf(first, model), second: callsOf(second, model) }).toEqual({
      first: behaviour ? 1 : 0,
      second: 1,
    });
  });
});

/** The text of a whole answer, of how many it is made, and how often it says that it is done. */
function toWhole(reply: Answer, streams: boolean): readonly [string | undefined, number, number] {
  if (!streams) return [jsonOf(reply).choices?.[0]?.message?.content, 1, 0];
  const ids = new Set(chunksOf(reply).map(({ id }) => id));
  // Behind [DONE] nothing may come.
  const end = reply.events.indexOf('[DONE]');
  return [contentOf(reply), ids.size, end === -1 ? 0 : reply.events.length - end];
}

describe('a provider that fails after output', () => {
  it.each(lateFailures)(
    'with $cause ends the stream as $code, and nothing is spliced to it',
    async ({ model, steps, code }) => {
      first.when({ model }, stream(role(), tokens('one two three'), ...steps));
      const reply = await ask(model, true);
      expect(reply.status).toBe(200);
      expect(contentOf(reply)).toBe('one two three');
      expect(jsonOf({ text: reply.events.at(-1) ?? '' })).toEqual({
        error: { message: expect.stringContaining('first'), type: 'upstream_error', param: null, code },
      });
      expect(chunksOf(reply).filter(({ error }) => error)).toHaveLength(1);
      expect(reply.events).not.toContain('[DONE]');
      expect({ first: callsOf(first, model), second: callsOf(second, model) }).toEqual({
        first: 1,
        second: 0,
      });
    },
  );
});

describe('a refusal that any provider would repeat', () => {
  const context = { code: 'context_length_exceeded', message: 'the maximum context length is 4096 tokens' };
  const refusals: readonly {
    cause: string;
    behaviour: Behaviour;
    status: number;
    code: string;
    message: RegExp;
  }[] = [
    {
      cause: '400',
      behaviour: refusal(400, { message: 'temperature: too hot', param: 'temperature' }),
      status: 400,
      code: 'upstream_rejected',
      message: /too hot/,
    },
    { cause: '413', behaviour: refusal(413), status: 413, code: 'request_too_large', message: /first/ },
    {
      cause: '422',
      behaviour: refusal(422, { message: 'wrong schema' }),
      status: 400,
      code: 'upstream_rejected',
      message: /wrong schema/,
    },
    {
      cause: 'content policy',
      behaviour: refusal(400, { code: 'content_policy_violation' }),
      status: 400,
      code: 'content_policy_violation',
      message: /policy/,
    },
    {
      cause: 'context length',
      behaviour: refusal(400, context),
      status: 400,
      code: 'context_length_exceeded',
      message: /context/,
    },
  ];
  const table = refusals.flatMap((each) => [true, false].map((streams) => ({ ...each, streams })));

  it.each(table)('for $cause is final: $status $code, one call (stream: $streams)', async (row) => {
    const marker = `refused for ${row.cause} ${row.streams}`;
    first.when({ marker }, row.behaviour);
    const before = callsOf(second, 'terminal');
    const reply = await ask('terminal', row.streams, marker);
    expect(reply.status).toBe(row.status);
    expect(reply.headers['content-type']).toMatch(/^application\/json/);
    expect(jsonOf(reply).error).toMatchObject({
      code: row.code,
      type: 'invalid_request_error',
      message: expect.stringMatching(row.message),
    });
    expect(first.calls.filter(({ body }) => body.includes(marker))).toHaveLength(1);
    expect(callsOf(second, 'terminal')).toBe(before);
  });

  it('for context length moves on where the next target is declared with a longer one', async () => {
    first.when({ model: 'longer' }, refusal(400, context));
    second.when({ model: 'longer' }, answer('fits here'));
    const reply = await ask('longer', true);
    expect(contentOf(reply)).toBe('fits here');
    expect(reply.headers['x-spillway-provider']).toBe('second');
  });
});

function refusal(code: number, error: object = {}): Behaviour {
  return async (call) => {
    call.response.writeHead(code, { 'content-type': 'application/json' });
    await call.end(
      JSON.stringify({ error: { message: 'refused', type: 'invalid_request_error', ...error } }),
    );
  };
}
