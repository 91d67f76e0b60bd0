import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { stringify } from 'yaml';
import { findFreePort } from '../../apps/cli/src/free-port.js';
import type { Child } from '../support/child.js';
import { eventually, fetchAnswer, waitForModel } from '../support/client.js';
import { asUser, writeUsers } from '../support/redis-users.js';
import { startRedis, type TestRedis } from '../support/redis.js';
import { TestBroker } from '../support/start-broker.js';
import { modelList } from '../support/upstream-behaviours.js';
import { startUpstream, type Upstream } from '../support/upstream.js';

/** A certificate for loopback, valid for a century; its key protects nothing. */
const CERTIFICATE = path.resolve('test/support/tls/redis-cert.pem');
const KEY = path.resolve('test/support/tls/redis-key.pem');

/** A heartbeat is good for 15 s; the api looks once a second. */
const LEAVES_MS = 20_000;

let directory: string;
let redis: TestRedis;
let tlsUrl: string;
let upstream: Upstream;
let broker: TestBroker;

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'spillway-remote-'));
  const users = path.join(directory, 'users.acl');
  writeUsers(users);
  const tlsPort = await findFreePort();
  const tls = ['--tls-port', String(tlsPort), '--tls-cert-file', CERTIFICATE, '--tls-key-file', KEY];
  redis = await startRedis({
    args: [...tls, '--tls-ca-cert-file', CERTIFICATE, '--tls-auth-clients', 'no', '--aclfile', users],
  });
  tlsUrl = asUser(`rediss://127.0.0.1:${tlsPort}`, 'spillway-worker');
  upstream = await startUpstream();
  upstream.scriptModels(modelList('qwen3'));
  // The api's file knows no provider at all.
  broker = await TestBroker.start({ config: { timeouts: { totalMs: 10_000 } }, redis, workers: 0 });
}, 40_000);

afterAll(async () => {
  await broker?.stop();
  await upstream?.close();
  await redis?.stop();
  await rm(directory, { recursive: true, force: true });
});

/** As on another host: a file with nothing but `redis` and `providers`, over TLS, as the worker's own user. */
async function startRemoteWorker(url = tlsUrl): Promise<Child> {
  const file = path.join(directory, 'worker.yaml');
  const box = { kind: 'openai-compatible', location: 'local', baseUrl: upstream.baseUrl };
  await writeFile(file, stringify({ redis: { url }, providers: { 'gpu-box': box } }));
  const env = { SPILLWAY_CONFIG: file, REDIS_URL: '', NODE_EXTRA_CA_CERTS: CERTIFICATE };
  return broker.startWorker(env, { ready: false });
}

async function offered(): Promise<string[]> {
  const { text } = await fetchAnswer(`${broker.url}/v1/models`);
  return (JSON.parse(text) as { data: { id: string }[] }).data.map(({ id }) => id);
}

describe('a worker on another host', () => {
  it('brings its models with it, serves them, and takes them along when it leaves', async () => {
    const worker = await startRemoteWorker();
    await waitForModel(broker.url, 'qwen3');
    const answer = await fetchAnswer(`${broker.url}/v1/chat/completions`, {
      body: { model: 'qwen3', messages: [{ role: 'user', content: 'Hello' }] },
    });
    expect(answer.status).toBe(200);
    expect(answer.headers).toMatchObject({
      'x-spillway-provider': 'gpu-box',
      'x-spillway-location': 'local',
    });
    expect(await worker.end()).toBe(0);
    const gone = async () => ((await offered()).includes('qwen3') ? undefined : true);
    expect(await eventually(gone, 'the model to leave', LEAVES_MS)).toBe(true);
  }, 60_000);

  it('says at once that Redis refuses its user', async () => {
    const worker = await startRemoteWorker(tlsUrl.replace(/spillway-worker:[^@]*/, 'spillway-worker:wrong'));
    expect(await worker.exited).toBe(1);
    expect(worker.output).toMatch(/refuses our user \(WRONGPASS/);
    expect(worker.output).not.toContain('wrong@');
  }, 30_000);
});
