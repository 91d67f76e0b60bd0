import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Keys } from '#broker/keys.js';
import type { ChatCall } from '../support/chat-call.js';
import { eventually } from '../support/client.js';
import { ComposeStack } from '../support/compose-stack.js';
import { bridgeAddress, docker } from '../support/docker.js';
import { markedAnswer, runOf } from '../support/marked-answer.js';
import { modelList } from '../support/upstream-behaviours.js';
import { createGate } from '../support/upstream-gate.js';
import { startUpstream, type Upstream } from '../support/upstream.js';

const SET_UP_MS = 300_000;
const TEST_MS = 120_000;
/** How many tokens an answer has. */
const TOKENS = 8;
/** `concurrency` of a cloud provider that sets none. */
const AT_ONCE = 64;
/** A refusal takes 300 ms; a busy machine may make more of it. */
const REFUSED_MS = 1_000;
const ACCOUNT = 'gpt-4o-mini';

/** A server on this host and a cloud account, both scripted, in `.env` as users give them. */
describe('docker compose with a local server and an account', () => {
  let stack: ComposeStack;
  let local: Upstream;
  let cloud: Upstream;
  let host: string;

  beforeAll(async () => {
    [stack, host] = [await ComposeStack.create(), await bridgeAddress()];
    [local, cloud] = [await startLocal(), await startUpstream({ host })];
    await stack.configure({
      LOCAL_BASE_URL: `http://host.docker.internal:${local.port}/v1`,
      SPILLWAY_OPENAI_BASE_URL: `http://host.docker.internal:${cloud.port}/v1`,
      OPENAI_API_KEY: 'sk-of-the-test',
    });
    await stack.up();
  }, SET_UP_MS);

  afterAll(async () => {
    await stack.remove();
    await Promise.all([local.close(), cloud.close()]);
  }, 60_000);

  /** Fresh calls, and an answer for each that the test scripts nothing for. */
  function play(test: () => Promise<void>): () => Promise<void> {
    return async () => {
      cloud.calls.length = 0;
      cloud.otherwise(markedAnswer(TOKENS));
      await stack.play(test);
    };
  }

  async function startLocal(port = 0): Promise<Upstream> {
    const upstream = await startUpstream({ host, port });
    upstream.scriptModels(modelList('llama3.2'));
    upstream.otherwise(markedAnswer(TOKENS));
    return upstream;
  }

  /** Where the next answer comes from. */
  async function locationNow(marker: string): Promise<unknown> {
    const { status, done, headers } = await stack.ask(marker, { model: 'llama3.2' }).answered;
    expect({ status, done }).toEqual({ status: 200, done: true });
    return headers['x-spillway-location'];
  }

  it(
    'answers from the local server; from the account while that is away; then locally again',
    play(async () => {
      expect(await locationNow('before')).toBe('local');
      const { port } = local;
      await local.close();
      const goneAt = performance.now();
      expect(await locationNow('away')).toBe('cloud');
      const fallbackMs = performance.now() - goneAt;
      local = await startLocal(port);
      const backAt = performance.now();
      let count = 0;
      const isLocal = async () => ((await locationNow(`back${count++}`)) === 'local' ? true : undefined);
      await eventually(isLocal, 'a local answer', 60_000);
      const backMs = performance.now() - backAt;
      process.stdout.write(`fallback ${fallbackMs.toFixed(0)} ms, local again ${backMs.toFixed(0)} ms\n`);
    }),
    TEST_MS,
  );

  it(
    'scales: three healthy workers of one provider share its requests',
    play(async () => {
      const seconds = await stack.up('--scale', 'worker-openai=3');
      process.stdout.write(`--scale worker-openai=3: healthy in ${seconds.toFixed(1)} s\n`);
      const workers = await stack.containers('worker-openai');
      expect(workers.map(({ health }) => health)).toEqual(['healthy', 'healthy', 'healthy']);
      const gate = createGate();
      cloud.otherwise(markedAnswer(TOKENS, gate));
      const calls = askMany(AT_ONCE, 'shared');
      await cloud.waitForCall(AT_ONCE, 30_000);
      gate.open();
      await Promise.all(calls.map(expectWhole));
      const asked = new Set(cloud.calls.map(({ from }) => from));
      expect([...asked].toSorted()).toEqual(workers.map(({ address }) => address).toSorted());
    }),
    TEST_MS,
  );

  it(
    'loses nothing when one of three workers is killed under 200 requests',
    play(async () => {
      const [streamGate, wholeGate] = [createGate(), createGate()];
      cloud.otherwise((call) => markedAnswer(TOKENS, call.record.stream ? streamGate : wholeGate)(call));
      const calls = askMany(200, 'load');
      await cloud.waitForCall(AT_ONCE, 30_000);
      streamGate.release(AT_ONCE);
      const streams = calls.filter(({ question }) => question.stream);
      await Promise.any(streams.map((call) => call.waitForTokens(1, 30_000)));
      const victim = (await stack.containers('worker-openai')).find(({ address }) =>
        cloud.calls.some(({ from, stream }) => from === address && !stream),
      );
      expect(victim).toBeDefined();
      await docker(['kill', '-s', 'KILL', victim?.id ?? '']);
      const killedAt = performance.now();
      streamGate.open();
      wholeGate.open();
      const wholes = calls.filter(({ question }) => !question.stream);
      await Promise.all(wholes.map(expectWhole));
      const ended = await Promise.all(streams.map(expectWholeOrTyped));
      const seconds = (performance.now() - killedAt) / 1000;
      const cut = ended.filter((whole) => !whole).length;
      process.stdout.write(
        `200 requests, one worker killed: 0 of ${wholes.length} answers lost, ${cut} of ${streams.length} streams ` +
          `ended with a typed error, all over after ${seconds.toFixed(1)} s\n`,
      );
      // It died with calls in its hands: at least one was made anew.
      expect(cloud.calls.length).toBeGreaterThan(200);
      await stack.up('--scale', 'worker-openai=3');
    }),
    TEST_MS,
  );

  it(
    'drains: a stopped worker ends its stream whole; what comes meanwhile waits for the next worker',
    play(async () => {
      await stack.up('--scale', 'worker-openai=1');
      const gate = createGate();
      cloud.otherwise(markedAnswer(TOKENS, gate));
      const running = stack.ask('running', { model: ACCOUNT });
      gate.release(2);
      await running.waitForTokens(2);
      const stopping = stack.start('stop', 'worker-openai');
      const logs = stack.start('logs', '-f', '--no-color', 'worker-openai');
      await logs.prints('"msg":"draining"');
      await logs.end('SIGKILL');
      const waiting = stack.ask('waiting', { model: ACCOUNT });
      gate.open();
      const openedAt = performance.now();
      await expectWhole(running);
      expect(await stopping.exited).toBe(0);
      const seconds = (performance.now() - openedAt) / 1000;
      expect(seconds).toBeLessThan(10);
      expect(await stack.containers('worker-openai')).toMatchObject([{ status: 'exited', exitCode: 0 }]);
      expect(cloud.calls).toHaveLength(1);
      process.stdout.write(`docker compose stop: over ${seconds.toFixed(1)} s after the last token\n`);
      await stack.compose('start', 'worker-openai');
      await expectWhole(waiting);
    }),
    TEST_MS,
  );

  it(
    'loses nothing that was accepted when Valkey is restarted under load',
    play(async () => {
      const gate = createGate();
      cloud.otherwise(markedAnswer(TOKENS, gate));
      const calls = askMany(100, 'kept');
      await cloud.waitForCall(AT_ONCE, 30_000);
      await eventually(
        async () => ((await countAccepted()) === 100 ? true : undefined),
        '100 accepted',
        15_000,
      );
      gate.release(AT_ONCE);
      const startedAt = performance.now();
      await stack.compose('restart', 'valkey');
      const seconds = (performance.now() - startedAt) / 1000;
      gate.open();
      await Promise.all(calls.map(expectWhole));
      process.stdout.write(`Valkey restarted in ${seconds.toFixed(1)} s: 100 of 100 accepted answered\n`);
      await stack.becomesReady();
      await expectWhole(stack.ask('after', { model: ACCOUNT }));
    }),
    TEST_MS,
  );

  it(
    'says so at once while Valkey is away; the stream that runs pauses, and goes on',
    play(async () => {
      const gate = createGate();
      cloud.otherwise(markedAnswer(TOKENS, gate));
      const running = stack.ask('running', { model: ACCOUNT });
      gate.release(2);
      await running.waitForTokens(2);
      await stack.compose('stop', 'valkey');
      const refused = await stack.ask('refused', { model: ACCOUNT }).answered;
      expect(refused).toMatchObject({ status: 503, error: { code: 'redis_unavailable' } });
      expect(refused.ms).toBeLessThan(REFUSED_MS);
      await stack.compose('start', 'valkey');
      gate.open();
      await expectWhole(running);
      await stack.becomesReady();
      const after = await stack.ask('after', { model: ACCOUNT }).answered;
      expect(after).toMatchObject({ status: 200, done: true });
      process.stdout.write(`Valkey away: refused in ${refused.ms.toFixed(0)} ms\n`);
    }),
    TEST_MS,
  );

  /** Every other one a stream. */
  function askMany(count: number, marker: string): readonly ChatCall[] {
    return Array.from({ length: count }, (_, n) =>
      stack.ask(`${marker}${n}`, { model: ACCOUNT, stream: n % 2 === 0 }),
    );
  }

  /** How many requests have a deadline: accepted, and not at their end. */
  async function countAccepted(): Promise<number> {
    const key = new Keys('spillway', 1).shard(0).deadlines;
    return Number(await stack.compose('exec', '-T', 'valkey', 'valkey-cli', 'ZCARD', key));
  }
});

async function expectWhole({ answered, question }: ChatCall): Promise<void> {
  const { status, done, error, tokens } = await answered;
  expect({ marker: question.marker, status, done, error, count: tokens.length }).toEqual({
    marker: question.marker,
    status: 200,
    done: true,
    error: undefined,
    count: TOKENS,
  });
  expect(runOf(question.marker, tokens)).toBeGreaterThan(0);
}

/** Whether it is whole; a stream that is not says why, behind the tokens of one run. */
async function expectWholeOrTyped(call: ChatCall): Promise<boolean> {
  const { status, error, tokens, whole } = await call.answered;
  if (error === undefined) {
    await expectWhole(call);
    return true;
  }
  expect({ status, code: error.code, whole }).toEqual({
    status: 200,
    code: 'stream_interrupted',
    whole: true,
  });
  expect(runOf(call.question.marker, tokens)).toBeGreaterThan(0);
  return false;
}
