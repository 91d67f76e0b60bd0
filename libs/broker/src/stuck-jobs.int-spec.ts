import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Worker } from 'bullmq';
import { jobId } from '#core/ids.js';
import { startRedis, type TestRedis } from '../../../test/support/redis.js';
import { queueName } from './keys.js';
import { sweepStuckJobs } from './stuck-jobs.js';
import { Parts } from './testing/parts.js';

const provider = 'gpu-box';
const job = (placement: number) => ({ attempt: 1, placement, target: 0, provider, delayMs: 0 });

describe('sweepStuckJobs', () => {
  let server: TestRedis;
  let parts: Parts;
  let worker: Worker;

  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());

  beforeEach(async () => {
    await server.flush();
    parts = new Parts(server.url);
    worker = new Worker(queueName(provider), null, {
      connection: parts.redis,
      prefix: parts.keys.queuePrefix(provider),
      skipVersionCheck: true,
    });
  });
  afterEach(async () => {
    await worker.close();
    await parts.close();
  });

  /** Accepts a request and lets a worker take its job, which never gives it back. */
  async function take(): Promise<string> {
    const id = await parts.accept();
    await parts.queues.add(id, job(1));
    await worker.getNextJob('a dead worker', { block: false });
    expect(await active()).toEqual([jobId(id, 1, 1)]);
    return id;
  }

  const active = () => parts.redis.lrange(key('active'), 0, -1);
  const key = (name: string) => `${parts.keys.queuePrefix(provider)}:${queueName(provider)}:${name}`;
  const renewFor = (id: string, ms: number) => parts.redis.pexpire(`${key(jobId(id, 1, 1))}:lock`, ms);
  const sweep = () => sweepStuckJobs(parts, provider);

  it.each([3_500, 0])(
    'places the attempt again whose worker never claimed it (left of its lock: %d ms)',
    async (left) => {
      const id = await take();
      await renewFor(id, left);
      await sweep();
      expect(await active()).toEqual([]);
      expect(await parts.queues.has(id, job(2))).toBe(true);
      expect(await parts.redis.hget(parts.keys.record(id), 'placement')).toBe('2');
    },
  );

  it('leaves a job alone whose worker lives', async () => {
    const id = await take();
    await renewFor(id, 5_000);
    await sweep();
    expect(await active()).toEqual([jobId(id, 1, 1)]);
  });

  it('leaves a job to its lease while it runs', async () => {
    const id = await take();
    await parts.claim(id);
    await renewFor(id, 0);
    await sweep();
    expect(await active()).toEqual([jobId(id, 1, 1)]);
    expect(await parts.queues.has(id, job(2))).toBe(false);
  });

  it('forgets the job of an ended request, so that its place is free', async () => {
    const id = await take();
    await parts.ledger.cancel(id);
    await renewFor(id, 1_000);
    await sweep();
    expect(await active()).toEqual([]);
    expect(await parts.queues.has(id, job(1))).toBe(false);
    expect(await parts.queues.has(id, job(2))).toBe(false);
  });
});
