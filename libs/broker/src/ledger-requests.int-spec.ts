import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ulid } from 'ulid';
import { requestId } from '#core/ids.js';
import { startRedis, type TestRedis } from '../../../test/support/redis.js';
import { cloud, local, Parts } from './testing/parts.js';

const keepMs = 3_600_000;
const DUE = 1;

/** What the ledger tells about requests by id, beyond what the cases of the model say. */
describe('Ledger', () => {
  let server: TestRedis;
  let parts: Parts;

  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());

  beforeEach(async () => {
    await server.flush();
    parts = new Parts(server.url);
  });
  afterEach(() => parts.close());

  it('describes a request that waits, with its place in the queue', async () => {
    const [, id] = [
      await parts.accept(),
      await parts.accept({ application: 'web', keepMs, timeoutMs: 9_000 }),
    ];
    const state = await parts.ledger.describe(id);
    expect(state).toEqual({
      ...{ application: 'web', state: 'waiting', stream: true, keepMs, model: 'm', attempt: 1 },
      ...{ provider: 'gpu-box', position: 2, createdAt: state?.createdAt, deadlineAt: state?.deadlineAt },
    });
    expect(Number(state?.deadlineAt) - Number(state?.createdAt)).toBe(9_000);
  });

  it('describes a request that ended, whoever looks', async () => {
    const id = await parts.accept();
    await parts.ledger.cancel(id);
    const state = await parts.ledger.describe(id);
    expect(state).toMatchObject({ application: null, state: 'ended', outcome: 'cancelled', keepMs: null });
    expect(state?.endedAt).toBeGreaterThanOrEqual(Number(state?.createdAt));
    expect(state).not.toHaveProperty('position');
    expect(await parts.redis.hget(parts.keys.record(id), 'readers')).toBe('api-1');
  });

  it('knows nothing of an id that never was', async () => {
    const id = requestId(0, ulid());
    expect(await parts.ledger.describe(id)).toBeUndefined();
    expect(await parts.ledger.join(id, 'api-2')).toBeUndefined();
    expect(await parts.redis.exists(parts.keys.record(id))).toBe(0);
  });

  it('tells in the start entry what its target does not get', async () => {
    const targets = [{ ...local, dropped: ['logit_bias', 'seed'], capabilities: { dimensions: [8] } }, cloud];
    const id = await parts.accept({ targets });
    const run = await parts.claim(id);
    expect(run.targets).toEqual(targets);
    const startOf = async () => {
      const entries = await parts.ledger.read(id, '0-0', 10);
      const start = entries.findLast(({ type }) => type === 'start');
      return JSON.parse(String(start?.bytes)) as object;
    };
    expect(await startOf()).toMatchObject({ provider: 'gpu-box', dropped: ['logit_bias', 'seed'] });
    const guard = { kind: 'epoch', epoch: run.epoch } as const;
    await parts.ledger.next({ request: id, guard, target: 1, record: '{}' });
    await parts.claim(id, 2);
    const start = await startOf();
    expect(start).toMatchObject({ provider: 'openai' });
    expect(start).not.toHaveProperty('dropped');
  });

  it('publishes frames to a replica that joined', async () => {
    const id = await parts.accept();
    await parts.ledger.join(id, 'api-2');
    const { epoch } = await parts.claim(id);
    const listener = parts.redis.duplicate();
    await listener.subscribe(`${parts.keys.channels}api-2`);
    const heard = new Promise<string>((resolve) => listener.on('message', (_, message) => resolve(message)));
    await parts.ledger.append({ request: id, epoch, seq: 1, bytes: Buffer.from('Hello') });
    expect(await heard).toContain(`${id} 1-1`);
    listener.disconnect();
  });

  it('counts what is active and what waits for a retry', async () => {
    const [, id] = [await parts.accept(), await parts.accept({ targets: [local, cloud] })];
    const { epoch } = await parts.claim(id);
    const guard = { kind: 'epoch', epoch } as const;
    const move = { request: id, guard, target: 0, record: '{}', afterMs: 5_000, retry: true };
    expect(await parts.ledger.next(move)).toMatchObject({ attempt: 2, provider: 'gpu-box', delayMs: 5_000 });
    expect(await parts.ledger.load(id)).toEqual({ active: 2, retrying: 1 });
    await parts.ledger.cancel(id);
    expect(await parts.ledger.load(id)).toEqual({ active: 1, retrying: 0 });
  });

  it('lists the dead letters, and gives the bodies of those that were kept', async () => {
    const plain = await parts.accept({ application: 'web' });
    const kept = await parts.accept({ keepMs, model: 'llama3.2', body: Buffer.from('{"kept":true}') });
    for (const id of [plain, kept]) await killThreeWorkers(id);
    const row = { provider: 'gpu-box', attempt: 1, starts: 3, at: expect.any(Number) };
    expect(await parts.ledger.deadLetters(0)).toEqual([
      { request: plain, application: 'web', model: 'm', ...row, kept: false },
      { request: kept, application: null, model: 'llama3.2', ...row, kept: true },
    ]);
    expect(await parts.ledger.body(plain)).toBeUndefined();
    expect(String(await parts.ledger.body(kept))).toBe('{"kept":true}');
    expect(await parts.redis.pttl(parts.keys.body(kept))).toBeLessThanOrEqual(keepMs);
  });

  it('writes off the call of the target that was called, also when the request has moved on', async () => {
    const body = Buffer.from('x'.repeat(41));
    const id = await parts.accept({ application: 'web', targets: [local, cloud], body });
    const { epoch } = await parts.claim(id);
    await parts.ledger.next({ request: id, guard: { kind: 'epoch', epoch }, target: 1, record: '{}' });
    await parts.redis.zadd(parts.keys.shard(0).unsettled, 'XX', DUE, `${id}|${epoch}`);
    expect(await parts.ledger.writeOff(id, epoch)).toBe(true);
    const tokens = { promptTokens: 11, completionTokens: 0, estimated: true };
    const usage = { v: 1, outcome: 'unknown', provider: 'gpu-box', model: 'llama', ...tokens };
    expect(await usageRows()).toEqual([
      { request: id, epoch: '1', application: 'web', usage: expect.objectContaining(usage) },
    ]);
  });

  it('guesses what a lost stream cost from the events that were logged, the one with the role apart', async () => {
    const id = await parts.accept();
    const { epoch } = await parts.claim(id);
    const events = (count: number) => Buffer.from('data: {"choices":[]}\n\n'.repeat(count));
    await parts.ledger.append({ request: id, epoch, seq: 1, bytes: events(3) });
    await parts.ledger.append({ request: id, epoch, seq: 2, bytes: events(2) });
    await parts.ledger.cancel(id);
    await parts.redis.zadd(parts.keys.shard(0).unsettled, 'XX', DUE, `${id}|${epoch}`);
    expect(await parts.ledger.writeOff(id, epoch)).toBe(true);
    expect(await usageRows()).toMatchObject([{ usage: { completionTokens: 4, estimated: true } }]);
  });

  it('writes a row of a run whose record Redis has lost meanwhile', async () => {
    const id = await parts.accept();
    const { epoch } = await parts.claim(id);
    await parts.ledger.cancel(id);
    await parts.redis.del(parts.keys.record(id));
    expect(await parts.ledger.writeOff(id, epoch)).toBe(true);
    expect(await parts.ledger.writeOff(id, epoch)).toBe(false);
    expect(await usageRows()).toMatchObject([{ request: id, epoch: '1', usage: { outcome: 'unknown' } }]);
    expect(await parts.redis.exists(parts.keys.record(id))).toBe(0);
  });

  it('lets a run end and settle in one step where Redis is full and takes nothing else', async () => {
    const id = await parts.accept();
    const { epoch } = await parts.claim(id);
    const last = { seq: 1, bytes: Buffer.from('Hello') };
    const guard = { kind: 'epoch', epoch } as const;
    const end = { request: id, guard, outcome: { kind: 'completed' }, last } as const;
    await parts.redis.config('SET', 'maxmemory', '1');
    try {
      await expect(parts.ledger.append({ request: id, epoch, ...last })).rejects.toThrow('OOM');
      expect(await parts.ledger.seal({ ...end, usage: '{"tokens":7}' })).toBe(true);
    } finally {
      await parts.redis.config('SET', 'maxmemory', '0');
    }
    expect(await parts.ledger.describe(id)).toMatchObject({ state: 'ended', outcome: 'completed' });
    expect(await usageRows()).toMatchObject([{ request: id, epoch: '1', usage: { tokens: 7 } }]);
  });

  it('accepts one of many requests that come at once with one idempotency key', async () => {
    const idempotency = { key: 'k', fingerprint: 'f' };
    const ids = Array.from({ length: 20 }, () => requestId(0, ulid()));
    const replies = await Promise.all(
      ids.map((id) => parts.ledger.accept({ ...parts.request(id), keepMs, idempotency })),
    );
    const accepted = ids.filter((_, i) => replies[i]?.kind === 'accepted');
    expect(accepted).toHaveLength(1);
    const attached = replies.filter((reply) => reply.kind === 'attached');
    expect(attached).toHaveLength(19);
    expect(new Set(attached.map(({ request }) => request))).toEqual(new Set(accepted));
    expect(await parts.ledger.load(ids[0] ?? '')).toEqual({ active: 1, retrying: 0 });
  });

  it('frees the idempotency key of a request that was lost, and of none but the one removed', async () => {
    const idempotency = { key: 'k', fingerprint: 'f' };
    const lost = await parts.accept({ keepMs, idempotency });
    await parts.redis.del(parts.keys.record(lost));
    const first = await parts.accept({ keepMs, idempotency });
    await parts.ledger.cancel(first);
    const second = await parts.accept({ keepMs, idempotency });
    const key = parts.keys.idempotency(first, 'k');
    await parts.ledger.remove(first);
    expect(await parts.redis.get(key)).toBe(`${second} f`);
    await parts.ledger.remove(second);
    expect(await parts.redis.exists(key)).toBe(0);
  });

  async function usageRows(): Promise<Record<string, unknown>[]> {
    const rows = await parts.redis.xrange(parts.keys.shard(0).usage, '-', '+');
    return rows.map(([, [, v, , request, , epoch, , application, , usage]]) => {
      expect(v).toBe('1');
      return { request, epoch, application, usage: JSON.parse(usage ?? '') as unknown };
    });
  }

  async function killThreeWorkers(id: string): Promise<void> {
    for (let start = 1; start <= 4; start++) {
      const reply = await parts.ledger.claim({ request: id, attempt: 1, token: ulid(), worker: 'w' });
      expect(reply.kind).toBe(start <= 3 ? 'run' : 'done');
      await parts.redis.zadd(parts.keys.shard(0).leases, 'XX', DUE, id);
    }
  }
});
