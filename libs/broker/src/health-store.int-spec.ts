import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { eventually } from '../../../test/support/client.js';
import { startRedis, type TestRedis } from '../../../test/support/redis.js';
import { FAULTS_MAX, PROBE_MS, type CallResult } from '#core/health.js';
import { HealthStore, type Admission } from './health-store.js';
import { cloud, local, Parts } from './testing/parts.js';

const PROVIDER = local.provider;

describe('HealthStore', () => {
  let server: TestRedis;
  /** Two processes and their connections. */
  let parts: readonly [Parts, Parts];
  let one: HealthStore;
  let other: HealthStore;
  let subscriber: Redis;
  let now: number;

  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());

  beforeEach(async () => {
    now = 1_800_000_000_000;
    parts = [new Parts(server.url), new Parts(server.url)];
    await parts[0].redis.config('SET', 'maxmemory', '0');
    await parts[0].redis.flushall();
    subscriber = parts[1].redis.duplicate();
    [one, other] = [storeOf(parts[0]), storeOf(parts[1])];
  });
  afterEach(async () => {
    subscriber.disconnect();
    await Promise.all(parts.map((each) => each.close()));
  });

  const storeOf = (of: Parts) => new HealthStore(of.redis, of.keys, () => now);

  async function report(store: HealthStore, kind: 'answered' | 'fault' | 'busy', more: object = {}) {
    const result = { kind, ...more } as CallResult;
    await store.report({ request: 'req', target: local, probe: false, result });
  }

  async function open(store: HealthStore): Promise<void> {
    for (let n = 0; n < 5; n += 1) await report(store, 'fault');
  }

  const breakerOf = (store: HealthStore) => store.view().breakers.get(PROVIDER);

  /** Commands of scripts that the server has run so far. */
  async function scripts(): Promise<number> {
    const info = await parts[0].redis.info('commandstats');
    return [...info.matchAll(/cmdstat_eval(?:sha)?:calls=(\d+)/g)].reduce((sum, [, n]) => sum + Number(n), 0);
  }

  it('tells every process that listens at once, and the others when they read', async () => {
    await other.listen(subscriber);
    const third = storeOf(parts[0]);
    await open(one);
    await eventually(async () => breakerOf(other)?.open, 'the news');
    expect(await other.admit('r', local)).toEqual({ kind: 'skip', why: 'open' });
    expect(breakerOf(third)).toBeUndefined();
    await third.refresh();
    expect(breakerOf(third)).toEqual(breakerOf(one));
  });

  it('counts two faults that two processes saw at once, though both make the same of what they know', async () => {
    await report(one, 'fault');
    await other.refresh();
    await Promise.all([report(one, 'fault'), report(other, 'fault')]);
    await one.refresh();
    expect(breakerOf(one)).toMatchObject({ faults: 3 });
  });

  it('loses no fault of processes that write at once', async () => {
    await report(one, 'answered');
    const all = Array.from({ length: FAULTS_MAX - 1 }, (_, n) => report(n % 2 === 0 ? one : other, 'fault'));
    await Promise.all(all);
    await one.refresh();
    expect(breakerOf(one)).toMatchObject({ faults: FAULTS_MAX - 1 });
    expect(breakerOf(one)?.open).toBeUndefined();
    await report(other, 'fault');
    expect(breakerOf(other)?.open).toBeDefined();
  });

  it('lets one call over all processes through a half-open breaker', async () => {
    await open(one);
    await other.refresh();
    now += 1_000;
    const asked = Array.from({ length: 40 }, (_, n) => (n % 2 === 0 ? one : other).admit(`req-${n}`, local));
    const probes = (await Promise.all(asked)).filter((each) => each.kind === 'call');
    expect(probes).toEqual([{ kind: 'call', probe: true }]);
    await one.refresh();
    const [holder] = Array.from({ length: 40 }, (_, n) => `req-${n}`).filter(
      (request) => breakerOf(one)?.open?.probe?.request === request,
    );
    expect(await one.admit(String(holder), local)).toEqual({ kind: 'call', probe: true });
    now += PROBE_MS;
    expect(await one.admit('next', local)).toEqual({ kind: 'call', probe: true });
  });

  it('closes with the answer of the probe, for all models of the provider', async () => {
    await open(one);
    now += 1_000;
    expect(await one.admit('p', local)).toEqual({ kind: 'call', probe: true });
    const model = { ...local, model: 'x' };
    expect(await one.admit('q', model)).toEqual({ kind: 'skip', why: 'open' });
    await one.report({ request: 'p', target: local, probe: true, result: { kind: 'answered' } });
    expect(await one.admit('q', model)).toEqual({ kind: 'call', probe: false });
    await other.refresh();
    expect(await other.admit('q', model)).toEqual({ kind: 'call', probe: false });
  });

  it('shares a cool-down, of that target alone, and forgets it in time', async () => {
    await report(one, 'busy', { retryAfterMs: 7_000 });
    await other.refresh();
    const skip: Admission = { kind: 'skip', why: 'cooling' };
    expect(await other.admit('r', local)).toEqual(skip);
    expect(await other.admit('r', { ...local, model: 'x' })).toEqual({ kind: 'call', probe: false });
    expect(await other.admit('r', cloud)).toEqual({ kind: 'call', probe: false });
    now += 7_000;
    expect(await other.admit('r', local)).toEqual({ kind: 'call', probe: false });
    now += 60_000;
    await other.refresh();
    const fields = () => parts[0].redis.hkeys(parts[0].keys.health);
    await eventually(async () => (await fields()).length === 1, 'the end of the cool-down’s field');
    expect(await fields()).toEqual([PROVIDER]);
  });

  it('knows models by whatever name', async () => {
    const target = { ...local, model: 'a/b\nc "ü"' };
    await other.listen(subscriber);
    await one.report({ request: 'r', target, probe: false, result: { kind: 'busy' } });
    const cools = () => other.view().coolDowns.get(`${PROVIDER}/${target.model}`);
    await eventually(async () => cools(), 'the news');
    expect(await other.admit('r', target)).toEqual({ kind: 'skip', why: 'cooling' });
  });

  it('costs a healthy provider a write a second, and no more', async () => {
    await report(one, 'answered');
    const before = await scripts();
    for (let n = 0; n < 50; n += 1) {
      expect(await one.admit(`r-${n}`, local)).toEqual({ kind: 'call', probe: false });
      await report(one, 'answered');
    }
    expect(await scripts()).toBe(before);
    now += 1_000;
    await report(one, 'answered');
    expect(await scripts()).toBe(before + 1);
  });

  it('learns nothing while Redis takes no writes, and goes on', async () => {
    await open(one);
    now += 1_000;
    await parts[0].redis.config('SET', 'maxmemory', '1');
    expect(await one.admit('r', local)).toEqual({ kind: 'skip', why: 'open' });
    await report(one, 'busy', { retryAfterMs: 7_000 });
    expect(one.view().coolDowns.size).toBe(0);
    await parts[0].redis.config('SET', 'maxmemory', '0');
    expect(await one.admit('r', local)).toEqual({ kind: 'call', probe: true });
  });
});
