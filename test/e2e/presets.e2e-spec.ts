import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { PRESET_NAMES, presetOf, type PresetName } from '../../libs/core/src/config/presets.js';
import { eventually } from '../support/client.js';
import { startRedis, type TestRedis } from '../support/redis.js';
import { TestBroker } from '../support/start-broker.js';
import { json, modelList } from '../support/upstream-behaviours.js';
import type { UpstreamCall } from '../support/upstream-call.js';
import { startUpstream, type Upstream } from '../support/upstream.js';
import { anthropicWire } from '../support/wire/anthropic.js';
import { bedrockWire } from '../support/wire/bedrock.js';
import { geminiWire } from '../support/wire/gemini.js';
import { ollamaWire } from '../support/wire/ollama-wire.js';
import type { Wire } from '../support/wire/wire.js';

jest.setTimeout(60_000);

type Body = Readonly<Record<string, unknown>>;

interface Expected {
  /** Its API below its host. */
  readonly path: string;
  readonly host?: string;
  /** Where its key travels, if not as a bearer token. */
  readonly header?: string;
}

const EXPECTED: Readonly<Record<PresetName, Expected>> = {
  ollama: { path: '' },
  vllm: { path: '/v1' },
  'llama-cpp': { path: '/v1' },
  'lm-studio': { path: '/v1' },
  omlx: { path: '/v1' },
  openai: { path: '/v1', host: 'api.openai.com:443' },
  azure: { path: '/openai/v1', host: 'mine.openai.azure.com:443', header: 'api-key' },
  anthropic: { path: '/v1', host: 'api.anthropic.com:443', header: 'x-api-key' },
  gemini: { path: '/v1beta', host: 'generativelanguage.googleapis.com:443', header: 'x-goog-api-key' },
  bedrock: { path: '', host: 'bedrock-runtime.us-east-1.amazonaws.com:443' },
  groq: { path: '/openai/v1', host: 'api.groq.com:443' },
  mistral: { path: '/v1', host: 'api.mistral.ai:443' },
  deepseek: { path: '/v1', host: 'api.deepseek.com:443' },
  xai: { path: '/v1', host: 'api.x.ai:443' },
  together: { path: '/v1', host: 'api.together.xyz:443' },
  fireworks: { path: '/inference/v1', host: 'api.fireworks.ai:443' },
  openrouter: { path: '/api/v1', host: 'openrouter.ai:443' },
  cerebras: { path: '/v1', host: 'api.cerebras.ai:443' },
};

/** A request that says much of what services differ in. */
const REQUEST = {
  messages: [
    { role: 'developer', content: 'Be brief.' },
    { role: 'user', content: 'Hi' },
  ],
  ...{ max_completion_tokens: 50, seed: 7, user: 'u', frequency_penalty: 0, stop: [' END'] },
};

const SYSTEM = { messages: [{ role: 'system', content: 'Be brief.' }, REQUEST.messages[1]] };

/** What a preset's upstream gets differently: members with another value, and members that it does not get. */
const CHANGES: Readonly<
  Partial<Record<PresetName, { set?: Body; gone?: readonly string[]; dropped?: string }>>
> = {
  'lm-studio': { set: { max_tokens: 50 }, gone: ['max_completion_tokens'] },
  mistral: {
    set: { ...SYSTEM, max_tokens: 50 },
    gone: ['max_completion_tokens', 'seed', 'user', 'stream_options'],
    dropped: 'seed, user',
  },
  deepseek: {
    set: { ...SYSTEM, max_tokens: 50 },
    gone: ['max_completion_tokens', 'seed'],
    dropped: 'seed',
  },
  together: { set: { ...SYSTEM, max_tokens: 50 }, gone: ['max_completion_tokens'] },
  cerebras: { set: SYSTEM, gone: ['frequency_penalty'], dropped: 'frequency_penalty' },
  fireworks: { set: { context_length_exceeded_behavior: 'error' } },
};

/** Those with an API of their own, and the upstream that speaks it. */
const WIRES: Readonly<Partial<Record<PresetName, Wire<string>>>> = {
  ollama: ollamaWire,
  anthropic: anthropicWire,
  gemini: geminiWire,
  bedrock: bedrockWire,
};
const SPEAK_OPENAI = PRESET_NAMES.filter((name) => presetOf(name).kind === 'openai-compatible');
const OTHERS = PRESET_NAMES.filter((name) => !SPEAK_OPENAI.includes(name));

const KEYS = Object.fromEntries(PRESET_NAMES.map((name) => [presetOf(name).keys[0], `key-of-${name}`]));
const isCloud = (name: PresetName) => presetOf(name).location === 'cloud';
const config = { providers: Object.fromEntries(PRESET_NAMES.map((name) => [name, { preset: name }])) };

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

describe('each preset, from one line of configuration', () => {
  let upstream: Upstream;
  let broker: TestBroker;
  const wires = new Map<PresetName, Upstream>();
  const listed = new Map<string, UpstreamCall['headers']>();

  beforeAll(async () => {
    upstream = await startUpstream();
    const list = modelList('its-model');
    upstream.scriptModels(async (call) => {
      listed.set(call.record.path, call.record.headers);
      await list(call);
    });
    const address = ({ port }: Upstream, path: string) => `http://127.0.0.1:${port}${path}`;
    const env: Record<string, string> = {};
    for (const name of PRESET_NAMES) {
      const { baseUrlVariable, keys } = presetOf(name);
      const wire = await WIRES[name]?.start();
      if (wire) wires.set(name, wire);
      const { path } = EXPECTED[name];
      env[baseUrlVariable] = wire ? address(wire, path) : address(upstream, `/${name}${path}`);
      if (isCloud(name)) env[keys[0]] = `key-of-${name}`;
    }
    broker = await TestBroker.start({ config, env, redis });
    await eventually(() => (listed.size >= SPEAK_OPENAI.length ? true : undefined), 'all lists of models');
  });

  beforeEach(() => {
    upstream.calls.length = 0;
  });

  afterAll(async () => {
    await broker?.stop();
    await Promise.all([...wires.values(), upstream].map((each) => each?.close()));
  });

  /** As a bearer token or in a header of its own; nothing for a server that has no key. */
  function expectCredential(name: PresetName, headers: UpstreamCall['headers']): void {
    const { header } = EXPECTED[name];
    const sent = Object.entries(headers).filter(([, value]) => String(value).includes('key-of-'));
    const own = header ? [[header, `key-of-${name}`]] : [['authorization', `Bearer key-of-${name}`]];
    expect(sent).toEqual(isCloud(name) ? own : []);
  }

  async function ask(name: PresetName, body: object): Promise<Response> {
    return fetch(`${broker.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: `${name}/its-model`, ...body }),
    });
  }

  it.each(SPEAK_OPENAI)('%s asks for its models with its key', (name) => {
    const headers = listed.get(`/${name}${EXPECTED[name].path}/models`);
    if (!headers) throw new Error('its models were not asked for');
    expectCredential(name, headers);
  });

  it.each(SPEAK_OPENAI)('%s gets what it understands, and gives a whole answer', async (name) => {
    const choices = [{ index: 0, message: { role: 'assistant', content: 'Yes END' }, finish_reason: 'stop' }];
    const usage = { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 };
    upstream.script(json({ id: 'x', object: 'chat.completion', created: 1, model: 'm', choices, usage }));
    const answer = await ask(name, REQUEST);
    const body = (await answer.json()) as { choices: { message: { content: string } }[] };
    expect({ status: answer.status, body }).toMatchObject({ status: 200, body: { usage } });
    expect(body.choices[0]?.message.content).toBe(name === 'fireworks' ? 'Yes' : 'Yes END');

    const { set = {}, gone = [], dropped } = CHANGES[name] ?? {};
    expect(answer.headers.get('x-spillway-dropped')).toBe(dropped ?? null);
    const [call] = upstream.calls;
    expect(call?.path).toBe(`/${name}${EXPECTED[name].path}/chat/completions`);
    if (call) expectCredential(name, call.headers);
    const expected = { model: 'its-model', ...REQUEST, ...set };
    const kept = Object.entries(expected).filter(([member]) => !gone.includes(member));
    expect(call?.json).toEqual(Object.fromEntries<unknown>(kept));
  });

  it.each(SPEAK_OPENAI)('%s gives a stream', async (name) => {
    const answer = await ask(name, { ...REQUEST, stream: true });
    const text = await answer.text();
    expect({ status: answer.status, text }).toMatchObject({ status: 200 });
    expect(text).toContain('data: [DONE]');
    expect(answer.headers.get('x-spillway-provider')).toBe(name);
    const options = name === 'mistral' ? undefined : { include_usage: true };
    expect(upstream.calls[0]?.json?.['stream_options']).toEqual(options);
  });

  it.each(OTHERS)(
    '%s is asked in its own words, with its key, and answers whole and as a stream',
    async (name) => {
      const [wire, own] = [WIRES[name], wires.get(name)];
      if (!wire || !own) throw new Error('no upstream speaks its API');
      own.otherwise(wire.says({ text: 'Hello there' }));
      for (const stream of [false, true]) {
        const answer = await ask(name, { ...REQUEST, stream });
        const text = await answer.text();
        expect({ status: answer.status, text }).toMatchObject({ status: 200 });
        expect(text).toContain(stream ? 'data: [DONE]' : '"content":"Hello there"');
      }
      expect(own.calls).toHaveLength(2);
      for (const { headers, path } of own.calls) {
        expectCredential(name, headers);
        expect(path.startsWith(EXPECTED[name].path)).toBe(true);
      }
    },
  );
});

describe('without addresses in the environment', () => {
  let proxy: Server;
  let broker: TestBroker;
  const connects = new Set<string>();

  beforeAll(async () => {
    proxy = createServer();
    proxy.on('connect', ({ url }, socket) => {
      connects.add(url ?? '');
      socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
    });
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    const env = {
      ...KEYS,
      AZURE_OPENAI_RESOURCE: 'mine',
      HTTPS_PROXY: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    };
    const accounts = Object.entries(config.providers).filter(([, { preset }]) => isCloud(preset));
    const providers = Object.fromEntries(accounts);
    broker = await TestBroker.start({ config: { redis: { prefix: 'real' }, providers }, env, redis });
  });

  afterAll(async () => {
    await broker?.stop();
    proxy.close();
    proxy.closeAllConnections();
    await once(proxy, 'close');
  });

  it('each account is asked at the host that its service documents', async () => {
    // Nothing asks it for its models.
    await fetch(`${broker.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'bedrock/m', messages: REQUEST.messages }),
    });
    const hosts = PRESET_NAMES.filter(isCloud).map((name) => EXPECTED[name].host ?? `no host of ${name}`);
    await eventually(
      () => (connects.size >= hosts.length ? true : undefined),
      `calls of ${hosts.length} hosts`,
    );
    expect([...connects].toSorted()).toEqual(hosts.toSorted());
  });
});
