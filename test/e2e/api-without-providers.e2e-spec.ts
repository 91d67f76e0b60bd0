import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/client.js';
import { TestBroker } from '../support/start-broker.js';
import { startUpstream, type Upstream } from '../support/upstream.js';

const TRACER = path.resolve('test/support/trace-process.ts');

/** Code that calls upstreams: ours, and the packages that only it uses. */
const PROVIDER_CODE = /\/libs\/providers\/|\/node_modules\/(@ai-sdk|undici|eventsource-parser)\//;

let upstream: Upstream;
let broker: TestBroker;
let folder: string;
let url: string;

const traceOf = (name: string) => path.join(folder, name);

function traced(name: string): Record<string, string> {
  return { NODE_OPTIONS: `--import ${TRACER}`, TRACE_FILE: traceOf(name) };
}

async function readTrace(name: string): Promise<{ modules: string[]; secrets: string[] }> {
  const lines = (await readFile(traceOf(name), 'utf8')).trim().split('\n');
  const of = (kind: string) =>
    lines.filter((line) => line.startsWith(`${kind} `)).map((line) => line.slice(kind.length + 1));
  return { modules: of('module'), secrets: of('secret') };
}

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'spillway-trace-'));
  upstream = await startUpstream();
  broker = await TestBroker.start({
    config: {
      providers: {
        groq: { preset: 'groq' },
        other: { preset: 'openai', headers: { 'x-team': '${TEAM_SECRET}' } },
        box: { preset: 'vllm', optional: true },
        demo: { kind: 'demo' },
      },
      models: { m: { targets: [{ provider: 'groq' }, { provider: 'other' }] } },
      applications: { web: { apiKeys: ['${WEB_KEY}'] } },
    },
    env: {
      ...{ GROQ_API_KEY: 'k-1', OPENAI_API_KEY: 'k-2', VLLM_API_KEY: 'k-3', TEAM_SECRET: 'k-4' },
      ...{ WEB_KEY: 'web-key', VLLM_BASE_URL: upstream.baseUrl },
      ...{ SPILLWAY_GROQ_BASE_URL: upstream.baseUrl, SPILLWAY_OPENAI_BASE_URL: upstream.baseUrl },
    },
    ...{ apis: 0, workers: 0 },
  });
  const [api] = await Promise.all([broker.startApi(traced('api')), broker.startWorker(traced('worker'))]);
  url = api.url;
}, 30_000);

afterAll(async () => {
  await broker?.stop();
  await upstream?.close();
  await rm(folder, { recursive: true, force: true });
});

async function call(route: string, body?: object): Promise<number> {
  const answer = await fetch(`${url}${route}`, {
    headers: { authorization: 'Bearer web-key', 'content-type': 'application/json' },
    ...(body && { method: 'POST', body: JSON.stringify(body) }),
  });
  await answer.text();
  return answer.status;
}

describe('the process of the api', () => {
  it('loads no code of a provider and resolves no credential of one, while it does all that it does', async () => {
    const messages = [{ role: 'user', content: 'Hi' }];
    await eventually(
      async () => ((await call('/v1/models/upstream-model')) === 200 ? true : undefined),
      'a model that a worker announces',
    );
    expect(await call('/v1/chat/completions', { model: 'm', messages })).toBe(200);
    expect(await call('/v1/chat/completions', { model: 'm', messages, stream: true })).toBe(200);
    expect(await call('/v1/chat/completions', { model: 'box/no', messages })).toBe(200);
    expect(await call('/v1/models')).toBe(200);
    expect(await call('/metrics')).toBe(200);

    const { modules, secrets } = await readTrace('api');
    expect(modules.filter((module) => PROVIDER_CODE.test(module))).toEqual([]);
    // It was looked at from its first module, and with its secret paths in view.
    expect(modules.some((module) => module.endsWith('/apps/api/src/main.js'))).toBe(true);
    expect(modules.length).toBeGreaterThan(100);
    expect([...new Set(secrets)]).toEqual(['WEB_KEY']);
  });

  it('leaves both to the worker, in whose trace they are', async () => {
    const { modules, secrets } = await readTrace('worker');
    for (const part of ['/libs/providers/src/create-provider.js', '/node_modules/undici/']) {
      expect(modules.filter((module) => module.includes(part))).not.toEqual([]);
    }
    const resolved = ['GROQ_API_KEY', 'OPENAI_API_KEY', 'TEAM_SECRET', 'VLLM_API_KEY'];
    expect([...new Set(secrets)].toSorted()).toEqual(resolved);
  });
});
