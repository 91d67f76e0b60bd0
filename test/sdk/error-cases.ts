import type { Redis } from 'ioredis';
import { readHealth } from '#core/health-field.js';
import type { Keys } from '#broker/keys.js';
import type { ErrorCode } from '#core/errors.js';
import { eventually, send } from '../support/client.js';
import type { SdkCall } from '../support/sdks.js';
import type { TestBroker } from '../support/start-broker.js';
import type { Upstream } from '../support/upstream.js';
import { answer, gated, hang, status, stream } from '../support/upstream-behaviours.js';
import type { Behaviour } from '../support/upstream-behaviours.js';
import { createGate } from '../support/upstream-gate.js';
import { dropHere, role, token } from '../support/upstream-steps.js';

/** What the cases need; each case is played once per SDK, at a place of its own. */
export interface ErrorScene {
  readonly broker: TestBroker;
  readonly upstream: Upstream;
  readonly redis: Redis;
  readonly keys: Keys;
  /** The base URL, up to `/v1`, of a server that is told to stop once this is called. */
  readonly drain: () => Promise<string>;
  /** That of one without Redis. */
  readonly withoutRedis: string;
  /** That of one that what is sent never reaches whole. */
  readonly overSlowLine: string;
}

export interface ErrorCase {
  /** Tries of an SDK that may try again once, or not at all where `mayRetry` is false. */
  readonly tries: 1 | 2;
  /** False where the time that the SDK is told to wait is too long for a test. Default: true. */
  readonly mayRetry?: false;
  /** At least so long between two tries: the time that the SDK is told, not its own, which is below 0.5 s. */
  readonly pauseMs?: number;
  readonly param?: string;
  /** The response had begun: the error has no status. */
  readonly isInStream?: true;
  /** More of the provider of each place, and of the target. */
  readonly provider?: object;
  readonly target?: object;
  /** No worker serves it. */
  readonly isUnserved?: true;
  /** What the upstream does, each time. */
  readonly upstream?: Behaviour;
  /** What the SDK asks for, beside a chat completion with the model of the place. */
  readonly ask?: (scene: ErrorScene, place: string) => Partial<SdkCall> | Promise<Partial<SdkCall>>;
  /** Before it asks; what it answers with undoes that. */
  readonly prepare?: (scene: ErrorScene, place: string) => Promise<() => Promise<unknown>>;
  /** While it waits. */
  readonly meanwhile?: (scene: ErrorScene, place: string) => Promise<void>;
}

/** A row of the table of errors that no request can meet yet. */
export interface UnreachableError {
  readonly unreachable: string;
}

const MESSAGES = [{ role: 'user', content: 'Hi' }];
const nested = (levels: number): unknown => (levels === 0 ? 'deep' : [nested(levels - 1)]);
const route = (method: 'get' | 'put', path: string) => () => ({ route: { method, path } });
const chat = (more: object) => (_: ErrorScene, place: string) => ({
  body: { model: place, messages: MESSAGES, ...more },
});
const once = { concurrency: 1 };

/** Every row of the table: how a request gets there, or why none does. */
export const errorCases: Readonly<Record<ErrorCode, ErrorCase | UnreachableError>> = {
  invalid_json: { tries: 1, ask: chat({ x: nested(70) }) },
  invalid_value: { tries: 1, ask: chat({ messages: [] }), param: 'messages' },
  unsupported_parameter: {
    tries: 1,
    provider: { capabilities: { logprobs: false } },
    ask: chat({ logprobs: true }),
    param: 'logprobs',
  },
  upstream_rejected: {
    tries: 1,
    upstream: status(422, { message: 'temperature is too high', param: 'temperature' }),
    param: 'temperature',
  },
  content_policy_violation: { tries: 1, upstream: status(400, { code: 'content_policy_violation' }) },
  context_length_exceeded: { tries: 1, upstream: status(400, { code: 'context_length_exceeded' }) },
  invalid_api_key: { tries: 1, ask: () => ({ apiKey: 'another' }) },
  application_not_allowed: { unreachable: 'applications have no list of origins and addresses yet' },
  model_not_allowed: { tries: 1, ask: () => ({ apiKey: 'guest-key' }), param: 'model' },
  model_not_found: { tries: 1, ask: chat({ model: 'nobody' }), param: 'model' },
  not_found: { tries: 1, ask: route('get', '/nothing') },
  request_not_found: { tries: 1, ask: route('get', `/requests/req_0_${'0'.repeat(26)}`) },
  method_not_allowed: { tries: 1, ask: route('put', '/models') },
  request_timeout: { tries: 2, ask: ({ overSlowLine }) => ({ baseUrl: overSlowLine }) },
  idempotency_key_conflict: {
    tries: 1,
    upstream: answer('Hello'),
    prepare: async (scene, place) => {
      await askRaw(scene, place, { seed: 1 }, { 'idempotency-key': place }).answer();
      return () => Promise.resolve();
    },
    ask: (_, place) => ({ headers: { 'Idempotency-Key': place } }),
  },
  request_too_large: { tries: 1, ask: chat({ user: 'x'.repeat(100_000) }) },
  unsupported_media_type: { tries: 1, ask: () => ({ headers: { 'Content-Type': 'text/plain' } }) },
  headers_too_large: { tries: 1, ask: () => ({ headers: { 'x-large': 'x'.repeat(40_000) } }) },
  rate_limit_exceeded: { tries: 2, pauseMs: 950, upstream: status(429, { retryAfter: '1' }) },
  queue_full: { tries: 1, mayRetry: false, provider: once, prepare: (...at) => occupy(...at, 2) },
  internal_error: { tries: 1, upstream: hang(), meanwhile: loseRequest },
  upstream_error: { tries: 1, upstream: status(500) },
  upstream_truncated: { tries: 1, upstream: stream(role()), ask: chat({ stream: true }) },
  upstream_credentials_exhausted: { tries: 1, upstream: status(401) },
  stream_interrupted: {
    tries: 1,
    isInStream: true,
    upstream: stream(role(), token('half'), dropHere()),
    ask: chat({ stream: true }),
  },
  no_provider_available: { tries: 1, mayRetry: false, upstream: status(500), prepare: takeDown },
  no_worker: { tries: 1, mayRetry: false, isUnserved: true, target: { maxQueueWaitMs: 300 } },
  redis_unavailable: { tries: 2, pauseMs: 950, ask: ({ withoutRedis }) => ({ baseUrl: withoutRedis }) },
  shutting_down: { tries: 2, pauseMs: 950, ask: async ({ drain }) => ({ baseUrl: await drain() }) },
  upstream_timeout: {
    tries: 1,
    upstream: hang(),
    target: { timeouts: { firstTokenMs: 250, responseMs: 250 } },
  },
  queue_timeout: {
    tries: 1,
    provider: once,
    target: { maxQueueWaitMs: 300 },
    prepare: (...at) => occupy(...at, 1),
  },
  deadline_exceeded: {
    tries: 1,
    upstream: hang(),
    ask: () => ({ headers: { 'x-spillway-timeout-ms': '1500' } }),
  },
};

/** Takes the one place of a provider, and `count - 1` in its queue. */
async function occupy(scene: ErrorScene, place: string, count: number): Promise<() => Promise<unknown>> {
  const gate = createGate();
  scene.upstream.when({ model: place }, gated(gate, answer('done')));
  const calls = [askRaw(scene, place)];
  await callOf(scene, place);
  for (let n = 1; n < count; n++) {
    calls.push(askRaw(scene, place));
    const { waiting } = scene.keys.shard(0);
    const isWaiting = async () =>
      (await scene.redis.zlexcount(waiting, `[${place}|`, `(${place}|~`)) === n || undefined;
    await eventually(isWaiting, `${n} requests that wait for ${place}`);
  }
  return () => {
    gate.open();
    return Promise.all(calls.map((call) => call.answer()));
  };
}

/** Asks until the provider is known to be down, for longer than an SDK takes to start. */
async function takeDown(scene: ErrorScene, place: string): Promise<() => Promise<unknown>> {
  await eventually(async () => {
    await askRaw(scene, place).answer();
    const fields = new Map(Object.entries(await scene.redis.hgetall(scene.keys.health)));
    return (readHealth(fields, 0).breakers.get(place)?.open?.forMs ?? 0) >= 4_000 || undefined;
  }, `the breaker of ${place} to open`);
  return () => Promise.resolve();
}

/** The ledger forgets a request that runs. */
async function loseRequest(scene: ErrorScene, place: string): Promise<void> {
  const { headers } = await callOf(scene, place);
  const id = String(headers['x-request-id']).replace(/-\d+$/, '');
  const found = await scene.redis.keys(`*${id}*`);
  if (found.length === 0) throw new Error(`Redis knows nothing of ${id}`);
  await scene.redis.del(found);
}

function callOf({ upstream }: ErrorScene, place: string) {
  return eventually(() => upstream.calls.find(({ model }) => model === place), `a call for ${place}`);
}

function askRaw(
  { broker }: ErrorScene,
  place: string,
  more: object = {},
  headers: Record<string, string> = {},
) {
  const body = { model: place, messages: MESSAGES, ...more };
  return send(`${broker.url}/v1/chat/completions`, {
    body,
    headers: { authorization: `Bearer ${KEY}`, ...headers },
  });
}

/** Of the one application. */
export const KEY = 'key-of-the-application';
