import { describe, expect, it } from '@jest/globals';
import { readdir, stat, truncate } from 'node:fs/promises';
import path from 'node:path';
import { eventually } from '../support/client.js';
import { providerOf, TOKENS, withScene, type Scene } from '../support/fault-scene.js';
import { markedAnswer, markedTokens, runOf } from '../support/marked-answer.js';
import type { Upstream } from '../support/upstream.js';
import { createGate } from '../support/upstream-gate.js';

const TEST_MS = 60_000;

/** `m` on a provider that takes one call at a time, so that a second one waits. */
const config = (upstream: Upstream): object => ({
  providers: { gpu: { ...providerOf(upstream), concurrency: 1 } },
  models: { m: { targets: [{ provider: 'gpu' }] } },
});

/** The append-only file as it is now, with all that Redis has taken so far in it. */
async function bookmark({ redis }: Scene): Promise<{ readonly file: string; readonly size: number }> {
  const isWritten = async () =>
    /^aof_buffer_length:0\r?$/m.test(await redis.info('persistence')) || undefined;
  await eventually(isWritten, 'a written append-only file');
  const folder = path.join(String((await redis.config('GET', 'dir'))[1]), 'appendonlydir');
  const file = path.join(folder, (await readdir(folder)).find((name) => name.endsWith('.incr.aof')) ?? '');
  return { file, size: (await stat(file)).size };
}

/**
 * Kills Redis, and leaves of its file what was there at the bookmark: as where its disk was busy since, so that it had
 * answered before it wrote.
 */
async function killAndForget({ broker }: Scene, { file, size }: Awaited<ReturnType<typeof bookmark>>) {
  await broker.redis.kill();
  expect((await stat(file)).size).toBeGreaterThan(size);
  await truncate(file, size);
}

/** A stream that has had five tokens, of which Redis forgets three. */
async function forgetTokens(scene: Scene) {
  const gate = createGate();
  scene.script('running', markedAnswer(TOKENS, gate));
  const running = scene.ask('running');
  gate.release(2);
  await running.waitForTokens(2);
  const mark = await bookmark(scene);
  gate.release(3);
  await running.waitForTokens(5);
  await killAndForget(scene, mark);
  return { running, gate };
}

async function loggedTokens({ redis, keys }: Scene, id: string): Promise<string> {
  const entries = await redis.xrange(keys.log(id), '-', '+');
  const frames = entries.flatMap(([, [, type, , bytes]]) => (type === 'data' ? [bytes] : [])).join('');
  return [...frames.matchAll(/"content":"([^"]*)"/g)].map(([, content]) => content).join('');
}

describe('what Redis had taken and not written when it was killed', () => {
  it.concurrent.each([
    ['while the answer goes on', false],
    ['where the answer ended meanwhile', true],
  ])(
    'is given to it again: frames, %s',
    (_, endsMeanwhile) =>
      withScene({ config }, async (scene) => {
        const { running, gate } = await forgetTokens(scene);
        if (endsMeanwhile) gate.open();
        else gate.release(1);
        await scene.broker.redis.restart();
        await running.waitForTokens(6);
        gate.open();
        const tokens = markedTokens('running', 1, TOKENS);
        expect(await running.answered).toMatchObject({ done: true, tokens });
        expect(await loggedTokens(scene, String(running.headers['x-request-id']))).toBe(tokens.join(' '));
        expect(scene.upstream.calls).toHaveLength(1);
      }),
    TEST_MS,
  );

  it.concurrent(
    'is given to it again: a request that waits',
    () =>
      withScene({ config }, async (scene) => {
        const { broker, redis, keys, script, ask, upstream } = scene;
        const gate = createGate();
        script('running', markedAnswer(TOKENS, gate));
        const running = ask('running');
        gate.release(1);
        await running.waitForTokens(1);
        const mark = await bookmark(scene);
        const waiting = ask('waiting', { stream: false });
        const isWaiting = async () => (await redis.zcard(keys.shard(0).waiting)) > 0 || undefined;
        await eventually(isWaiting, 'a waiting request');
        await killAndForget(scene, mark);
        await broker.redis.restart();
        gate.open();
        expect(await running.answered).toMatchObject({ done: true });
        const { status, tokens } = await waiting.answered;
        expect({ status, count: tokens.length }).toEqual({ status: 200, count: TOKENS });
        expect(runOf('waiting', tokens)).toBe(2);
        expect(upstream.calls).toHaveLength(2);
      }),
    TEST_MS,
  );

  it.concurrent(
    'is given to it again: a kept request that waits, although its client has left',
    () =>
      withScene({ config }, async (scene) => {
        const { broker, redis, keys, script, ask, upstream } = scene;
        const gate = createGate();
        script('running', markedAnswer(TOKENS, gate));
        const running = ask('running');
        gate.release(1);
        await running.waitForTokens(1);
        const mark = await bookmark(scene);
        const kept = ask('kept', { headers: { 'idempotency-key': 'kept' } });
        const isWaiting = async () => (await redis.zcard(keys.shard(0).waiting)) > 0 || undefined;
        await eventually(isWaiting, 'a waiting request');
        kept.leave();
        await kept.answered;
        await killAndForget(scene, mark);
        await broker.redis.restart();
        gate.open();
        expect(await running.answered).toMatchObject({ done: true });
        // Nobody asks for it again: it runs because it was accepted.
        expect((await upstream.waitForCall(2)).body.toString()).toContain('kept');
      }),
    TEST_MS,
  );

  it.concurrent(
    'never makes one answer of two: where its run is lost, the client is told',
    () =>
      withScene({ config }, async (scene) => {
        const { broker, script, ask, redis, keys } = scene;
        const [hold, gate] = [createGate(), createGate()];
        script('holding', markedAnswer(TOKENS, hold));
        script('running', markedAnswer(TOKENS, gate));
        const holding = ask('holding', { stream: false });
        await scene.upstream.waitForCall(1);
        const running = ask('running');
        const isWaiting = async () => (await redis.zcard(keys.shard(0).waiting)) > 0 || undefined;
        await eventually(isWaiting, 'a waiting request');
        const mark = await bookmark(scene);
        hold.open();
        await holding.answered;
        gate.release(3);
        await running.waitForTokens(3);
        await killAndForget(scene, mark);
        gate.open();
        await broker.redis.restart();
        const { tokens, done, error } = await running.answered;
        expect(tokens).toEqual(markedTokens('running', 2, 3));
        expect({ done, code: error?.code }).toEqual({ done: false, code: 'stream_interrupted' });
      }),
    TEST_MS,
  );
});
