import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { contentOf, fetchAnswer, jsonOf } from '../support/client.js';
import type { Answer } from '../support/client.js';
import { TestBroker } from '../support/start-broker.js';
import { startUpstream } from '../support/upstream.js';
import type { Upstream } from '../support/upstream.js';
import { answer } from '../support/upstream-behaviours.js';
import type { Behaviour } from '../support/upstream-behaviours.js';

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
  broker = await TestBroker.start({
    config: {
      providers: { first: at(first.baseUrl, 'local'), second: at(second.baseUrl, 'cloud') },
      models: {
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
