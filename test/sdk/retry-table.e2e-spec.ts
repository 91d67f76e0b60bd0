import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Child } from '../support/child.js';
import { PYTHON_SETUP_MS } from '../support/python.js';
import { PythonSession } from '../support/python-session.js';
import { node6, node7, pythonSdk } from '../support/sdks.js';
import type { Sdk, SdkCall, SdkOutcome } from '../support/sdks.js';
import { startUpstream } from '../support/upstream.js';
import type { Upstream } from '../support/upstream.js';
import { status } from '../support/upstream-behaviours.js';

/** What the SDKs do with the headers of a failure: the reasons for those that our errors carry. */

let upstream: Upstream;
let session: PythonSession;
let sdks: readonly Sdk[];

beforeAll(async () => {
  upstream = await startUpstream();
  session = await PythonSession.start({ baseUrl: upstream.baseUrl, apiKey: 'any' });
  sdks = [node7, node6, pythonSdk(session)];
}, PYTHON_SETUP_MS);

afterAll(async () => {
  await session?.stop();
  await upstream?.close();
});

/** The SDKs' own first pause is 0.5 s, less a quarter at most. */
const OWN = { leastMs: 350, mostMs: 5_000 };
type Pause = typeof OWN;
const inSeconds = (seconds: number) => new Date(Date.now() + seconds * 1_000).toUTCString();

const rows: readonly {
  readonly status: number;
  readonly headers: () => Record<string, string>;
  readonly what: string;
  /** Absent: no second try. */
  readonly pause?: Pause;
}[] = [
  ...[400, 401, 403, 404, 405, 413, 415, 422, 431].map((code) => ({
    status: code,
    headers: () => ({}),
    what: 'nothing more',
  })),
  ...[408, 409, 429, 500, 502, 503, 504].map((code) => ({
    status: code,
    headers: () => ({}),
    what: 'nothing more',
    pause: OWN,
  })),
  { status: 503, headers: () => ({ 'x-should-retry': 'false' }), what: 'x-should-retry: false' },
  { status: 409, headers: () => ({ 'x-should-retry': 'false' }), what: 'x-should-retry: false' },
  {
    status: 429,
    headers: () => ({ 'x-should-retry': 'false', 'retry-after': '1' }),
    what: 'x-should-retry: false and a time',
  },
  { status: 400, headers: () => ({ 'x-should-retry': 'true' }), what: 'x-should-retry: true', pause: OWN },
  {
    status: 429,
    headers: () => ({ 'retry-after': '1' }),
    what: 'seconds',
    pause: { leastMs: 950, mostMs: 5_000 },
  },
  {
    status: 503,
    headers: () => ({ 'retry-after': inSeconds(3) }),
    what: 'a date',
    // It has no fractions of a second.
    pause: { leastMs: 1_500, mostMs: 8_000 },
  },
  {
    status: 429,
    headers: () => ({ 'retry-after-ms': '1500', 'retry-after': '20' }),
    what: 'milliseconds, and seconds that say something else',
    pause: { leastMs: 1_450, mostMs: 10_000 },
  },
];

function ask(model: string): SdkCall {
  const body = { model, messages: [{ role: 'user', content: 'Hi' }] };
  return { baseUrl: upstream.baseUrl, body, maxRetries: 1 };
}

function pauseOf({ tries }: SdkOutcome): number | undefined {
  const [first, second] = tries;
  return first === undefined || second === undefined ? undefined : second - first;
}

describe('an SDK that is told', () => {
  it.each(rows)('$status and $what tries again as it says', async ({ status: code, headers, pause }) => {
    const before = upstream.calls.length;
    upstream.otherwise(status(code, { headers: headers() }));
    const asked = sdks.map(async (sdk) => {
      const outcome = await sdk.call(ask(sdk.name));
      const calls = upstream.calls.slice(before).filter(({ model }) => model === sdk.name);
      const counts = calls.map((call) => call.headers['x-stainless-retry-count']);
      expect({ sdk: sdk.name, status: outcome.error?.status, counts }).toEqual({
        sdk: sdk.name,
        status: code,
        counts: pause ? ['0', '1'] : ['0'],
      });
      if (!pause) return;
      expect(pauseOf(outcome)).toBeGreaterThanOrEqual(pause.leastMs);
      expect(pauseOf(outcome)).toBeLessThan(pause.mostMs);
    });
    await Promise.all(asked);
  });

  it('to wait for minutes does not, each in its own way: so it is never told more than 60 s', async () => {
    upstream.otherwise(status(429, { retryAfter: '200' }));
    // It sleeps for all of it, and nothing wakes it up.
    const sleeper = Child.start('sleeper', process.execPath, ['--input-type=module', '-e', SLEEPER], {
      cwd: process.cwd(),
      env: { BASE_URL: upstream.baseUrl },
    });
    try {
      await upstream.waitForCall(upstream.calls.length + 1);
      const [newer, python] = [await node7.call(ask('m')), await sdks[2]?.call(ask('m'))];
      expect(newer.tries).toHaveLength(2);
      expect(pauseOf(newer)).toBeLessThan(OWN.mostMs);
      expect(python?.tries).toHaveLength(1);
      expect(upstream.calls.filter(({ model }) => model === 'sleeps')).toHaveLength(1);
      expect(sleeper.isRunning).toBe(true);
    } finally {
      await sleeper.end('SIGKILL');
    }
  });
});

const SLEEPER = `import OpenAI from 'openai-6';
await new OpenAI({ baseURL: process.env.BASE_URL, apiKey: 'any', maxRetries: 1 }).chat.completions.create({
  model: 'sleeps', messages: [{ role: 'user', content: 'Hi' }] });`;
