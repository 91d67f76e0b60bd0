import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { contentOf, fetchAnswer, jsonOf, type Answer } from '../support/client.js';
import { TestBroker } from '../support/start-broker.js';
import type { Upstream } from '../support/upstream.js';
import { anthropicWire } from '../support/wire/anthropic.js';
import { bedrockWire } from '../support/wire/bedrock.js';
import { geminiWire } from '../support/wire/gemini.js';
import type { Said, Wire } from '../support/wire/wire.js';

const WIRES: readonly Wire[] = [anthropicWire, geminiWire, bedrockWire];
const KEY = 'a-key-of-these-tests';

let broker: TestBroker;
const upstreams = new Map<string, Upstream>();

beforeAll(async () => {
  for (const { kind, start } of WIRES) upstreams.set(kind, await start());
  const providers = Object.fromEntries(
    WIRES.map((wire) => [
      wire.kind,
      {
        ...{ kind: wire.kind, apiKey: '${KEY}', models: ['m'], baseUrl: wire.baseUrl(of(wire)) },
        ...(wire.kind === 'bedrock' && { region: 'eu-north-1' }),
      },
    ]),
  );
  const targets = ['anthropic', 'bedrock', 'gemini'].map((provider) => ({ provider, model: 'm' }));
  broker = await TestBroker.start({ config: { providers, models: { any: { targets } } }, env: { KEY } });
}, 30_000);

afterAll(async () => {
  await broker?.stop();
  await Promise.all([...upstreams.values()].map((upstream) => upstream.close()));
});

function of({ kind }: Wire): Upstream {
  const upstream = upstreams.get(kind);
  if (!upstream) throw new Error(`There is no upstream of the kind ${kind}.`);
  return upstream;
}

async function ask(model: string, members: object = {}): Promise<Answer> {
  const messages = [{ role: 'user', content: 'Hi' }];
  return fetchAnswer(`${broker.url}/v1/chat/completions`, { body: { model, messages, ...members } });
}

describe.each(WIRES)('a provider of the kind $kind, through the broker', (wire) => {
  const model = `${wire.kind}/m`;

  it.each([[true], [false]])('answers, stream: %s', async (stream) => {
    of(wire).script(wire.says({ text: 'Hello there' }));
    const answer = await ask(model, { stream });
    expect(answer.status).toBe(200);
    const content = stream ? contentOf(answer) : jsonOf(answer).choices?.[0]?.message?.content;
    expect(content).toBe('Hello there');
    expect(answer.headers['x-spillway-provider']).toBe(wire.kind);
  });

  it('tells what it could not be told', async () => {
    of(wire).script(wire.says({ text: 'Hi' }));
    const answer = await ask(model, { logit_bias: { 1: 1 }, store: false });
    expect(answer.headers['x-spillway-dropped']).toBe('logit_bias, store');
  });

  it('gives several answers by several calls', async () => {
    of(wire).script(wire.says({ text: 'one' }), wire.says({ text: 'two' }));
    const { choices = [] } = jsonOf(await ask(model, { n: 2 }));
    expect(new Set(choices.map(({ message }) => message?.content))).toEqual(new Set(['one', 'two']));
    expect(choices).toHaveLength(2);
  });

  it('is not asked for what it does not have', async () => {
    const url = `${broker.url}/v1/completions`;
    const answer = await fetchAnswer(url, { body: { model, prompt: 'Hi' } });
    expect(answer.status).toBe(400);
    expect(jsonOf(answer).error).toMatchObject({ code: 'unsupported_parameter', param: 'model' });
  });
});

describe('from one kind to the next', () => {
  const tools = [{ type: 'function', function: { name: 'weather', parameters: { type: 'object' } } }];
  const said: Said = { toolCalls: [{ id: 'call_1', name: 'weather', input: { city: 'Oslo' } }] };

  it.each([[true], [false]])('before the first output, with tools, stream: %s', async (stream) => {
    of(anthropicWire).script(anthropicWire.error(500));
    of(bedrockWire).script(bedrockWire.error(500));
    of(geminiWire).script(geminiWire.says(said));
    const answer = await ask('any', { stream, tools });
    expect(answer.status).toBe(200);
    expect(answer.headers).toMatchObject({ 'x-spillway-provider': 'gemini', 'x-spillway-attempts': '3' });
    const text = stream ? answer.events.join('') : answer.text;
    expect(text).toContain('call_1');
    expect(text).toContain('"finish_reason":"tool_calls"');
    expect(text).not.toContain(KEY);
  });
});
