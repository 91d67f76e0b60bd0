import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { contentOf, eventually, fetchAnswer, jsonOf, send } from '../support/client.js';
import { dumpRedis } from '../support/redis-dump.js';
import { TestBroker } from '../support/start-broker.js';
import { startUpstream } from '../support/upstream.js';
import type { Upstream } from '../support/upstream.js';
import { answer, gated, hang, html, json, status, stream } from '../support/upstream-behaviours.js';
import type { Behaviour } from '../support/upstream-behaviours.js';
import { createGate } from '../support/upstream-gate.js';
import { dropHere, event, role, token } from '../support/upstream-steps.js';

/** In every prompt. */
const PROMPT = 'zebra-prompt-5417';
const APPLICATION_KEY = 'app-7Qm2Zt81XcVbN4';
const WRONG_KEY = 'wrong-4Hd93KslPq7ZbY';
const PROVIDER_KEY = 'sk-provider-9f8Ae71Lw3Xz';
const HEADER_SECRET = 'hdr-5Tg8Uj2Mn6Bv1Cx0';
const CONTROL_KEY = 'sk-control-2Rf6Yh0Kd4Wq';
const SECRETS = [PROMPT, APPLICATION_KEY, WRONG_KEY, PROVIDER_KEY, HEADER_SECRET, CONTROL_KEY];

let upstream: Upstream;
let broker: TestBroker;

beforeAll(async () => {
  upstream = await startUpstream();
  const provider = {
    kind: 'openai-compatible',
    location: 'cloud',
    baseUrl: upstream.baseUrl,
    apiKey: '${PROVIDER_KEY}',
    headers: { 'x-gateway-key': '${HEADER_SECRET}' },
  };
  broker = await TestBroker.start({
    config: {
      providers: { one: provider, two: provider, narrow: { ...provider, concurrency: 1 }, refused: provider },
      models: {
        m: {
          targets: [
            { provider: 'one', timeouts: { firstTokenMs: 300, responseMs: 300 } },
            { provider: 'two' },
          ],
        },
        narrow: { targets: [{ provider: 'narrow' }] },
        refused: { targets: [{ provider: 'refused' }] },
      },
      applications: { web: { apiKeys: ['${APPLICATION_KEY}'] } },
    },
    env: { PROVIDER_KEY, HEADER_SECRET, APPLICATION_KEY, LOG_LEVEL: 'trace' },
  });
}, 30_000);

afterAll(async () => {
  await broker?.stop();
  await upstream?.close();
});

function chat(model: string, streams: boolean, more: object = {}, key = APPLICATION_KEY) {
  const messages = [{ role: 'user', content: `Tell me of ${PROMPT}` }];
  return { body: { model, stream: streams, messages, ...more }, headers: { authorization: `Bearer ${key}` } };
}

function completions(): string {
  return `${broker.url}/v1/chat/completions`;
}

/** Where a secret stands: `key: secret`. */
function findSecrets(dump: ReadonlyMap<string, string>): string[] {
  return [...dump].flatMap(([key, value]) =>
    SECRETS.filter((secret) => key.includes(secret) || value.includes(secret)).map(
      (secret) => `${key}: ${secret}`,
    ),
  );
}

const failures: readonly {
  what: string;
  behaviours: readonly Behaviour[];
  streams: boolean;
  status: number;
}[] = [
  { what: 'falls back', behaviours: [status(503), answer('fine')], streams: true, status: 200 },
  { what: 'fails at both', behaviours: [status(500), html()], streams: false, status: 502 },
  { what: 'is never answered', behaviours: [hang(), json({ error: PROMPT })], streams: true, status: 502 },
  {
    what: 'is answered with nonsense',
    behaviours: [json(PROMPT), stream(event(PROMPT))],
    streams: true,
    status: 502,
  },
  { what: 'breaks off', behaviours: [stream(role(), token('a'), dropHere())], streams: true, status: 200 },
  {
    what: 'breaks off with an error that repeats the prompt',
    behaviours: [stream(role(), token('a'), event({ error: { message: `${PROMPT} ${PROVIDER_KEY}` } }))],
    streams: true,
    status: 200,
  },
  {
    what: 'fails with the prompt as its code',
    behaviours: [status(500, { code: PROMPT, type: PROMPT })],
    streams: false,
    status: 200,
  },
];

describe('a request that waits in its queue', () => {
  it('has its prompt under its body key alone; its job holds ids only', async () => {
    const gate = createGate();
    upstream.script(gated(gate, answer('one')));
    const first = send(completions(), chat('narrow', true));
    await upstream.waitForCall(1);
    const second = send(completions(), chat('narrow', false));
    const dump = await eventually(async () => {
      const found = await dumpRedis(broker.redis.url);
      return jobsIn(found).length === 2 ? found : undefined;
    }, 'two jobs');
    const bodies = [...dump.keys()].filter((key) => /:body:req_0_/.test(key));
    expect(bodies).toHaveLength(2);
    for (const key of bodies) expect(dump.get(key)).toContain(PROMPT);
    for (const key of bodies) dump.delete(key);
    expect(findSecrets(dump)).toEqual([]);
    for (const { data } of jobsIn(dump)) {
      expect(data).toEqual({ v: 1, request: expect.stringMatching(/^req_0_[0-9A-Z]{26}$/), attempt: 1 });
    }
    gate.open();
    expect([contentOf(await first.answer()), (await second.answer()).status]).toEqual(['one', 200]);
  });
});

/** The data of every job in a queue. */
function jobsIn(dump: ReadonlyMap<string, string>): { data: unknown }[] {
  return [...dump].flatMap(([key, value]) => {
    if (!/\{inference\..+\}.*:req_0_[^:]*$/.test(key)) return [];
    const { data } = JSON.parse(value) as { data?: string };
    return data === undefined ? [] : [{ data: JSON.parse(data) as unknown }];
  });
}

describe('after requests of every fate', () => {
  async function refusedRequests(): Promise<void> {
    const refusals = [
      { ...chat('m', true), body: `{"model":"m","messages":[{"content":"${PROMPT}` },
      chat(PROMPT, false),
      chat('m', false, { messages: PROMPT }),
      chat('m', false, { spillway: { apiKey: CONTROL_KEY } }),
      chat('m', false, { spillway: { fallbackProvider: CONTROL_KEY } }),
      chat('m', false, { [CONTROL_KEY]: 1, api_key: CONTROL_KEY }),
      chat('m', true, {}, WRONG_KEY),
    ];
    for (const refusal of refusals) {
      const reply = await fetchAnswer(completions(), refusal);
      expect([400, 401, 404]).toContain(reply.status);
      expect(reply.text).not.toContain(CONTROL_KEY);
    }
    for (const path of [`/v1/models/${PROMPT}`, `/${PROMPT}`, `/v1/models?key=${WRONG_KEY}`]) {
      await fetchAnswer(`${broker.url}${path}`, { headers: { authorization: `Bearer ${APPLICATION_KEY}` } });
    }
  }

  async function cancelledRequests(): Promise<void> {
    const before = upstream.calls.length;
    upstream.script(hang());
    const running = send(completions(), chat('narrow', true));
    await upstream.waitForCall(before + 1);
    const queued = send(completions(), chat('narrow', true));
    await eventually(
      async () => jobsIn(await dumpRedis(broker.redis.url)).length === 2 || undefined,
      'a queued job',
    );
    queued.leave();
    running.leave();
  }

  it('each came to its own', async () => {
    expect((await fetchAnswer(completions(), chat('m', true))).status).toBe(200);
    expect((await fetchAnswer(completions(), chat('m', false))).status).toBe(200);
    for (const { behaviours, streams, status: code } of failures) {
      upstream.script(...behaviours);
      expect((await fetchAnswer(completions(), chat('m', streams))).status).toBe(code);
    }
    await refusedRequests();
    await cancelledRequests();
  }, 20_000);

  it('no body and no job is left, and no prompt or key is anywhere in Redis', async () => {
    const dump = await eventually(async () => {
      const found = await dumpRedis(broker.redis.url);
      const isOver = jobsIn(found).length === 0 && ![...found.keys()].some((key) => key.includes(':body:'));
      return isOver ? found : undefined;
    }, 'the end of every body and job');
    // What remains for a minute: how each request ended.
    expect([...dump.keys()].filter((key) => key.includes(':req:')).length).toBeGreaterThan(10);
    expect(findSecrets(dump)).toEqual([]);
  });

  it('no process has printed a prompt or a key, though each has told of its requests', async () => {
    await broker.apis[0]?.prints('"outcome":"client_gone"');
    for (const outcome of [
      'ok',
      'upstream_error',
      'stream_interrupted',
      'invalid_json',
      'invalid_api_key',
      'model_not_found',
    ]) {
      expect(broker.output).toContain(`"outcome":"${outcome}"`);
    }
    for (const secret of SECRETS) expect(broker.output).not.toContain(secret);
  });

  it('the metrics hold no prompt and no key', async () => {
    const { text } = await fetchAnswer(`${broker.url}/metrics`);
    expect(text).toContain('spillway_requests_total{');
    for (const secret of SECRETS) expect(text).not.toContain(secret);
  });
});

describe('an upstream that repeats what it was sent', () => {
  it.each([
    {
      what: 'refuses our key',
      behaviour: status(401, { message: `Incorrect API key: ${PROVIDER_KEY}` }),
      model: 'refused',
      code: 502,
    },
    {
      what: 'refuses the request',
      behaviour: status(400, {
        message: `bad ${PROMPT}; your key is ${PROVIDER_KEY}, your header ${HEADER_SECRET}`,
      }),
      model: 'm',
      code: 400,
    },
  ])('shows no key to the client, no process prints its words: $what', async ({ behaviour, model, code }) => {
    upstream.script(behaviour);
    const reply = await fetchAnswer(completions(), chat(model, false));
    expect(reply.status).toBe(code);
    expect(jsonOf(reply).error).toBeDefined();
    for (const secret of [PROVIDER_KEY, HEADER_SECRET]) expect(reply.text).not.toContain(secret);
    const id = String(reply.headers['x-request-id']);
    await broker.apis[0]?.prints(new RegExp(`"request":"${id}".*"status":${code}`));
    for (const secret of SECRETS) expect(broker.output).not.toContain(secret);
  });

  it('was indeed sent the keys', () => {
    expect(upstream.calls.at(-1)?.headers).toMatchObject({
      authorization: `Bearer ${PROVIDER_KEY}`,
      'x-gateway-key': HEADER_SECRET,
    });
    expect(JSON.stringify(upstream.calls.map(({ headers }) => headers))).not.toContain(APPLICATION_KEY);
  });
});
