import { describe, expect, it } from '@jest/globals';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pace } from 'node:timers/promises';
import { eventually } from '../support/client.js';
import { measureEffort } from '../support/effort.js';
import { providerOf, TOKENS, withScene, type Scene, type SceneOptions } from '../support/fault-scene.js';
import { markedAnswer, markedTokens, runOf } from '../support/marked-answer.js';
import { createGate } from '../support/upstream-gate.js';

const TEST_MS = 60_000;
/** Longer than a run may go without its lease of 5 s. */
const OUTAGE_MS = 6_500;
/** What a process that spins takes in a quarter of the outage. */
const SPUN_MS = OUTAGE_MS / 4;
/** Keys, and how Redis takes a millisecond to load each. */
const SLOW_KEYS = 6_000;
const SLOW_LOAD = ['--key-load-delay', '1000'];
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

/** Asks now and then, to see each request refused, until `isOver`. */
async function expectRefusals({ ask }: Scene, isOver: () => boolean): Promise<void> {
  const times: number[] = [];
  while (!isOver()) {
    const { status, error, headers, ms } = await ask('refused', { model: 'n' }).answered;
    const said = { status, code: error?.code, retryAfter: headers['retry-after'] };
    expect(said).toEqual({ status: 503, code: 'redis_unavailable', retryAfter: '1' });
    times.push(ms);
    await pace(250);
  }
  // The median: one of them may have met a busy machine.
  expect(times.toSorted((a, b) => a - b)[times.length >> 1]).toBeLessThan(300);
}

/** For as long as a run may not go without its lease, from now on. */
function outage(): () => boolean {
  const startedAt = performance.now();
  return () => performance.now() - startedAt >= OUTAGE_MS;
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
        await expectRefusals(scene, outage());
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
        const { redis, upstream } = scene;
        const two = await startTwo(scene);
        await redis.call('CLIENT', ['PAUSE', String(OUTAGE_MS + 500), 'ALL']);
        const isOver = outage();
        two.gate.release(3);
        await expectRefusals(scene, isOver);
        await redis.ping();
        await expectSuccess(scene);
        await two.running.waitForTokens(5);
        await expectBothWhole(two);
        // The first that was refused had reached Redis all the same, and was cancelled there.
        expect(upstream.calls).toHaveLength(3);
      }),
    TEST_MS,
  );

  it.concurrent(
    'when Redis stops for longer than a lease, and goes on',
    () =>
      withScene({ config }, async (scene) => {
        const { broker, upstream } = scene;
        const two = await startTwo(scene);
        const effort = measureEffort([...broker.workers, ...broker.apis]);
        broker.redis.freeze();
        two.gate.release(3);
        await expectRefusals(scene, outage());
        for (const { cpuMs } of await effort()) expect(cpuMs).toBeLessThan(SPUN_MS);
        broker.redis.thaw();
        await expectSuccess(scene);
        await two.running.waitForTokens(5);
        await expectBothWhole(two);
        expect(upstream.calls).toHaveLength(3);
      }),
    TEST_MS,
  );

  it.concurrent(
    'when Redis is back and takes long to load its data',
    () =>
      withScene({ config }, async (scene) => {
        const { broker, redis, upstream } = scene;
        const sets = Array.from({ length: SLOW_KEYS }, (_, nth) => ['set', `other:${nth}`, 'x']);
        await redis.pipeline(sets).exec();
        const two = await startTwo(scene);
        await broker.redis.kill();
        let loaded = false;
        const loading = broker.redis.restart(SLOW_LOAD).then(() => (loaded = true));
        two.gate.release(3);
        const startedAt = performance.now();
        await expectRefusals(scene, () => loaded);
        await loading;
        expect(performance.now() - startedAt).toBeGreaterThan(SLOW_KEYS / 2);
        await expectSuccess(scene);
        await two.running.waitForTokens(5);
        await expectBothWhole(two);
        expect(upstream.calls).toHaveLength(3);
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

/** Redis cannot write its snapshot where a folder has the name, and then takes no writes. */
async function failToSave({ redis }: Scene): Promise<void> {
  const folder = String((await redis.config('GET', 'dir'))[1]);
  await mkdir(path.join(folder, 'dump.rdb'));
  await redis.config('SET', 'save', '3600 1');
  await redis.bgsave();
  const hasFailed = async () =>
    /^rdb_last_bgsave_status:err/m.exec(await redis.info('persistence')) ?? undefined;
  await eventually(hasFailed, 'a failed snapshot');
}

const run =
  (line: string) =>
  async ({ redis }: Scene) => {
    const [name = '', ...args] = line.split(' ');
    await redis.call(name, args);
  };

describe('while Redis takes no writes, nothing spins, and nothing is lost or done twice', () => {
  it.concurrent.each([
    ['out of memory', run('CONFIG SET maxmemory 1'), run('CONFIG SET maxmemory 0')],
    [
      'without replicas',
      run('CONFIG SET min-replicas-to-write 1'),
      run('CONFIG SET min-replicas-to-write 0'),
    ],
    ['read only', run('REPLICAOF 127.0.0.1 1'), run('REPLICAOF NO ONE')],
    ['unable to save', failToSave, run('CONFIG SET stop-writes-on-bgsave-error no')],
  ])(
    '%s',
    (_, fault, repair) =>
      withScene({ config }, async (scene) => {
        const { broker, redis, keys, upstream, script, ask } = scene;
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
        await fault(scene);
        broker.workers[0]?.signal('SIGCONT');
        const isOver = outage();
        gate.release(3);
        ending.open();
        const effort = measureEffort([...broker.workers, ...broker.apis]);
        await expectRefusals(scene, isOver);
        for (const { cpuMs, lines } of await effort()) {
          expect(cpuMs).toBeLessThan(SPUN_MS);
          expect(lines).toBeLessThan(100);
        }
        await repair(scene);
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
