import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { Keys } from '#broker/keys.js';
import { Ledger } from '#broker/ledger.js';
import type { NewRequest } from '#core/ledger/transitions.js';
import { withDeadline } from '../support/client.js';
import { startRedis, type TestRedis } from '../support/redis.js';
import { RedisProxy } from './redis-proxy.js';

const ID = 'req_0_01ARZ3NDEKTSV4RRFFQ69G5FAV';
const REQUEST: NewRequest = {
  id: ID,
  application: null,
  model: 'm',
  stream: true,
  endpoint: 'chat',
  includeUsage: false,
  targets: [{ provider: 'gpu', model: 'm', location: 'local' }],
  timeoutMs: 60_000,
  replica: 'api-1',
  maxWaiting: 10,
  // Longer than one read of a socket, and it looks like frames.
  body: Buffer.from('$5\r\n*3\r\n'.repeat(40_000)),
};

let server: TestRedis;
let proxy: RedisProxy;
let direct: Redis;
let proxied: Redis;

beforeAll(async () => (server = await startRedis()));
afterAll(async () => server?.stop());

beforeEach(async () => {
  await server.flush();
  proxy = await RedisProxy.start(server.port);
  direct = new Redis(server.url);
  proxied = new Redis(`redis://127.0.0.1:${proxy.port}`, { maxRetriesPerRequest: null });
});

afterEach(async () => {
  proxied.disconnect();
  direct.disconnect();
  await proxy.close();
});

const ledgerOf = (redis: Redis) => new Ledger(redis, new Keys('spillway', 1));
const stateOf = () => direct.hget(new Keys('spillway', 1).record(ID), 'state');
const claim = { request: ID, attempt: 1, token: 't', worker: 'w' };

/** Resolves with the request whose claim was caught. */
async function caughtAt(point: 'before-claim' | 'after-claim'): Promise<string> {
  await ledgerOf(direct).accept(REQUEST);
  const { promise, resolve } = Promise.withResolvers<string>();
  proxy.arm(point, resolve);
  // It is never answered.
  ledgerOf(proxied)
    .claim(claim)
    .catch(() => undefined);
  return withDeadline(promise, `the trap ${point}`);
}

describe('a proxy before Redis', () => {
  it('passes on what comes and goes, large and small, pushes too', async () => {
    await ledgerOf(proxied).accept(REQUEST);
    const run = await ledgerOf(proxied).claim(claim);
    expect(run).toMatchObject({ kind: 'run', body: REQUEST.body });
    const subscriber = new Redis(`redis://127.0.0.1:${proxy.port}`);
    const heard = new Promise((resolve) => subscriber.on('message', (_, text) => resolve(text)));
    await subscriber.subscribe('news');
    await direct.publish('news', 'good');
    expect(await withDeadline(heard, 'the message')).toBe('good');
    subscriber.disconnect();
  });

  it('catches a claim before Redis has it', async () => {
    expect(await caughtAt('before-claim')).toBe(ID);
    expect(await stateOf()).toBe('waiting');
  });

  it('catches a claim after Redis has it', async () => {
    expect(await caughtAt('after-claim')).toBe(ID);
    expect(await stateOf()).toBe('running');
  });

  it('goes on for other connections, and after a trap was taken away', async () => {
    await caughtAt('before-claim');
    const other = new Redis(`redis://127.0.0.1:${proxy.port}`);
    expect(await ledgerOf(other).claim(claim)).toMatchObject({ kind: 'run' });
    proxy.arm('after-seal', () => undefined);
    proxy.disarm();
    const guard = { kind: 'epoch', epoch: 1 } as const;
    expect(await ledgerOf(other).seal({ request: ID, guard, outcome: { kind: 'completed' } })).toBe(true);
    other.disconnect();
  });
});
