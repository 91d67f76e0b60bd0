import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { errors } from '#core/errors.js';
import type { ErrorCode, ErrorRow } from '#core/errors.js';
import { Keys } from '#broker/keys.js';
import { eventually, fetchAnswer, send } from '../support/client.js';
import { PYTHON_SETUP_MS } from '../support/python.js';
import { PythonSession } from '../support/python-session.js';
import { node6, node7, pythonSdk } from '../support/sdks.js';
import type { Sdk } from '../support/sdks.js';
import { TestBroker } from '../support/start-broker.js';
import { TappedLine } from '../support/tapped-line.js';
import { startUpstream } from '../support/upstream.js';
import type { Upstream } from '../support/upstream.js';
import { hang, status } from '../support/upstream-behaviours.js';
import { errorCases, KEY } from './error-cases.js';
import type { ErrorCase, ErrorScene } from './error-cases.js';

/** The classes of both SDKs, by status; all others are the base class of each. */
const CLASSES: Readonly<Record<number, string>> = {
  400: 'BadRequestError',
  401: 'AuthenticationError',
  403: 'PermissionDeniedError',
  404: 'NotFoundError',
  409: 'ConflictError',
  422: 'UnprocessableEntityError',
  429: 'RateLimitError',
};

const cases = Object.entries(errorCases).flatMap(([code, each]) =>
  'unreachable' in each ? [] : [{ ...each, code: code as ErrorCode }],
);
const SDKS = 3;
const placesOf = (code: string) =>
  Array.from({ length: SDKS }, (_, n) => `${code.replaceAll('_', '-')}-${n}`);

let upstream: Upstream;
let broker: TestBroker;
let lost: TestBroker;
let line: TappedLine;
let redis: Redis;
let session: PythonSession;
let draining: Promise<string> | undefined;
let scene: ErrorScene;
let sdks: readonly Sdk[];

// The longest takes its providers down four times.
jest.setTimeout(60_000);

function configOf(baseUrl: string): object {
  const provider = { kind: 'openai-compatible', location: 'local', baseUrl, models: ['x'] };
  const places = [...cases, { code: 'long_wait' } as { code: string } & Partial<ErrorCase>].flatMap((each) =>
    placesOf(each.code).map((name) => ({ ...each, name })),
  );
  return {
    server: { bodyLimitBytes: 65_536, requestTimeoutMs: '${REQUEST_TIMEOUT_MS:-30000}' },
    providers: Object.fromEntries(places.map(({ name, provider: more }) => [name, { ...provider, ...more }])),
    models: Object.fromEntries(
      places.map(({ name, target }) => [name, { targets: [{ provider: name, ...target }] }]),
    ),
    // A busy provider is told of at once: what the SDKs do then is the point.
    queue: { maxWaiting: 1, maxRetryDelayMs: 0 },
    applications: {
      web: { apiKeys: ['${WEB_KEY}'] },
      guest: { apiKeys: ['guest-key'], models: ['demo*'] },
    },
  };
}

beforeAll(async () => {
  upstream = await startUpstream();
  const config = configOf(upstream.baseUrl);
  const served = cases.filter(({ isUnserved }) => !isUnserved).flatMap(({ code }) => placesOf(code));
  const env = { WEB_KEY: KEY, SPILLWAY_WORKER_PROVIDERS: [...served, ...placesOf('long_wait')].join(',') };
  [broker, lost] = await Promise.all([
    TestBroker.start({ config, env }),
    TestBroker.start({ config, env, workers: 0 }),
  ]);
  await lost.redis.kill();
  const slow = await broker.startApi({ REQUEST_TIMEOUT_MS: '1000' });
  line = await TappedLine.open(slow.url, { keepsLastByte: true });
  redis = new Redis(broker.redis.url, { maxRetriesPerRequest: null });
  session = await PythonSession.start({ baseUrl: `${broker.url}/v1`, apiKey: KEY });
  sdks = [node7, node6, pythonSdk(session)];
  scene = {
    ...{ broker, upstream, redis, keys: new Keys('spillway', 1) },
    drain: () => (draining ??= drain()),
    withoutRedis: `${lost.url}/v1`,
    overSlowLine: `${line.url}/v1`,
  };
}, PYTHON_SETUP_MS);

afterAll(async () => {
  redis?.disconnect();
  await session?.stop();
  await line?.close();
  await Promise.all([broker?.stop(), lost?.stop()]);
  await upstream?.close();
});

/** Tells a server to stop that has something to finish first: what is asked of it until then is refused. */
async function drain(): Promise<string> {
  const server = await broker.startApi();
  upstream.when({ marker: 'lasts' }, hang());
  send(`${server.url}/v1/chat/completions`, {
    body: { model: 'invalid-json-0', messages: [{ role: 'user', content: 'lasts' }] },
    headers: { authorization: `Bearer ${KEY}` },
  });
  await eventually(() => upstream.calls.find(({ body }) => body.includes('lasts')), 'its last call');
  server.signal('SIGTERM');
  const isDraining = async () => (await fetchAnswer(`${server.url}/readyz`)).status === 503 || undefined;
  await eventually(isDraining, 'it to drain');
  return `${server.url}/v1`;
}

/** Meets the case with one SDK; answers with what the SDK made of it. */
async function meet(each: ErrorCase, sdk: Sdk, place: string) {
  if (each.upstream) upstream.when({ model: place }, each.upstream);
  const undo = await each.prepare?.(scene, place);
  const before = upstream.calls.filter(({ model }) => model === place).length;
  const called = sdk.call({
    baseUrl: `${broker.url}/v1`,
    apiKey: KEY,
    body: { model: place, messages: [{ role: 'user', content: 'Hi' }] },
    maxRetries: each.mayRetry === false ? 0 : 1,
    ...(await each.ask?.(scene, place)),
  });
  await each.meanwhile?.(scene, place);
  const outcome = await called;
  const calls = upstream.calls.filter(({ model }) => model === place).length - before;
  await undo?.();
  return { ...outcome, calls };
}

function classOf(row: ErrorRow, { isInStream }: ErrorCase, { language }: Sdk): string {
  if (isInStream) return 'APIError';
  if (row.status >= 500) return 'InternalServerError';
  return CLASSES[row.status] ?? (language === 'node' ? 'APIError' : 'APIStatusError');
}

describe('every error that a client can receive', () => {
  it.each(cases)('$code, in all SDKs', async ({ code, ...each }) => {
    const row: ErrorRow = errors[code];
    const met = await Promise.all(
      sdks.map(async (sdk, n) => ({ sdk, ...(await meet(each, sdk, placesOf(code)[n] ?? '')) })),
    );
    for (const { sdk, error, tries, calls } of met) {
      expect({ sdk: sdk.name, ...error }).toMatchObject({
        sdk: sdk.name,
        error: classOf(row, each, sdk),
        isApiError: true,
        status: each.isInStream ? null : row.status,
        code,
        type: row.type,
        param: each.param ?? null,
      });
      expect({ sdk: sdk.name, tries: tries.length }).toEqual({ sdk: sdk.name, tries: each.tries });
      const [first = 0, second = Infinity] = tries;
      expect(second - first).toBeGreaterThanOrEqual(each.pauseMs ?? 0);
      // Each call may be billed: no try more than was meant to be, and none for what was refused here.
      expect({ sdk: sdk.name, calls }).toEqual({ sdk: sdk.name, calls: callsOf(code, each) });
      if (each.isInStream) continue;
      expect(error?.requestId).toMatch(/^req_0_[0-9A-Z]{26}$/);
      const { 'x-request-id': id, 'x-should-retry': mayRetry, 'retry-after': seconds } = error?.headers ?? {};
      expect(id).toBe(error?.requestId);
      expect(mayRetry).toBe(row.retryable === false ? 'false' : undefined);
      const waits = row.status === 429 || row.status === 503;
      expect(seconds ?? 'none').toMatch(waits ? /^([1-9]|[1-5]\d|60)$/ : /^none$/);
    }
  });

  it('rate_limit_exceeded with the estimate, and no second try, where the wait is above 60 s', async () => {
    const behaviour = status(429, { retryAfter: '200' });
    const met = await Promise.all(
      sdks.map((sdk, n) => meet({ tries: 1, upstream: behaviour }, sdk, placesOf('long_wait')[n] ?? '')),
    );
    for (const { error, tries, calls } of met) {
      expect(error).toMatchObject({ error: 'RateLimitError', status: 429, code: 'rate_limit_exceeded' });
      expect({ tries: tries.length, calls }).toEqual({ tries: 1, calls: 1 });
      expect(error?.headers).toMatchObject({ 'x-should-retry': 'false' });
      expect(error?.headers).not.toHaveProperty('retry-after');
      const etaMs = Number(error?.headers['x-spillway-eta-ms']);
      expect(etaMs).toBeGreaterThan(150_000);
      expect(etaMs).toBeLessThanOrEqual(200_000);
    }
  });
});

/** Calls of the upstream that the tries of one SDK lead to. */
function callsOf(code: ErrorCode, { upstream: behaviour, prepare, tries }: ErrorCase): number {
  return behaviour && !prepare ? tries : 0;
}
