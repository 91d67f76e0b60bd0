import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { ProviderAnnouncement } from '#core/fleet.js';
import { jobId } from '#core/ids.js';
import type { EndEntry } from '#core/ledger/transitions.js';
import { unusableKey } from '#core/target-key.js';
import { startRedis, type TestRedis } from '../../../test/support/redis.js';
import { beat, FleetWatch, markUnusable } from './fleet-watch.js';
import { queueName } from './keys.js';
import { Sweeper } from './sweeper.js';
import { cloud, local, Parts, silentLog } from './testing/parts.js';

const DUE = 1;
const job = (attempt: number, placement: number, provider = local.provider) => ({
  attempt,
  placement,
  target: 0,
  provider,
  delayMs: 0,
});

describe('Sweeper', () => {
  let server: TestRedis;
  let parts: Parts;
  let fleet: FleetWatch;
  let sweeper: Sweeper;

  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());

  beforeEach(async () => {
    await server.flush();
    parts = new Parts(server.url);
    fleet = new FleetWatch(parts.redis, parts.keys);
    sweeper = newSweeper('sweeper-1');
  });
  afterEach(() => parts.close());

  const newSweeper = (name: string, settledMs = 0) =>
    new Sweeper({ ...parts, fleet, name, log: silentLog, settledMs });
  const shard = () => parts.keys.shard(0);
  const record = (id: string) => parts.redis.hgetall(parts.keys.record(id));

  async function endOf(id: string): Promise<EndEntry> {
    const last = (await parts.ledger.read(id, '0-0', 100)).at(-1);
    expect(last?.type).toBe('end');
    return JSON.parse(String(last?.bytes)) as EndEntry;
  }

  /** Lets a worker that serves these providers announce itself. */
  async function announce(...names: string[]): Promise<void> {
    const providers = names.map((name): ProviderAnnouncement => ({
      name,
      kind: 'openai-compatible',
      location: 'local',
      concurrency: 1,
      models: [],
      credential: 'ok',
    }));
    await beat(parts.redis, parts.keys, { v: 1, worker: 'w', pid: 1, startedAt: 0, providers });
    await fleet.refresh();
  }

  it('adds the job of an attempt whose job never came', async () => {
    const id = await parts.accept();
    await parts.redis.zadd(shard().unplaced, DUE, id);
    await sweeper.sweep();
    expect(await parts.queues.has(id, job(1, 2))).toBe(true);
    expect(await parts.redis.zscore(shard().unplaced, id)).not.toBe(String(DUE));
  });

  it('looks no more at an attempt whose job is there', async () => {
    const id = await parts.accept();
    await parts.queues.add(id, job(1, 1));
    await parts.redis.zadd(shard().unplaced, DUE, id);
    await sweeper.sweep();
    expect(await parts.redis.zscore(shard().unplaced, id)).toBeNull();
    expect(await parts.queues.has(id, job(1, 2))).toBe(false);
  });

  it('looks no more at a job that is not due yet', async () => {
    const id = await parts.accept({ delayMs: 60_000 });
    await parts.queues.add(id, { ...job(1, 1), delayMs: 60_000 });
    await parts.redis.zadd(shard().unplaced, DUE, id);
    await sweeper.sweep();
    expect(await parts.redis.zscore(shard().unplaced, id)).toBeNull();
    const delayed = `${parts.keys.queuePrefix('gpu-box')}:${queueName('gpu-box')}:delayed`;
    expect(await parts.redis.zrange(delayed, '0', '-1')).toEqual([jobId(id, 1, 1)]);
  });

  it('adds the job of an attempt that is due later with what is left of its delay', async () => {
    const id = await parts.accept({ delayMs: 60_000 });
    await parts.redis.zadd(shard().unplaced, DUE, id);
    await sweeper.sweep();
    const delayed = `${parts.keys.queuePrefix('gpu-box')}:${queueName('gpu-box')}:delayed`;
    expect(await parts.redis.zrange(delayed, '0', '-1')).toEqual([jobId(id, 1, 2)]);
  });

  it('forgets the job of an attempt that is due later with its request', async () => {
    const id = await parts.accept({ delayMs: 60_000 });
    await parts.queues.add(id, { ...job(1, 1), delayMs: 60_000 });
    await passDeadline(id);
    await sweeper.sweep();
    expect(await parts.queues.has(id, job(1, 1))).toBe(false);
  });

  it('places a run that lost its worker before output again, and forgets the old job with its lock', async () => {
    const id = await parts.accept();
    await parts.queues.add(id, job(1, 1));
    await parts.claim(id);
    await parts.redis.zadd(shard().leases, DUE, id);
    await sweeper.sweep();
    expect(await record(id)).toMatchObject({ state: 'waiting', placement: '2' });
    expect(await parts.queues.has(id, job(1, 1))).toBe(false);
    expect(await parts.queues.has(id, job(1, 2))).toBe(true);
  });

  it('leaves runs and readers alone until they could come back after Redis was away', async () => {
    const id = await parts.accept();
    await parts.claim(id);
    await parts.redis.zadd(shard().leases, DUE, id);
    await parts.redis.zadd(shard().orphans, DUE, id);
    await fleet.refresh();
    await newSweeper('sweeper-1', 60_000).sweep();
    expect(await record(id)).toMatchObject({ state: 'running' });
    await newSweeper('sweeper-1', 0).sweep();
    expect(await record(id)).toMatchObject({ state: 'ended', outcome: 'cancelled' });
  });

  it('ends a stream that lost its worker after output', async () => {
    const id = await parts.accept();
    const { epoch } = await parts.claim(id);
    await parts.ledger.append({ request: id, epoch, seq: 1, bytes: Buffer.from('data: {}\n\n') });
    await parts.redis.zadd(shard().leases, DUE, id);
    await sweeper.sweep();
    expect(await endOf(id)).toMatchObject({ outcome: 'failed', code: 'stream_interrupted' });
  });

  it.each([
    ['nobody serves its provider', [], 'no_worker'],
    ['its provider is busy', ['gpu-box'], 'deadline_exceeded'],
  ])('ends a waiting request at its deadline when %s', async (_, alive, code) => {
    await announce(...alive);
    const id = await parts.accept();
    await passDeadline(id);
    await sweeper.sweep();
    expect(await endOf(id)).toMatchObject({ outcome: 'failed', code });
  });

  it('ends a running request at its deadline, and tells its worker', async () => {
    const id = await parts.accept();
    const { epoch } = await parts.claim(id);
    await passDeadline(id);
    await sweeper.sweep();
    expect(await endOf(id)).toMatchObject({ code: 'deadline_exceeded' });
    expect(await parts.ledger.renew([{ request: id, epoch }])).toEqual(['ended']);
  });

  it('writes off the call of a run that was ended and never settled', async () => {
    const id = await parts.accept();
    const { epoch } = await parts.claim(id);
    await parts.ledger.cancel(id);
    await parts.redis.zadd(shard().unsettled, 'XX', DUE, `${id}|${epoch}`);
    await sweeper.sweep();
    const [row] = await parts.redis.xrange(shard().usage, '-', '+');
    expect(row?.[1].at(-1)).toContain('"outcome":"unknown"');
    expect(await parts.redis.zcard(shard().unsettled)).toBe(0);
  });

  it('forgets requests that Redis has lost, so that they do not stand in the way of others', async () => {
    const lost = await Promise.all(Array.from({ length: 250 }, () => parts.accept({ maxWaiting: 1_000 })));
    await Promise.all(lost.map((id) => parts.redis.del(parts.keys.record(id))));
    await Promise.all(lost.map((id) => parts.redis.zadd(shard().deadlines, DUE, id)));
    const id = await parts.accept({ maxWaiting: 1_000 });
    await passDeadline(id);
    // A batch of 200 a round.
    for (let round = 0; round < 2; round++) await sweeper.sweep();
    expect(await endOf(id)).toMatchObject({ outcome: 'failed' });
    const { waiting, deadlines, unplaced, orphans } = shard();
    for (const key of [waiting, deadlines, unplaced, orphans]) expect(await parts.redis.zcard(key)).toBe(0);
  });

  it('cancels a request that nobody reads', async () => {
    const id = await parts.accept();
    await parts.redis.zadd(shard().orphans, DUE, id);
    await sweeper.sweep();
    expect(await endOf(id)).toMatchObject({ outcome: 'cancelled' });
  });

  it('moves an attempt on that waited too long, where another target is served', async () => {
    await announce('gpu-box', 'openai');
    const id = await parts.accept({ targets: [{ ...local, maxQueueWaitMs: 0 }, cloud] });
    await parts.queues.add(id, job(1, 1));
    await sweeper.sweep();
    expect(await record(id)).toMatchObject({ attempt: '2', target: '1', state: 'waiting' });
    expect(await parts.queues.has(id, job(2, 1, 'openai'))).toBe(true);
    expect(await parts.queues.has(id, job(1, 1))).toBe(false);
  });

  it.each([['chat'], ['']])(
    'moves none to a target that lacks its endpoint, written as %j',
    async (endpoint) => {
      await markUnusable(parts.redis, parts.keys, unusableKey(cloud, 'chat'));
      await announce('gpu-box', 'openai');
      const id = await parts.accept({ targets: [{ ...local, maxQueueWaitMs: 0 }, cloud] });
      // An older api writes none: there was none but chat.
      await parts.redis.hset(parts.keys.record(id), 'endpoint', endpoint);
      await sweeper.sweep();
      expect(await endOf(id)).toMatchObject({ outcome: 'failed', code: 'queue_timeout' });
    },
  );

  it.each([
    ['queue_timeout', ['gpu-box']],
    ['no_worker', []],
  ])('fails the last target with %s after its longest wait', async (code, alive) => {
    await announce(...alive);
    const id = await parts.accept({ targets: [{ ...local, maxQueueWaitMs: 0 }] });
    await parts.queues.add(id, job(1, 1));
    await sweeper.sweep();
    expect(await endOf(id)).toMatchObject({ outcome: 'failed', code });
    expect(await parts.queues.has(id, job(1, 1))).toBe(false);
  });

  it('leaves an attempt with its provider for as long as a restart may take', async () => {
    await announce('openai');
    const id = await parts.accept({ targets: [local, cloud] });
    await sweeper.sweep();
    expect(await record(id)).toMatchObject({ attempt: '1', state: 'waiting' });
  });

  it('moves every attempt away from a provider that has been silent for longer', async () => {
    await announce('openai');
    fleet.silentMs = () => 15_000;
    const ids = await Promise.all(
      Array.from({ length: 450 }, () => parts.accept({ targets: [local, cloud], maxWaiting: 500 })),
    );
    // A batch of 200 a round.
    for (let round = 0; round < 3; round++) await sweeper.sweep();
    const targets = await Promise.all(ids.map(async (id) => (await record(id))['target']));
    expect(new Set(targets)).toEqual(new Set(['1']));
  });

  it('works for one sweeper at a time, and for the next when the first is gone', async () => {
    const second = newSweeper('sweeper-2');
    await sweeper.sweep();
    const id = await parts.accept();
    await parts.redis.zadd(shard().orphans, DUE, id);
    await second.sweep();
    expect(await record(id)).toMatchObject({ state: 'waiting' });
    await parts.redis.del(shard().sweeper);
    await second.sweep();
    expect(await record(id)).toMatchObject({ state: 'ended' });
  });

  it('goes on to the next request when one cannot be read', async () => {
    const [bad, good] = [await parts.accept(), await parts.accept()];
    await parts.redis.del(parts.keys.record(bad));
    await parts.redis.set(parts.keys.record(bad), 'not a hash');
    for (const id of [bad, good]) await parts.redis.zadd(shard().orphans, DUE, id);
    await sweeper.sweep();
    expect(await record(good)).toMatchObject({ state: 'ended' });
  });

  async function passDeadline(id: string): Promise<void> {
    await parts.redis.hset(parts.keys.record(id), 'deadline', DUE);
    await parts.redis.zadd(shard().deadlines, DUE, id);
  }
});
