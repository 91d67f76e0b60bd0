import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { ulid } from 'ulid';
import { ledgerCases } from '#core/ledger/testing/cases.js';
import { play } from '#core/ledger/testing/steps.js';
import { startRedis, type TestRedis } from '../../../test/support/redis.js';
import { RedisUnderTest } from './testing/redis-under-test.js';

describe('the ledger on Redis does what the model specifies', () => {
  let server: TestRedis;
  let redis: Redis;

  beforeAll(async () => {
    server = await startRedis();
    redis = new Redis(server.url);
  });

  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });

  beforeEach(() => redis.flushall());

  it.each(ledgerCases.map((each) => [each.name, each] as const))('%s', async (_, ledgerCase) => {
    const ledger = await RedisUnderTest.create(redis, ulid());
    let steps = 0;
    for await (const { step, actual, expected } of play(ledger, ledgerCase)) {
      expect({ step, reply: actual }).toEqual({ step, reply: expected });
      steps += 1;
    }
    expect(steps).toBe(ledgerCase.steps.length);
  });
});
