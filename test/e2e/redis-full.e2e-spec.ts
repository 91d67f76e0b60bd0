import { describe, expect, it } from '@jest/globals';
import { eventually } from '../support/client.js';
import { oneProvider, TOKENS, withScene, type Scene } from '../support/fault-scene.js';
import { markedAnswer, markedTokens } from '../support/marked-answer.js';
import { createGate } from '../support/upstream-gate.js';

const TEST_MS = 60_000;
/** A look a second, and time to spare. */
const SEEN_MS = 5_000;

/** Sets the limit so that this share of it is used now. */
async function limitTo({ redis }: Scene, percent: number): Promise<void> {
  const used = Number(/^used_memory:(\d+)/m.exec(await redis.info('memory'))?.[1]);
  await redis.config('SET', 'maxmemory', String(Math.floor((used * 100) / percent)));
}

async function saidWhenRefused({ ask }: Scene): Promise<string> {
  return eventually(async () => {
    const { status, error, headers } = await ask('new').answered;
    if (status === 200) return undefined;
    expect({ status, code: error?.code, after: headers['retry-after'] }).toEqual({
      status: 503,
      code: 'redis_unavailable',
      after: '1',
    });
    return error?.message;
  }, 'a refusal');
}

async function isTaken({ ask }: Scene): Promise<void> {
  const isAnswered = async () => (await ask('again').answered).status === 200 || undefined;
  await eventually(isAnswered, 'an answer', SEEN_MS);
}

describe('a Redis that fills up', () => {
  it(
    'takes no new requests from four fifths on, finishes those under way, and takes new ones again',
    () =>
      withScene({ config: oneProvider() }, async (scene) => {
        const { redis, script, ask, broker, upstream } = scene;
        const gate = createGate();
        script('running', markedAnswer(TOKENS, gate));
        const running = ask('running');
        gate.release(2);
        await running.waitForTokens(2);
        await limitTo(scene, 85);
        expect(await saidWhenRefused(scene)).toMatch(/^Redis is [89]\d % full; nothing was accepted\.$/);
        const calls = upstream.calls.length;
        expect((await ask('refused').answered).status).toBe(503);
        expect(upstream.calls).toHaveLength(calls);
        gate.open();
        expect(await running.answered).toMatchObject({
          done: true,
          tokens: markedTokens('running', 1, TOKENS),
        });
        await limitTo(scene, 60);
        await isTaken(scene);
        await redis.config('SET', 'maxmemory', '0');
        expect(broker.output.match(/nearly full/g)).toHaveLength(1);
        expect(broker.output.match(/has room again/g)).toHaveLength(1);
      }),
    TEST_MS,
  );

  it(
    'takes requests as long as it does where Redis does not say how full it is, and tells so once',
    () =>
      withScene({ config: oneProvider() }, async (scene) => {
        const { redis, broker } = scene;
        // The first one loads every script.
        await isTaken(scene);
        await redis.call('ACL', ['SETUSER', 'spillway-api', '-info']);
        await broker.apis[0]?.prints('does not tell how full it is', SEEN_MS);
        await limitTo(scene, 82);
        await isTaken(scene);
        await isTaken(scene);
        expect(broker.output.match(/does not tell how full it is/g)).toHaveLength(1);
      }),
    TEST_MS,
  );
});
