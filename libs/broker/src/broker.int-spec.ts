import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../../../test/support/client.js';
import { startRedis, type TestRedis } from '../../../test/support/redis.js';
import { Broker } from './broker.js';
import { connect } from './connection.js';
import { Consumer } from './consumer.js';
import { local, Parts, silentLog } from './testing/parts.js';

/** What a claim said of each job, in the order of the jobs. */
type Claims = readonly { readonly request: string; readonly kind: string }[];

describe('Broker', () => {
  let server: TestRedis;
  let parts: Parts;
  let broker: Broker;
  let consumer: Consumer;
  let claims: Claims;
  const connections: ReturnType<typeof connect>[] = [];

  beforeEach(async () => {
    server = await startRedis();
    parts = new Parts(server.url);
    claims = [];
    const redis = { url: server.url, prefix: 'test', shards: 1 };
    broker = new Broker({ redis, allowVolatile: false, log: silentLog });
    consumer = consume();
    await broker.start();
  });
  afterEach(async () => {
    await consumer.drain(0);
    await broker.close();
    for (const connection of connections.splice(0)) connection.disconnect();
    await parts.close();
    await server.stop();
  });

  /** Redis knows the script that adds jobs, from another process of ours; that of the accept it may not know yet. */
  async function learnToAdd(): Promise<void> {
    const request = broker.newRequestId();
    await parts.queues.add(request, { attempt: 1, placement: 1, target: 0, provider: 'other', delayMs: 0 });
  }

  /** Claims each job at once, as a worker that had nothing to do. */
  function consume(): Consumer {
    const connection = connect(server.url, 'patient', silentLog);
    connections.push(connection);
    const taken = new Consumer({
      provider: local.provider,
      workerConcurrency: 10,
      connection,
      keys: parts.keys,
      log: silentLog,
      process: async ({ request, attempt }) => {
        const { kind } = await parts.ledger.claim({ request, attempt, token: request, worker: 'w' });
        claims = [...claims, { request, kind }];
      },
    });
    taken.start();
    return taken;
  }

  async function submit(maxWaiting = 100): Promise<{ readonly id: string; readonly kind: string }> {
    const id = broker.newRequestId();
    broker.open(id);
    const reply = await broker.submit({
      ...{ id, application: null, model: 'm', stream: true, includeUsage: false, targets: [local] },
      ...{ timeoutMs: 60_000, maxWaiting, body: Buffer.from('{}') },
    });
    return { id, kind: reply.kind };
  }

  /** Resolves with what the claim of its job said. */
  const claimOf = (id: string) =>
    eventually(() => claims.find(({ request }) => request === id)?.kind, `the claim of ${id}`);

  it('has a request in the ledger before its job is taken: the first one of a new Redis', async () => {
    await learnToAdd();
    const { id } = await submit();
    expect(await claimOf(id)).toBe('run');
  });

  it('has a request in the ledger before its job is taken: the first one after a restart of Redis', async () => {
    await claimOf((await submit()).id);
    await server.restart();
    await eventually(() => broker.isReady() || undefined, 'the broker to be ready again');
    await learnToAdd();
    const { id } = await submit();
    expect(await claimOf(id)).toBe('run');
  });

  it('lets a job that came with a refused request come to nothing, and adds none while the queue is full', async () => {
    const refused = await submit(0);
    expect(refused.kind).toBe('queue_full');
    expect(await claimOf(refused.id)).toBe('done');
    const again = await submit(0);
    expect(again.kind).toBe('queue_full');
    const taken = await submit();
    expect(await claimOf(taken.id)).toBe('run');
    expect(claims.map(({ request }) => request)).toEqual([refused.id, taken.id]);
  });
});
