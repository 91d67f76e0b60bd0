import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { eventually, withDeadline } from '../../../test/support/client.js';
import { startRedis, type TestRedis } from '../../../test/support/redis.js';
import { connect } from './connection.js';
import { Pulse } from './pulse.js';
import { silentLog } from './testing/parts.js';

let server: TestRedis;
let redis: Redis;
let pulse: Pulse;

beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());

beforeEach(async () => {
  redis = connect(server.url, 'pulse', silentLog);
  pulse = new Pulse(redis);
  await withDeadline(pulse.start(), 'the first beat');
});
afterEach(() => {
  server.thaw();
  pulse.stop();
  redis.disconnect();
});

const never = new Promise<never>(() => undefined);
const silent = () => eventually(() => !pulse.isBeating || undefined, 'silence');
/** Nobody waits, and nobody has for a while. */
const atRest = () => eventually(() => !pulse.isHurried || undefined, 'rest');
const back = () => eventually(() => pulse.isBeating || undefined, 'a beat');

describe('Pulse', () => {
  it('gives up what waits for a Redis that stops, and says when it goes on', async () => {
    let returns = 0;
    pulse.whenBack(() => returns++);
    const guarded = pulse.guard(never, 0);
    server.freeze();
    await expect(guarded).rejects.toMatchObject({ name: 'RedisSilent' });
    expect(pulse.isBeating).toBe(false);
    server.thaw();
    await back();
    expect(returns).toBe(1);
  });

  it('waits a moment for a Redis that has just fallen silent, and not for one that is long gone', async () => {
    server.freeze();
    await silent();
    expect(await pulse.answers(1)).toBe(false);
    const soon = pulse.answers(15_000);
    server.thaw();
    expect(await soon).toBe(true);
    await server.kill();
    await silent();
    const longGone = async () => {
      const askedAt = performance.now();
      expect(await pulse.answers(100)).toBe(false);
      return performance.now() - askedAt < 50 || undefined;
    };
    expect(await eventually(longGone, 'an answer at once')).toBe(true);
    await server.restart();
    await back();
  });

  it('does not give up before its patience ends what a Redis answers that goes on in time', async () => {
    const { promise, resolve } = Promise.withResolvers<string>();
    const guarded = pulse.guard(promise, 10_000);
    server.freeze();
    await silent();
    server.thaw();
    await back();
    resolve('an answer');
    expect(await guarded).toBe('an answer');
  });

  it('asks seldom while nobody waits, and often as soon as somebody does', async () => {
    const monitor = await redis.monitor();
    let pings = 0;
    monitor.on('monitor', (_time: string, [name]: string[]) => {
      if (name === 'ping') pings += 1;
    });
    const nextPing = async () => {
      const [before, askedAt] = [pings, performance.now()];
      await eventually(() => pings > before || undefined, 'a ping');
      return performance.now() - askedAt;
    };
    await atRest();
    await nextPing();
    expect(await nextPing()).toBeGreaterThan(700);
    const { promise, resolve } = Promise.withResolvers<void>();
    const guarded = pulse.guard(promise, 0);
    const startedAt = performance.now();
    for (let n = 0; n < 6; n++) await nextPing();
    expect(performance.now() - startedAt).toBeLessThan(1_000);
    resolve();
    await guarded;
    monitor.disconnect();
  });

  it('at rest gives up what waits as fast as ever', async () => {
    await atRest();
    server.freeze();
    const startedAt = performance.now();
    await expect(pulse.guard(never, 250)).rejects.toMatchObject({ name: 'RedisSilent' });
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(249);
    expect(performance.now() - startedAt).toBeLessThan(700);
  });

  it('at rest finds out by itself that Redis has stopped, and then soon that it goes on', async () => {
    await atRest();
    server.freeze();
    const startedAt = performance.now();
    await silent();
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    server.thaw();
    const thawedAt = performance.now();
    await back();
    expect(performance.now() - thawedAt).toBeLessThan(1_000);
  });

  it('takes a Redis for alive that was asked long ago', async () => {
    await atRest();
    expect(await pulse.answers(0)).toBe(true);
    expect(await pulse.guard(redis.echo('an answer'), 0)).toBe('an answer');
  });

  it('passes on what comes in time, good or bad', async () => {
    expect(await pulse.guard(Promise.resolve(1), 0)).toBe(1);
    await expect(pulse.guard(Promise.reject(new Error('no')), 0)).rejects.toThrow('no');
  });

  it('stops for a killed Redis, and goes on with the next one', async () => {
    await server.kill();
    await silent();
    await server.restart();
    expect(await back()).toBe(true);
  });

  it('goes on while this process itself is busy', async () => {
    let falls = 0;
    const guarded = pulse.guard(never, 0).catch(() => falls++);
    for (let n = 0; n < 3; n++) {
      const until = performance.now() + 400;
      while (performance.now() < until);
      await redis.ping();
    }
    expect(pulse.isBeating).toBe(true);
    expect(falls).toBe(0);
    server.freeze();
    await guarded;
    expect(falls).toBe(1);
  });

  it('stops while a script keeps Redis from everything else', async () => {
    const [other, killer] = [0, 1].map(() => connect(server.url, 'patient', silentLog)) as [Redis, Redis];
    await Promise.all([other.ping(), killer.ping()]);
    await other.config('SET', 'busy-reply-threshold', '50');
    const script = other.eval('while true do end', 0).catch((error: unknown) => String(error));
    await silent();
    await eventually(
      () =>
        killer.script('KILL').then(
          () => true,
          () => undefined,
        ),
      'the end of the script',
    );
    expect(await script).toContain('killed');
    await back();
    for (const connection of [other, killer]) connection.disconnect();
  });
});
