import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { eventually, send } from '../support/client.js';
import type { HttpCall } from '../support/client.js';
import { TestBroker } from '../support/start-broker.js';
import { startUpstream } from '../support/upstream.js';
import type { Upstream } from '../support/upstream.js';
import { answer, drop, hang, status, stream } from '../support/upstream-behaviours.js';
import type { Behaviour } from '../support/upstream-behaviours.js';
import { dropHere, hangOn, PROMPT_TOKENS, role, tokens } from '../support/upstream-steps.js';
import { waitForUsageRows } from '../support/usage-rows.js';

/** Room for a busy machine. */
const TEST_MS = 30_000;
const SAID = 'a b c';
const exact = { promptTokens: PROMPT_TOKENS, completionTokens: 3 };
const guessed = { promptTokens: expect.any(Number), estimated: true };
const atGpu = { v: 1, provider: 'gpu', model: 'm', at: expect.any(Number), ms: expect.any(Number) };

let upstream: Upstream;
let broker: TestBroker;
let redis: Redis;

beforeAll(async () => {
  upstream = await startUpstream();
  const { baseUrl } = upstream;
  const provider = { kind: 'openai-compatible', location: 'local', baseUrl, models: ['m'] };
  broker = await TestBroker.start({
    config: {
      providers: {
        gpu: provider,
        spare: provider,
        refusing: { ...provider, baseUrl: 'http://127.0.0.1:9/v1' },
      },
      models: {
        m: { targets: [{ provider: 'gpu' }] },
        timed: {
          targets: [{ provider: 'gpu', model: 'm', timeouts: { firstTokenMs: 300, responseMs: 300 } }],
        },
        next: { targets: ['refusing', 'gpu', 'spare'].map((name) => ({ provider: name, model: 'm' })) },
      },
    },
  });
  redis = new Redis(broker.redis.url);
}, 30_000);

afterAll(async () => {
  redis?.disconnect();
  await broker?.stop();
  await upstream?.close();
});

let asked = 0;

/** A question with a text of its own, whose calls do these things in turn. */
function ask(behaviours: readonly Behaviour[], { model = 'm', streams = true } = {}): [string, HttpCall] {
  const marker = `question ${++asked} `;
  upstream.when({ marker }, ...behaviours);
  const body = { model, stream: streams, messages: [{ role: 'user', content: marker }] };
  return [marker, send(`${broker.url}/v1/chat/completions`, { body })];
}

/** The rows of a question, once there are so many: those of all calls that the upstream saw for it, and no others. */
async function rowsOf(marker: string, count: number): Promise<readonly unknown[]> {
  const made = upstream.calls
    .filter(({ body }) => body.includes(marker))
    .map(({ headers }) => String(headers['x-request-id']));
  const request = made[0]?.replace(/-\d+$/, '') ?? 'no call was made';
  const rows = await eventually(async () => {
    const all = await waitForUsageRows(redis, count);
    const own = all.filter(({ call }) => call.startsWith(request));
    return own.length >= count ? own : undefined;
  }, `${count} rows for ${marker}`);
  expect(rows.map(({ call }) => call)).toEqual(made);
  return rows.map(({ usage }) => usage);
}

describe('the usage row of a call', () => {
  it.each([true, false])(
    'has the counts of the upstream (stream: %s)',
    async (streams) => {
      const [marker, call] = ask([answer(SAID)], { streams });
      expect((await call.answer()).status).toBe(200);
      expect(await rowsOf(marker, 1)).toEqual([{ ...atGpu, outcome: 'completed', ...exact }]);
    },
    TEST_MS,
  );

  it.each([
    { streams: true, completionTokens: 3 },
    // 5 bytes
    { streams: false, completionTokens: 2 },
  ])(
    'has a guess where the upstream does not count (stream: $streams)',
    async ({ streams, completionTokens }) => {
      const [marker, call] = ask([answer(SAID, { usage: 'never' })], { streams });
      expect((await call.answer()).status).toBe(200);
      expect(await rowsOf(marker, 1)).toEqual([
        { ...atGpu, outcome: 'completed', completionTokens, ...guessed },
      ]);
    },
    TEST_MS,
  );

  it(
    'has a guess of what arrived where the stream broke',
    async () => {
      const [marker, call] = ask([stream(role(), tokens(SAID), dropHere())]);
      await call.answer();
      expect(await rowsOf(marker, 1)).toEqual([
        { ...atGpu, outcome: 'failed', phase: 'visible', completionTokens: 3, ...guessed },
      ]);
    },
    TEST_MS,
  );

  it(
    'has a guess of what arrived where it was cancelled',
    async () => {
      const [marker, call] = ask([stream(role(), tokens(SAID), hangOn())]);
      await call.waitForItem(({ text }) => text.includes('" c"'), 'the last token');
      call.leave();
      expect(await rowsOf(marker, 1)).toEqual([
        { ...atGpu, outcome: 'aborted', phase: 'visible', completionTokens: 3, ...guessed },
      ]);
    },
    TEST_MS,
  );

  it.each([
    { what: 'it was silent', behaviour: hang(), model: 'timed' },
    { what: 'the connection was dropped', behaviour: drop(), model: 'm' },
  ])(
    'has a guess of the prompt alone where $what',
    async ({ behaviour, model }) => {
      const [marker, call] = ask([behaviour], { model, streams: false });
      await call.answer();
      expect(await rowsOf(marker, 1)).toEqual([
        { ...atGpu, outcome: 'failed', phase: 'possibly_accepted', completionTokens: 0, ...guessed },
      ]);
    },
    TEST_MS,
  );

  it(
    'is there for each call of a fallback, and for no target that was not reached',
    async () => {
      const [marker, call] = ask([status(500), answer(SAID)], { model: 'next' });
      const { headers } = await call.answer();
      expect(headers['x-spillway-attempts']).toBe('3');
      expect(await rowsOf(marker, 2)).toEqual([
        { ...atGpu, outcome: 'failed', phase: 'headers', promptTokens: 0, completionTokens: 0 },
        { ...atGpu, provider: 'spare', outcome: 'completed', ...exact },
      ]);
    },
    TEST_MS,
  );

  it(
    'is one of an unknown outcome where its worker was killed, beside that of the run after it',
    async () => {
      const [marker, call] = ask([hang(), answer(SAID)]);
      await eventually(() => upstream.calls.find(({ body }) => body.includes(marker)), 'the call');
      await broker.workers[0]?.end('SIGKILL');
      await broker.startWorker();
      expect((await call.answer()).status).toBe(200);
      const { ms: _unknown, ...lost } = atGpu;
      expect(await rowsOf(marker, 2)).toEqual([
        { ...lost, outcome: 'unknown', completionTokens: 0, ...guessed },
        { ...atGpu, outcome: 'completed', ...exact },
      ]);
    },
    TEST_MS,
  );
});
