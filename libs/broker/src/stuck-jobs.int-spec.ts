import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Worker } from 'bullmq';
import { jobId } from '#core/ids.js';
import { startRedis, type TestRedis } from '../../../test/support/redis.js';
import { queueName } from './keys.js';
import { StuckJobs } from './stuck-jobs.js';
import { Parts } from './testing/parts.js';

const provider = 'gpu-box';
const job = (placement: number) => ({ attempt: 1, placement, target: 0, provider, delayMs: 0 });

describe('StuckJobs', () => {
  let server: TestRedis;
  let parts: Parts;
  let stuck: StuckJobs;
  let worker: Worker;

  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());

  beforeEach(async () => {
    await server.flush();
    parts = new Parts(server.url);
    stuck = new StuckJobs({ ...parts, stuckMs: 0 });
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

  /** Accepts a request and lets a worker take its job, which it never gives back. */
  async function take(): Promise<string> {
    const id = await parts.accept();
    await parts.queues.add(id, job(1));
    await worker.getNextJob('a dead worker', { block: false });
    expect(await parts.queues.active(provider)).toEqual([jobId(id, 1, 1)]);
    return id;
  }

  const sweep = () => stuck.sweep([provider]);

  it('places the attempt again whose worker took its job and never claimed it', async () => {
    const id = await take();
    await sweep();
    expect(await parts.queues.has(id, job(1))).toBe(true);
    await sweep();
    expect(await parts.queues.active(provider)).toEqual([]);
    expect(await parts.queues.has(id, job(2))).toBe(true);
    expect(await parts.redis.hget(parts.keys.record(id), 'placement')).toBe('2');
  });

  it('leaves a job alone whose run is under way, however long', async () => {
    const id = await take();
    await parts.claim(id);
    for (let round = 0; round < 5; round++) await sweep();
    expect(await parts.queues.active(provider)).toEqual([jobId(id, 1, 1)]);
    expect(await parts.queues.has(id, job(2))).toBe(false);
  });

  it('forgets the job of an ended request only if it lies there still at a later look', async () => {
    const id = await take();
    await parts.ledger.cancel(id);
    await sweep();
    await sweep();
    expect(await parts.queues.active(provider)).toHaveLength(1);
    await sweep();
    expect(await parts.queues.active(provider)).toEqual([]);
    expect(await parts.queues.has(id, job(1))).toBe(false);
  });

  it('waits as long as a lease lasts', async () => {
    stuck = new StuckJobs(parts);
    await take();
    await sweep();
    await sweep();
    expect(await parts.queues.active(provider)).toHaveLength(1);
  });
});
