import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ulid } from 'ulid';
import { requestId } from '#core/ids.js';
import type { NewRequest } from '#core/ledger/transitions.js';
import { eventually } from '../../../test/support/client.js';
import { startRedis, type TestRedis } from '../../../test/support/redis.js';
import { AcceptGate } from './accept-gate.js';
import { connect } from './connection.js';
import { Ledger } from './ledger.js';
import { local, Parts, silentLog } from './testing/parts.js';

let server: TestRedis;
let parts: Parts;
let fast: ReturnType<typeof connect>;
let ledger: Ledger;
let gate: AcceptGate;

beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());

beforeEach(async () => {
  parts = new Parts(server.url);
  fast = connect(server.url, 'fast', silentLog);
  ledger = new Ledger(fast, parts.keys);
  gate = new AcceptGate({ url: server.url, redis: fast, ledger, isRead, log: silentLog });
  await gate.start();
});
afterEach(async () => {
  server.thaw();
  await gate.stop();
  fast.disconnect();
  await parts.close();
});

function newRequest(): NewRequest {
  return {
    id: requestId(0, ulid()),
    application: null,
    model: 'm',
    stream: true,
    endpoint: 'chat',
    includeUsage: false,
    targets: [local],
    timeoutMs: 60_000,
    replica: 'api-1',
    maxWaiting: 100,
    body: Buffer.from('{}'),
  };
}

const isRead = () => true;
const unavailable = (reason: string) => ({ code: 'redis_unavailable', params: { reason } });

describe('AcceptGate', () => {
  it('lets a request through', async () => {
    const request = newRequest();
    expect(await gate.pass(request, () => ledger.accept(request))).toEqual({ kind: 'accepted' });
  });

  it('gives up what is under way when Redis stops, sends nothing more, and cancels it when Redis goes on', async () => {
    const request = newRequest();
    server.freeze();
    await expect(gate.pass(request, () => ledger.accept(request))).rejects.toMatchObject(
      unavailable('Redis does not answer'),
    );
    expect(gate.isAlive).toBe(false);
    let sent = 0;
    const late = gate.pass(newRequest(), async () => {
      sent++;
      return Promise.resolve({ kind: 'accepted' });
    });
    await expect(late).rejects.toMatchObject(unavailable('Redis does not answer'));
    expect(sent).toBe(0);
    server.thaw();
    const state = () => parts.redis.hget(parts.keys.record(request.id), 'outcome');
    expect(await eventually(async () => (await state()) ?? undefined, 'its end')).toContain('cancelled');
    await eventually(() => gate.isAlive || undefined, 'a pulse');
    const next = newRequest();
    expect(await gate.pass(next, () => ledger.accept(next))).toEqual({ kind: 'accepted' });
  });

  it('tells why Redis refuses, and has nothing to cancel then', async () => {
    const request = newRequest();
    let cancels = 0;
    const counted = { cancel: () => Promise.resolve(++cancels > 0) };
    const other = new AcceptGate({ url: server.url, redis: fast, ledger: counted, isRead, log: silentLog });
    await other.start();
    await parts.redis.config('SET', 'min-replicas-to-write', '1');
    const refused = other.pass(request, () => ledger.accept(request));
    await expect(refused).rejects.toMatchObject(unavailable('Redis takes no writes now (NOREPLICAS)'));
    await parts.redis.config('SET', 'min-replicas-to-write', '0');
    // A cancel of the first kind shows that the second would have come by now.
    const broken = other.pass(newRequest(), () => Promise.reject(new Error('Command timed out')));
    await expect(broken).rejects.toMatchObject(unavailable('Redis does not answer'));
    await eventually(() => cancels > 0 || undefined, 'a cancel');
    await other.stop();
    expect(cancels).toBe(1);
  });

  it('asks again for a while where Redis does not know what may still be on its way', async () => {
    const asked: string[] = [];
    const unknown = {
      cancel: (request: string) => {
        asked.push(request);
        return Promise.resolve(false);
      },
    };
    const other = new AcceptGate({ url: server.url, redis: fast, ledger: unknown, isRead, log: silentLog });
    await other.start();
    const times = (request: string) => asked.filter((one) => one === request).length;
    const [first, second] = [newRequest(), newRequest()];
    for (const request of [first, second]) {
      const lost = other.pass(request, () => Promise.reject(new Error('lost')));
      await expect(lost).rejects.toMatchObject(unavailable('Redis does not answer'));
      await eventually(() => times(request.id) >= 4 || undefined, 'the last time');
    }
    await other.stop();
    // While the second was asked for, the first was not any more.
    expect(times(first.id)).toBeLessThanOrEqual(5);
  });
});
