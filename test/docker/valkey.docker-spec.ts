import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { ulid } from 'ulid';
import { RedisUnderTest } from '../../libs/broker/src/testing/redis-under-test.js';
import { ledgerCases } from '#core/ledger/testing/cases.js';
import { play } from '#core/ledger/testing/steps.js';
import { TOKENS, withScene } from '../support/fault-scene.js';
import { markedAnswer, markedTokens } from '../support/marked-answer.js';
import type { TestRedis } from '../support/redis.js';
import { createGate } from '../support/upstream-gate.js';
import { startValkeyContainer } from '../support/valkey-container.js';

/** The other suites use a Redis server of this machine; here is the server that the compose file runs. */
describe('Valkey 8 in a container', () => {
  let valkey: TestRedis;
  let client: Redis;

  beforeAll(async () => {
    const startedAt = performance.now();
    valkey = await startValkeyContainer();
    process.stdout.write(`a Valkey container takes ${(performance.now() - startedAt).toFixed(0)} ms\n`);
    client = new Redis(valkey.url);
  }, 60_000);

  afterAll(async () => {
    client.disconnect();
    await valkey.stop();
  });

  beforeEach(() => valkey.flush());

  it('is Valkey', async () => {
    expect(await client.info('server')).toContain('server_name:valkey');
  });

  it.each(ledgerCases.map((each) => [each.name, each] as const))('ledger: %s', async (_, ledgerCase) => {
    const ledger = await RedisUnderTest.create(client, ulid());
    let steps = 0;
    for await (const { step, actual, expected } of play(ledger, ledgerCase)) {
      expect({ step, reply: actual }).toEqual({ step, reply: expected });
      steps += 1;
    }
    expect(steps).toBe(ledgerCase.steps.length);
  });

  it('serves a broker: streams, answers, and a stream over its own death by SIGKILL', async () => {
    const restarted = await startValkeyContainer();
    try {
      await withScene({ redis: restarted }, async ({ script, ask }) => {
        expect(await ask('stream').answered).toMatchObject({
          done: true,
          tokens: markedTokens('stream', 1, TOKENS),
        });
        expect(await ask('whole', { stream: false }).answered).toMatchObject({
          status: 200,
          tokens: markedTokens('whole', 2, TOKENS),
        });
        const gate = createGate();
        script('over', markedAnswer(6, gate));
        const over = ask('over');
        gate.release(2);
        await over.waitForTokens(2);
        await restarted.kill();
        await restarted.restart();
        gate.open();
        expect(await over.answered).toMatchObject({ done: true, tokens: markedTokens('over', 3, 6) });
      });
    } finally {
      await restarted.stop();
    }
  }, 60_000);
});
