import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import path from 'node:path';
import { findFreePort } from '../../apps/cli/src/free-port.js';
import { Checkout } from '../support/checkout.js';
import { Child } from '../support/child.js';
import { startRedis, type TestRedis } from '../support/redis.js';
import { status } from '../support/upstream-behaviours.js';
import { startUpstream } from '../support/upstream.js';

jest.setTimeout(90_000);

let checkout: Checkout;
let redis: TestRedis;

beforeAll(async () => {
  [checkout, redis] = await Promise.all([Checkout.make(), startRedis()]);
});

afterEach(() => checkout.reset());

afterAll(async () => {
  await redis.stop();
  await checkout.remove();
});

/** `up` on the Redis of this file, until it is ready. */
async function up(env: Readonly<Record<string, string>> = {}): Promise<{ child: Child; port: number }> {
  const port = await findFreePort();
  const child = checkout.spillway(['up'], { env: { PORT: String(port), REDIS_URL: redis.url, ...env } });
  await child.prints(/ready at [^]*curl -N [^]*\n\n/, 30_000);
  return { child, port };
}

/** Runs the curl that was printed, as a reader would, and answers with what it printed. */
async function pasteCurl({ output }: Child, env: Readonly<Record<string, string>> = {}): Promise<string> {
  const [, command] = /^(curl -N [^]*?)\n\n/m.exec(output) ?? [];
  if (command === undefined) throw new Error(`There is no curl in:\n${output}`);
  const script = command.replace('curl -N', 'curl -sS -N --max-time 20');
  const curl = Child.start('curl', '/bin/sh', ['-c', script], { env });
  expect(await curl.exited).toBe(0);
  return curl.output;
}

/** The text of the chunks of a stream. */
function textOf(stream: string): string {
  const chunks = [...stream.matchAll(/^data: (\{.*\})$/gm)].map(
    ([, json = '']) => JSON.parse(json) as { choices: { delta: { content?: string } }[] },
  );
  return chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('');
}

async function answers(port: number): Promise<boolean> {
  return fetch(`http://127.0.0.1:${port}/healthz`).then(
    (response) => response.ok,
    () => false,
  );
}

async function occupy(port: number): Promise<Server> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return server;
}

describe('./spillway up', () => {
  it('starts everything on a machine without a configuration, prints a curl that streams, and stops all of it', async () => {
    const port = await findFreePort();
    const child = checkout.spillway(['up'], { env: { PORT: String(port) } });
    await child.prints(/ready at [^]*curl -N [^]*\n\n/, 30_000);
    expect(child.output).toMatch(/^spillway: Redis: .+/m);
    const answer = await pasteCurl(child);
    expect(textOf(answer)).toMatch(/hello/i);
    expect(answer).toMatch(/\ndata: \[DONE\]\n\n$/);
    child.signal('SIGINT');
    expect(await child.exited).toBe(0); // 'close': api and worker hold its output open, so they have ended, too
    expect(await answers(port)).toBe(false);
    const [, own] = /on 127\.0\.0\.1:(\d+), data in /.exec(child.output) ?? [];
    if (own !== undefined) (await occupy(Number(own))).close();
  });

  it('names a key of the configuration in the curl, and a model that costs nothing; it prints no key', async () => {
    const config = {
      providers: {
        box: { kind: 'demo' },
        account: {
          kind: 'openai-compatible',
          location: 'cloud',
          baseUrl: 'http://127.0.0.1:9/v1',
          models: ['x'],
        },
      },
      models: {
        'costs-money': { targets: [{ provider: 'account', model: 'x' }] },
        'my-model': { targets: [{ provider: 'box', model: 'demo' }] },
      },
      applications: { web: { apiKeys: ['${WEB_KEY}'] } },
    };
    await checkout.configure(config);
    const WEB_KEY = `it's-a-key`;
    const { child, port } = await up({ WEB_KEY });
    expect(child.output).toContain('"model":"my-model"');
    expect(child.output).not.toContain(WEB_KEY);
    expect(await pasteCurl(child, { WEB_KEY })).toContain('[DONE]');
    const refused = await fetch(`http://127.0.0.1:${port}/v1/models`);
    expect(refused.status).toBe(401);
  });

  it('says at once what is wrong with a provider, and so does status', async () => {
    const upstream = await startUpstream();
    upstream.scriptModels(status(401));
    const cloud = { kind: 'openai-compatible', location: 'cloud', apiKey: 'a-wrong-key' };
    const nowhere = `http://127.0.0.1:${await findFreePort()}/v1`;
    await checkout.configure({
      providers: {
        refuses: { ...cloud, baseUrl: upstream.baseUrl },
        away: { kind: 'openai-compatible', location: 'local', baseUrl: nowhere },
        well: { kind: 'demo' },
      },
    });
    const { child } = await up();
    await upstream.close();
    const refuses = /^(spillway: )?refuses: it refuses our credential/m;
    const fails = /^(spillway: )?away: its calls fail \(nobody answers at its address\)/m;
    for (const text of [refuses, fails]) expect(child.output).toMatch(text);
    expect(child.output).toMatch(/"level":50,.*"provider":"refuses".*"msg":"the provider refuses our cred/);
    expect(child.output).toMatch(/"level":40,.*"provider":"away".*"msg":"the provider fails/);
    const shown = await checkout.run(['status'], { env: { REDIS_URL: redis.url } });
    for (const text of [refuses, fails]) expect(shown.output).toMatch(text);
    expect(shown.output).toMatch(/^refuses +cloud +1 +credential rejected /m);
    expect(shown.output).toMatch(/^away +local +1 +failing, \d+ s ago /m);
    expect(shown.output).not.toMatch(/^well:/m);
  });

  it('starts a dead worker and a dead api again', async () => {
    const { child, port } = await up();
    process.kill(await childOf(child.pid, '/worker/src/main.js'), 'SIGKILL');
    await child.prints(
      /worker ended by SIGKILL; starting it again in 0\.5 s[^]*"msg":"worker is ready"/,
      30_000,
    );
    expect(await pasteCurl(child)).toContain('[DONE]');
    const api = await childOf(child.pid, '/api/src/main.js');
    process.kill(api, 'SIGKILL');
    await child.prints(/api ended by SIGKILL; starting it again in 0\.5 s[^]*api: listening/, 30_000);
    expect(await answers(port)).toBe(true);
    expect(await pasteCurl(child)).toContain('[DONE]');
  });

  it('runs twice at once on two ports, and each stops only what it started', async () => {
    const start = async () => {
      const port = await findFreePort();
      const child = checkout.spillway(['up'], { env: { PORT: String(port) } });
      await child.prints(/ready at [^]*curl -N [^]*\n\n/, 30_000);
      return { child, port };
    };
    const [first, second] = [await start(), await start()];
    expect(textOf(await pasteCurl(first.child))).toMatch(/hello/i);
    first.child.signal('SIGINT');
    expect(await first.child.exited).toBe(0);
    expect(await answers(first.port)).toBe(false);
    expect(textOf(await pasteCurl(second.child))).toMatch(/hello/i);
  });

  it('is found by a worker that is started beside it, with the Redis that it started', async () => {
    const port = await findFreePort();
    const child = checkout.spillway(['up'], { env: { PORT: String(port) } });
    await child.prints(/ready at [^]*curl -N [^]*\n\n/, 30_000);
    const [, own] = /on 127\.0\.0\.1:(\d+), data in /.exec(child.output) ?? [];
    const worker = checkout.spillway(['worker'], { env: own === undefined ? {} : { PORT: String(port) } });
    await worker.prints('worker is ready');
    // Where a Redis of the machine was used, there is nothing to find.
    const found = own === undefined ? '' : `the one of ./spillway up, redis://127.0.0.1:${own}`;
    expect(worker.output).toContain(found);
    const status = await checkout.run(['status'], { env: { PORT: String(port) } });
    expect(status.output).toContain('2 workers');
  });

  it('drains on the first Ctrl-C, and ends at once on the second', async () => {
    const { child, port } = await up();
    const body = { model: 'demo-slow', stream: true, messages: [{ role: 'user', content: 'x' }] };
    const answer = await fetch(`http://127.0.0.1:${port}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    expect(answer.status).toBe(200); // its first output is there, and more is to come
    child.signal('SIGINT');
    await child.prints('draining');
    expect(child.isRunning).toBe(true);
    child.signal('SIGINT');
    expect(await child.exited).toBe(0);
    await expect(answer.text()).rejects.toThrow('terminated'); // cut off, not finished
  });

  it('leaves nothing behind when it is killed itself', async () => {
    const { child, port } = await up();
    child.signal('SIGKILL');
    await child.exited; // 'close': the end of the last process that holds its output
    expect(await answers(port)).toBe(false);
  });

  it('says in one line that the port is taken, before it starts anything', async () => {
    const port = await findFreePort();
    const other = await occupy(port);
    const { status, output } = await checkout.run(['up'], {
      env: { PORT: String(port), REDIS_URL: redis.url },
    });
    other.close();
    expect(status).toBe(1);
    expect(output).toBe(
      `spillway: port ${port} of 127.0.0.1 is taken. Stop what uses it, or choose another: PORT=${port + 1} ./spillway up\n`,
    );
  });

  it('says in one line that the Redis asked for is not there, or forgets', async () => {
    const PORT = String(await findFreePort());
    const nobody = `redis://127.0.0.1:${await findFreePort()}`;
    const away = await checkout.run(['up'], { env: { PORT, REDIS_URL: nobody } });
    expect(away.status).toBe(1);
    expect(away.output).toMatch(/^spillway: Redis at \S+ does not answer\. Start it, or .*\n$/);
    const volatile = await startRedis({ args: ['--appendonly', 'no'] });
    const forgets = await checkout.run(['up'], { env: { PORT, REDIS_URL: volatile.url } });
    await volatile.stop();
    expect(forgets.status).toBe(1);
    expect(forgets.output).toMatch(/^spillway: Redis at .*appendonly yes.*SPILLWAY_ALLOW_VOLATILE=1.*\n$/);
  });

  it('gives up on a process that cannot start, with its own words', async () => {
    const main = path.join(checkout.root, 'dist/apps/worker/src/main.js');
    const text = await readFile(main, 'utf8');
    await writeFile(main, `process.stderr.write('no luck today\\n'); process.exit(7);\n`);
    try {
      const PORT = String(await findFreePort());
      const { status, output } = await checkout.run(['up'], { env: { PORT, REDIS_URL: redis.url } });
      expect(status).toBe(1);
      expect(output).toContain('no luck today');
      expect(output).toContain('worker ended with status 7; starting it again in 0.5 s');
      expect(output).toMatch(/spillway: the worker process ended 3 times in a row; .*\n$/);
      expect(await answers(Number(PORT))).toBe(false);
    } finally {
      await writeFile(main, text);
    }
  });
});

/** The child process of `parent` whose command line holds this. */
async function childOf(parent: number, program: string): Promise<number> {
  const child = Child.start('ps', 'ps', ['-A', '-o', 'pid=,ppid=,args=']);
  await child.exited;
  const rows = child.output.split('\n').map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line));
  const row = rows.find((each) => each?.[2] === String(parent) && each[3]?.includes(program));
  if (!row) throw new Error(`Process ${parent} has no child ${program}.`);
  return Number(row[1]);
}
