import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import OpenAI from 'openai';
import { findFreePort } from '../../apps/cli/src/free-port.js';
import { Checkout } from '../support/checkout.js';
import type { Child } from '../support/child.js';
import { eventually } from '../support/client.js';
import { startRedis, type TestRedis } from '../support/redis.js';
import { answer, gated, modelList } from '../support/upstream-behaviours.js';
import { createGate } from '../support/upstream-gate.js';
import { startUpstream, type Upstream } from '../support/upstream.js';
import { ollamaAnswer } from '../support/wire/ollama-answers.js';
import { startOllama, type OllamaWire } from '../support/wire/ollama.js';

jest.setTimeout(120_000);

/** What a stopped box may take to be used again after its return, ms. */
const RETURN_MS = 60_000;

let checkout: Checkout;
let redis: TestRedis;
let box: OllamaWire;
let cloud: Upstream;
let port: number;

beforeAll(async () => {
  [checkout, redis, cloud] = await Promise.all([Checkout.make(), startRedis(), startUpstream()]);
  cloud.scriptModels(modelList('gpt-4o-mini'));
  cloud.otherwise(answer('from the cloud'));
});

beforeEach(async () => {
  await redis.flush();
  box = await startBox();
  port = await findFreePort();
});

afterEach(async () => {
  await checkout.reset();
  await box.close();
});

afterAll(async () => {
  await Promise.all([redis.stop(), cloud.close()]);
  await checkout.remove();
});

async function startBox(at = 0): Promise<OllamaWire> {
  const started = await startOllama({ 'llama3.2': {} }, { port: at });
  started.otherwise(ollamaAnswer('from the box'));
  return started;
}

/** What a machine with Ollama and a key has in its environment. */
function machine(): Record<string, string> {
  return {
    PORT: String(port),
    REDIS_URL: redis.url,
    OLLAMA_BASE_URL: box.baseUrl,
    OPENAI_API_KEY: 'sk-of-the-account',
    SPILLWAY_OPENAI_BASE_URL: cloud.baseUrl,
    OPENAI_BASE_URL: 'http://127.0.0.1:9/v1',
  };
}

async function up(env: Readonly<Record<string, string>>, cwd?: string): Promise<Child> {
  const child = checkout.spillway(['up'], { env, ...(cwd !== undefined && { cwd }) });
  await child.prints(/ready at [^]*curl -N [^]*\n\n/, 30_000);
  return child;
}

const client = () =>
  new OpenAI({ baseURL: `http://127.0.0.1:${port}/v1`, apiKey: 'anything', maxRetries: 0 });

/** One and the same call of the SDK: who answered it, and what. */
async function ask(model = 'llama3.2', extra: object = {}) {
  const messages = [{ role: 'user' as const, content: 'Hi' }];
  const { data, response } = await client()
    .chat.completions.create({ model, messages, ...extra })
    .withResponse();
  const of = (name: string) => response.headers.get(`x-spillway-${name}`);
  return {
    text: data.choices[0]?.message.content,
    by: `${of('provider')}/${of('model')}`,
    location: of('location'),
    attempts: of('attempts'),
  };
}

async function listed(): Promise<string[]> {
  const { data } = await client().models.list();
  return data.map(({ id }) => id);
}

const LOCAL = { text: 'from the box', by: 'ollama/llama3.2:latest', location: 'local', attempts: '1' };
const CLOUD = { text: 'from the cloud', by: 'openai/gpt-4o-mini', location: 'cloud' };

describe('a machine with a model server and a key, without a file', () => {
  it('answers from the box, from the cloud while it is stopped, and from the box again', async () => {
    const child = await up(machine());
    expect(child.output).toContain(`found ollama (local): answers at ${box.baseUrl} with 1 model`);
    expect(child.output).toContain('found openai (cloud): OPENAI_API_KEY is set');
    expect(child.output).toContain('"model":"llama3.2:latest"');
    expect(child.output).not.toContain('sk-of-the-account');
    expect(await ask()).toEqual(LOCAL);
    expect(cloud.calls).toHaveLength(0);

    const { port: address } = box;
    await box.close();
    expect(await ask()).toEqual({ ...CLOUD, attempts: '2' });
    await child.prints('the provider is away', 20_000);
    // Known to be away, it is not even tried.
    await eventually(
      async () => ((await ask()).attempts === '1' ? true : undefined),
      'a plan without it',
      20_000,
    );
    expect(await ask()).toEqual({ ...CLOUD, attempts: '1' });
    expect(await listed()).toContain('llama3.2:latest');
    const calls = cloud.calls.length;
    const localOnly = ask('llama3.2', { spillway: { localModelOnly: true } });
    // 503 while the box is known to be down, 502 where this is the call that tries it again.
    await expect(localOnly).rejects.toThrow(/^50[23] /);
    expect(cloud.calls).toHaveLength(calls);

    box = await startBox(address);
    const back = await eventually(
      async () => {
        const answered = await ask();
        return answered.location === 'local' ? answered : undefined;
      },
      'an answer of the box',
      RETURN_MS,
    );
    expect(back).toEqual(LOCAL);
  });

  it('keeps prompts at home when it is told to', async () => {
    await up({ ...machine(), SPILLWAY_CLOUD_FALLBACK: '0' });
    expect(await ask()).toEqual(LOCAL);
    const before = cloud.calls.length;
    await box.close();
    await expect(ask()).rejects.toMatchObject({ status: 502 });
    expect(cloud.calls).toHaveLength(before);
    expect(await ask('gpt-4o-mini')).toMatchObject(CLOUD);
  });

  it('has no model of an account without a key', async () => {
    const { OPENAI_API_KEY: _, ...keyless } = machine();
    await up(keyless);
    expect(await ask()).toEqual(LOCAL);
    await expect(ask('gpt-4o-mini')).rejects.toMatchObject({ status: 404, code: 'model_not_found' });
  });
});

describe('a bare machine', () => {
  it('has the demo, until a model server is started', async () => {
    const { port: address } = box;
    await box.close();
    const child = await up({ PORT: String(port), REDIS_URL: redis.url, OLLAMA_BASE_URL: urlAt(address) });
    expect(child.output).toContain('found no model server and no API key: the built-in demo answers');
    expect(await ask()).toMatchObject({ by: 'demo/demo' });
    box = await startBox(address);
    await child.prints('found a provider', 20_000);
    await eventually(
      async () => ((await listed()).includes('demo') ? undefined : true),
      'an end of the demo',
      20_000,
    );
    expect(await listed()).toEqual(['llama3.2:latest']);
    expect(await ask()).toEqual(LOCAL);
  });

  it('does not take itself for a model server', async () => {
    await up({ PORT: String(port), REDIS_URL: redis.url, VLLM_BASE_URL: urlAt(port) });
    expect(await listed()).toContain('demo');
    const { output } = await checkout.run(['check'], { env: { VLLM_BASE_URL: urlAt(port) } });
    expect(output).toContain('found no model server and no API key');
  });
});

function urlAt(at: number): string {
  return `http://127.0.0.1:${at}/v1`;
}

describe('./spillway init, check, status and chat', () => {
  let cwd: string;

  beforeEach(async () => {
    cwd = path.join(checkout.folder, `here ${port}`);
    await mkdir(cwd);
  });

  it('writes a file that passes check and serves the same, and overwrites none', async () => {
    const env = machine();
    const { status, output } = await checkout.run(['init'], { env, cwd });
    expect({ status, output }).toMatchObject({ status: 0 });
    expect(output).toContain('found ollama (local)');
    const text = await readFile(path.join(cwd, 'spillway.yaml'), 'utf8');
    expect(text).toContain('apiKey: ${OPENAI_API_KEY}');
    expect(text + output).not.toContain('sk-of-the-account');

    const again = await checkout.run(['init'], { env, cwd });
    expect(again.status).toBe(1);
    expect(again.output).toMatch(
      /^spillway: .*spillway\.yaml exists; \.\/spillway init --force overwrites it\n$/,
    );
    expect(await checkout.run(['init', '--force'], { env, cwd })).toMatchObject({ status: 0 });

    const check = await checkout.run(['check'], { env, cwd });
    expect(check.status).toBe(0);
    expect(check.output).toMatch(/^spillway\.yaml: no problems\n/);

    await up(env, cwd);
    expect(await ask('default')).toEqual(LOCAL);
    expect(await ask()).toEqual(LOCAL);
    await box.close();
    expect(await ask('default')).toEqual({ ...CLOUD, attempts: '2' });
    expect(await ask()).toEqual({ ...CLOUD, attempts: '2' });
  });

  it('shows workers, providers and queues, for people and for machines', async () => {
    const env = machine();
    const child = await up(env);
    const gate = createGate();
    box.otherwise(gated(gate, ollamaAnswer('late')));
    const answers = Array.from({ length: 6 }, () => ask());
    await box.waitForCall(4);
    const rows = await eventually(
      async () => {
        const { output } = await checkout.run(['status'], { env });
        return /4 running, 2 waiting/.test(output) ? output : undefined;
      },
      'a status with all six',
      20_000,
    );
    expect(rows).toMatch(/^provider +location +workers +health +models +running +waiting +oldest$/m);
    expect(rows).toMatch(/^ollama +local +1 +ok +1, [01] loaded +4 of 4 +2 +\d+ s$/m);
    expect(rows).toMatch(/^openai +cloud +1 +ok +1 +0 of 64 +0 +-$/m);
    expect(rows).toMatch(/^worker-\S+ +\d+ (s|min) +ollama, openai$/m);
    const json = await checkout.run(['status', '--json'], { env });
    expect(json.status).toBe(0);
    const status = JSON.parse(json.output) as {
      providers: { name: string; waiting: number; running: number }[];
    };
    expect(status.providers).toMatchObject([
      { name: 'ollama', waiting: 2, running: 4 },
      { name: 'openai', waiting: 0, running: 0 },
    ]);
    gate.open();
    await Promise.all(answers);
    expect(await child.end('SIGINT')).toBe(0);
  });

  it('says in one line that nothing runs, or that Redis is away', async () => {
    const { status, output } = await checkout.run(['status'], { env: { REDIS_URL: redis.url } });
    expect(status).toBe(1);
    expect(output).toMatch(/^spillway: nothing runs: no worker has a heartbeat in .*\n$/);
    const nobody = `redis://127.0.0.1:${await findFreePort()}`;
    const away = await checkout.run(['status'], { env: { REDIS_URL: nobody } });
    expect(away.status).toBe(1);
    expect(away.output).toMatch(/^spillway: Redis does not answer .*\.\/spillway up.*\n$/);
  });

  it('streams an answer and says who gave it', async () => {
    const env = machine();
    await up(env);
    const { status, output } = await checkout.run(['chat', 'hello'], { env });
    expect({ status, output }).toMatchObject({ status: 0 });
    expect(output).toContain('from the box\n');
    expect(output).toMatch(
      /spillway: llama3\.2:latest: answered by ollama\/llama3\.2:latest \(local\), 1 attempt, \d+ ms in the queue/,
    );
    const other = await checkout.run(['chat', '--model', 'gpt-4o-mini', 'hello'], { env });
    expect(other.output).toContain('from the cloud\n');
    const unknown = await checkout.run(['chat', '--model', 'nope', 'hello'], { env });
    expect(unknown.status).toBe(1);
    expect(unknown.output).toMatch(
      /^spillway: the api answered 404: The model nope is not available here.*\n$/,
    );
  });

  it('says in one line that there is no api to chat with', async () => {
    const { status, output } = await checkout.run(['chat', 'hello'], { env: { PORT: String(port) } });
    expect(status).toBe(1);
    expect(output).toMatch(/^spillway: no api answers at http:\/\/127\.0\.0\.1:\d+ .*\.\/spillway up.*\n$/);
  });
});
