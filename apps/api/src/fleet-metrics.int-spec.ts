import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Redis } from 'ioredis';
import { beat } from '#broker/fleet-watch.js';
import { Keys } from '#broker/keys.js';
import { Ledger } from '#broker/ledger.js';
import type { CredentialState } from '#core/fleet.js';
import { eventually, fetchAnswer, send } from '../../../test/support/client.js';
import { startRedis, type TestRedis } from '../../../test/support/redis.js';
import { HandWorker } from './testing/hand-worker.js';
import { startTestApi, type TestApi } from './testing/test-api.js';

jest.setTimeout(40_000);

let server: TestRedis;
let redis: Redis;
let api: TestApi;
let box: HandWorker;
const keys = new Keys('fleet', 1);

beforeAll(async () => {
  server = await startRedis();
  redis = new Redis(server.url);
  const keyspace = { url: server.url, prefix: 'fleet' };
  api = await startTestApi({ redis: keyspace });
  box = new HandWorker(keyspace, 'box');
});

afterAll(async () => {
  await box.close();
  await api.close();
  redis.disconnect();
  await server.stop();
});

/** Resolves once the metrics say all of this. */
async function metricsSay(...lines: readonly string[]): Promise<true> {
  return eventually(async () => {
    const text = (await fetchAnswer(`${api.url}/metrics`)).text.split('\n');
    return lines.every((line) => text.includes(line)) || undefined;
  }, lines.join(', '));
}

/** The heartbeat of a worker that serves these. */
async function announce(credentials: Readonly<Record<string, CredentialState>>): Promise<void> {
  const provider = { kind: 'x', location: 'cloud', concurrency: 1, models: [] } as const;
  const providers = Object.entries(credentials).map(([name, credential]) => ({
    ...provider,
    name,
    credential,
  }));
  await beat(redis, keys, { v: 1, worker: 'w', pid: 1, startedAt: Date.now(), providers });
}

const body = { model: 'm', messages: [{ role: 'user', content: 'x' }] };

describe('the metrics of what all processes share', () => {
  it('tell breakers, cool-downs and credentials of every provider', async () => {
    await announce({ box: 'ok', cloud: 'ok', account: 'rejected' });
    expect(
      await metricsSay(
        'spillway_provider_credential_ok{provider="box"} 1',
        'spillway_provider_credential_ok{provider="account"} 0',
        'spillway_provider_breaker_open{provider="box"} 0',
        'spillway_provider_cooling_targets{provider="account"} 0',
      ),
    ).toBe(true);
    const until = Date.now() + 60_000;
    const open = { v: 1, faults: 5, answeredAt: 0, open: { until, forMs: 60_000 } };
    await redis.hset(keys.health, {
      box: JSON.stringify(open),
      'account/a': JSON.stringify({ v: 1, until, nextMs: 1_000 }),
      'account/b/c': JSON.stringify({ v: 1, until, nextMs: 1_000 }),
    });
    expect(
      await metricsSay(
        'spillway_provider_breaker_open{provider="box"} 1',
        'spillway_provider_breaker_open{provider="account"} 0',
        'spillway_provider_cooling_targets{provider="account"} 2',
        'spillway_provider_cooling_targets{provider="box"} 0',
      ),
    ).toBe(true);
    await redis.del(keys.health);
    expect(
      await metricsSay(
        'spillway_provider_breaker_open{provider="box"} 0',
        'spillway_provider_cooling_targets{provider="account"} 0',
      ),
    ).toBe(true);
  });

  it('count dead letters', async () => {
    expect(await metricsSay('spillway_dead_letters 0')).toBe(true);
    await redis.xadd(keys.shard(0).dead, '*', 'v', '1', 'request', 'x');
    expect(await metricsSay('spillway_dead_letters 1')).toBe(true);
  });

  it('count each attempt of a request by its provider', async () => {
    await announce({ box: 'ok', cloud: 'ok' });
    expect(await metricsSay('spillway_provider_credential_ok{provider="cloud"} 1')).toBe(true);
    const call = send(`${api.url}/v1/chat/completions`, { body });
    const first = await box.next();
    const { request, claim } = first;
    const ledger = new Ledger(redis, keys);
    const at = { v: 1, provider: 'box', model: 'meta/m', location: 'local', phase: 'headers' };
    const record = JSON.stringify({ ...at, category: 'fault', reason: '503', code: 'upstream_error' });
    await ledger.next({ request, guard: { kind: 'epoch', epoch: claim.epoch }, target: 1, record });
    first.done();
    const again = await ledger.claim({ request, attempt: 2, token: randomUUID(), worker: 'by-hand' });
    if (again.kind !== 'run') throw new Error(again.kind);
    const guard = { kind: 'epoch', epoch: again.epoch } as const;
    const last = { seq: 1, bytes: Buffer.from('{}') };
    await ledger.seal({ request, guard, outcome: { kind: 'completed' }, last });
    expect((await call.answer()).status).toBe(200);
    expect(
      await metricsSay(
        'spillway_attempts_total{provider="box",outcome="fault"} 1',
        'spillway_attempts_total{provider="cloud",outcome="ok"} 1',
      ),
    ).toBe(true);
    expect(JSON.stringify(api.logged())).not.toContain('"made"');
  });

  it('have the names that the documents tell', async () => {
    const { text } = await fetchAnswer(`${api.url}/metrics`);
    const names = new Set([...text.matchAll(/^# HELP (spillway_\w+) /gm)].map(([, name]) => name));
    const table = await readFile('docs/api.md', 'utf8');
    const told = [...table.matchAll(/^\| `(spillway_\w+)` /gm)].map(([, name]) => name);
    expect(new Set(told)).toEqual(names);
    const alarms = [...(await readFile('docs/operations.md', 'utf8')).matchAll(/\bspillway_\w+/g)];
    expect(alarms.length).toBeGreaterThan(5);
    expect(alarms.filter(([name]) => !names.has(name))).toEqual([]);
  });
});
