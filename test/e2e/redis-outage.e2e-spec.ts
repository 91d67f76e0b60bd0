import { describe, expect, it } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { setTimeout as pace } from 'node:timers/promises';
import type { Child } from '../support/child.js';
import { eventually } from '../support/client.js';
import { providerOf, TOKENS, withScene, type Scene, type SceneOptions } from '../support/fault-scene.js';
import { markedAnswer, markedTokens, runOf } from '../support/marked-answer.js';
import { createGate } from '../support/upstream-gate.js';

const TEST_MS = 60_000;
/** Longer than a run may go without its lease of 5 s. */
const OUTAGE_MS = 6_500;
/** A request is answered again this long after Redis. */
const BACK_MS = 2_000;

/** `m` on a provider that takes one call at a time, so that a second one waits; `n` on another. */
const config: SceneOptions['config'] = (upstream) => ({
  providers: { gpu: { ...providerOf(upstream), concurrency: 1 }, spare: providerOf(upstream) },
  models: { m: { targets: [{ provider: 'gpu' }] }, n: { targets: [{ provider: 'spare' }] } },
});

/** A stream that has had two tokens, and a request that waits behind it. */
async function startTwo({ redis, keys, script, ask }: Scene) {
  const gate = createGate();
  script('running', markedAnswer(TOKENS, gate));
  const running = ask('running');
  gate.release(2);
  await running.waitForTokens(2);
  const waiting = ask('waiting', { stream: false });
  await eventually(async () => (await redis.zcard(keys.shard(0).waiting)) || undefined, 'a waiting request');
  return { gate, running, waiting };
}

async function expectBothWhole({ gate, running, waiting }: Awaited<ReturnType<typeof startTwo>>) {
  gate.open();
  expect(await running.answered).toMatchObject({ done: true, tokens: markedTokens('running', 1, TOKENS) });
  const { status, tokens } = await waiting.answered;
  expect({ status, count: tokens.length }).toEqual({ status: 200, count: TOKENS });
  expect(runOf('waiting', tokens)).toBeGreaterThan(1);
}

/** Asks now and then, to see each request refused, until that long has passed since `startedAt`. */
async function expectRefusals({ ask }: Scene, startedAt: number): Promise<void> {
  const times: number[] = [];
  while (performance.now() - startedAt < OUTAGE_MS) {
    const { status, error, headers, ms } = await ask('refused', { model: 'n' }).answered;
    const said = { status, code: error?.code, retryAfter: headers['retry-after'] };
    expect(said).toEqual({ status: 503, code: 'redis_unavailable', retryAfter: '1' });
    times.push(ms);
    await pace(250);
  }
  // The median: one of them may have met a busy machine.
  expect(times.toSorted((a, b) => a - b)[times.length >> 1]).toBeLessThan(300);
}

/** The first success of those who try again and again. */
async function expectSuccess({ ask }: Scene): Promise<void> {
  const isAnswered = async () => (await ask('again', { model: 'n' }).answered).status === 200 || undefined;
  await eventually(isAnswered, 'an answer after Redis is back', BACK_MS);
}

describe('a stream goes on, and what waits is answered', () => {
  it.concurrent(
    'when Redis is killed, stays away for longer than a lease, and comes back',
    () =>
      withScene({ config }, async (scene) => {
        const { broker, upstream } = scene;
        const two = await startTwo(scene);
        await broker.redis.kill();
        two.gate.release(3);
        await expectRefusals(scene, performance.now());
        await broker.redis.restart();
        await expectSuccess(scene);
        await two.running.waitForTokens(5);
        await expectBothWhole(two);
        expect(upstream.calls).toHaveLength(3);
      }),
    TEST_MS,
  );

  it.concurrent(
    'when Redis answers nobody for longer than a lease',
    () =>
      withScene({ config }, async (scene) => {
        const { redis, upstream, ask } = scene;
        const two = await startTwo(scene);
        await redis.call('CLIENT', ['PAUSE', String(OUTAGE_MS), 'ALL']);
        two.gate.release(3);
        const refused = await ask('refused', { model: 'n' }).answered;
        expect(refused).toMatchObject({ status: 503, error: { code: 'redis_unavailable' } });
        expect(refused.ms).toBeLessThan(2_500);
        await two.running.waitForTokens(5);
        await expectBothWhole(two);
        // What was refused late reached Redis all the same, and was cancelled there.
        expect(upstream.calls).toHaveLength(2);
      }),
    TEST_MS,
  );

  it.concurrent(
    'when every connection is cut, again and again',
    () =>
      withScene({ config }, async (scene) => {
        const { redis, upstream } = scene;
        const two = await startTwo(scene);
        for (let count = 3; count < TOKENS; count++) {
          await redis.call('CLIENT', ['KILL', 'TYPE', 'normal', 'SKIPME', 'yes']);
          await redis.call('CLIENT', ['KILL', 'TYPE', 'pubsub']);
          two.gate.release();
          await two.running.waitForTokens(count);
        }
        await expectBothWhole(two);
        expect(upstream.calls).toHaveLength(2);
      }),
    TEST_MS,
  );
});

const TICK_MS = 10;
/** What a process that spins takes in a quarter of the outage. */
const SPUN_MS = OUTAGE_MS / 4;

/** What a process has had of a CPU so far, ms; and how much it has printed, lines. */
async function effortOf({ pid, output }: Child): Promise<{ readonly cpuMs: number; readonly lines: number }> {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]?.split(' ') ?? [];
  return { cpuMs: (Number(fields[11]) + Number(fields[12])) * TICK_MS, lines: output.split('\n').length };
}

describe('while Redis takes no writes, nothing spins, and nothing is lost or done twice', () => {
  it.concurrent.each([
    ['out of memory', 'CONFIG SET maxmemory 1', 'CONFIG SET maxmemory 0'],
    ['without replicas', 'CONFIG SET min-replicas-to-write 1', 'CONFIG SET min-replicas-to-write 0'],
    ['read only', 'REPLICAOF 127.0.0.1 1', 'REPLICAOF NO ONE'],
  ])(
    '%s',
    (_, fault, repair) =>
      withScene({ config }, async (scene) => {
        const { broker, redis, keys, upstream, script, ask } = scene;
        const command = ([name = '', ...args]: readonly string[]) => redis.call(name, args);
        const [gate, ending] = [createGate(), createGate()];
        for (const marker of ['ending', 'whole']) script(marker, markedAnswer(TOKENS, ending));
        script('running', markedAnswer(TOKENS, gate));
        const running = ask('running');
        const whole = ask('whole', { model: 'n', stream: false });
        const streamed = ask('ending', { model: 'n' });
        gate.release(2);
        await Promise.all([running.waitForTokens(2), upstream.waitForCall(3)]);
        // A job that the worker is free to take, and cannot.
        broker.workers[0]?.signal('SIGSTOP');
        const queued = ask('queued', { model: 'n', stream: false });
        const jobs = `${keys.queuePrefix('spare')}:inference.spare:wait`;
        await eventually(async () => (await redis.llen(jobs)) || undefined, 'a job in the queue');
        await command(fault.split(' '));
        broker.workers[0]?.signal('SIGCONT');
        const brokenAt = performance.now();
        gate.release(3);
        ending.open();
        const children = [...broker.workers, ...broker.apis];
        const before = await Promise.all(children.map(effortOf));
        await expectRefusals(scene, brokenAt);
        const after = await Promise.all(children.map(effortOf));
        after.forEach(({ cpuMs, lines }, n) => {
          expect(cpuMs - (before[n]?.cpuMs ?? 0)).toBeLessThan(SPUN_MS);
          expect(lines - (before[n]?.lines ?? 0)).toBeLessThan(100);
        });
        await command(repair.split(' '));
        await expectSuccess(scene);
        await running.waitForTokens(5);
        gate.open();
        for (const { answered, question } of [running, whole, streamed, queued]) {
          const { tokens, ...end } = await answered;
          expect({ ...end, count: tokens.length }).toMatchObject({ status: 200, done: true, count: TOKENS });
          expect(runOf(question.marker, tokens)).toBeGreaterThan(0);
        }
        expect(upstream.calls).toHaveLength(5);
      }),
    TEST_MS,
  );
});
