import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { createServer } from 'node:net';
import type { Server } from 'node:net';
import { mkdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { findFreePort } from '../../apps/cli/src/free-port.js';
import { Checkout } from '../support/checkout.js';
import { Child } from '../support/child.js';
import { startRedis } from '../support/redis.js';
import type { TestRedis } from '../support/redis.js';

jest.setTimeout(90_000);

let checkout: Checkout;
let redis: TestRedis;

beforeAll(async () => {
  [checkout, redis] = await Promise.all([Checkout.make(), startRedis()]);
});

afterAll(async () => {
  await redis.stop();
  await checkout.remove();
});

const running: Child[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map((child) => child.end('SIGKILL')));
  await rm(path.join(checkout.root, 'spillway.yaml'), { force: true });
});

type Options = Parameters<Checkout['spillway']>[1];

function spillway(args: readonly string[], options?: Options): Child {
  const child = checkout.spillway(args, options);
  running.push(child);
  return child;
}

/** Runs it to its end. */
async function ended(
  args: readonly string[],
  options?: Options,
): Promise<{ status: number | null; output: string }> {
  const child = spillway(args, options);
  const status = await child.exited;
  return { status, output: child.output };
}

/** `up` on the Redis of this file, until it is ready. */
async function up(env: Readonly<Record<string, string>> = {}): Promise<{ child: Child; port: number }> {
  const port = await findFreePort();
  const child = spillway(['up'], { env: { PORT: String(port), REDIS_URL: redis.url, ...env } });
  await child.prints(/ready at [^]*curl -N [^]*\n\n/, 30_000);
  return { child, port };
}

/** Runs the curl that was printed, as a reader would, and answers with what it printed. */
async function pasteCurl({ output }: Child): Promise<string> {
  const [, command] = /^(curl -N [^]*?)\n\n/m.exec(output) ?? [];
  if (command === undefined) throw new Error(`There is no curl in:\n${output}`);
  const curl = Child.start('curl', '/bin/sh', [
    '-c',
    command.replace('curl -N', 'curl -sS -N --max-time 20'),
  ]);
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

describe('./spillway', () => {
  it('explains itself with nothing on PATH but what every system has', async () => {
    const { status, output } = await ended(['help'], { env: { PATH: '/usr/bin:/bin' } });
    expect(status).toBe(0);
    for (const command of ['up', 'api', 'worker', 'check', 'test'])
      expect(output).toContain(`./spillway ${command}`);
  });

  it('refuses a command and an option that it does not have', async () => {
    expect(await ended(['upp'])).toEqual({ status: 2, output: expect.stringContaining('no command "upp"') });
    const { status, output } = await ended(['up', '--port', '1']);
    expect(status).toBe(1);
    expect(output).toMatch(/^spillway: Unknown option '--port'/);
    expect(output).not.toContain(' at ');
  });

  it('works through a symbolic link, and finds the configuration beside itself', async () => {
    const link = path.join(checkout.folder, 'link');
    await symlink('spill way/spillway', link);
    await writeFile(path.join(checkout.root, 'spillway.yaml'), 'providers: { here: { kind: demo } }\n');
    const child = Child.start('link', link, ['check'], {
      env: { PATH: `${path.join(checkout.root, 'bin')}:/usr/bin:/bin` },
    });
    expect(await child.exited).toBe(0);
    expect(child.output).toContain('here (demo, local');
  });

  it('prints every problem of the configuration with its line', async () => {
    const cwd = path.join(checkout.folder, 'elsewhere');
    await mkdir(cwd, { recursive: true });
    const lines = [
      'server: { prot: 1 }',
      'providers:',
      '  a: { kind: demo }',
      'models:',
      '  m: { targets: [{ provider: b }] }',
    ];
    await writeFile(path.join(cwd, 'mine.yaml'), `${lines.join('\n')}\n`);
    const { status, output } = await ended(['check'], { cwd, env: { SPILLWAY_CONFIG: 'mine.yaml' } });
    expect(status).toBe(1);
    expect(output).toMatch(/^mine\.yaml:1: /m);
    expect(output).toMatch(/^mine\.yaml:5: models\.m\.targets\[0\]\.provider: /m);
    expect(output).toMatch(/^2 problems$/m);
    const upOutput = await ended(['up'], { cwd, env: { SPILLWAY_CONFIG: 'mine.yaml' } });
    expect(upOutput.status).toBe(1);
    expect(upOutput.output).toMatch(/^mine\.yaml:5: /m);
  });

  it('fetches Node where the one on PATH is too old, and keeps it', async () => {
    const folder = `.cache/node/node_modules/node-${process.platform}-${process.arch}/bin`;
    const old = path.join(checkout.root, 'old');
    await mkdir(old, { recursive: true });
    const fetched = `mkdir -p '${folder}' && ln -sf '${process.execPath}' '${folder}/node'`;
    await writeFile(path.join(old, 'node'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
    await writeFile(
      path.join(old, 'npm'),
      `#!/bin/sh\necho "npm was called: $*"\ncd '${checkout.root}' && ${fetched}\n`,
      { mode: 0o755 },
    );
    const env = { PATH: `${old}:/usr/bin:/bin` };
    const first = await ended(['check'], { env });
    expect(first.output).toMatch(/npm was called: install .*--ignore-scripts.* node-\w+-\w+@24\.\d+\.\d+/);
    expect(first.status).toBe(0);
    const isTheSame = process.version === /@(\d+\.\d+\.\d+)$/m.exec(first.output)?.[1]?.replace(/^/, 'v');
    const second = await ended(['check'], { env });
    expect(second.status).toBe(0);
    expect(second.output.includes('npm was called')).toBe(!isTheSame);
    await rm(path.join(checkout.root, '.cache/node'), { recursive: true });
  });

  it('installs when the lock is newer than the installed packages', async () => {
    const lock = path.join(checkout.root, 'package-lock.json');
    const before = new Date(1_000_000_000_000);
    await utimes(lock, before, before);
    expect((await ended(['check'])).output).not.toMatch(/npm was called|building/);
    const later = new Date(Date.now() + 60_000);
    await utimes(lock, later, later);
    const { status, output } = await ended(['check']);
    expect(status).toBe(0);
    expect(output).toMatch(/npm was called: ci .*--ignore-scripts/);
    await utimes(lock, before, before);
    expect((await ended(['check'])).output).not.toMatch(/npm was called|building/);
  });

  it('builds when a source is newer than the last build, and does not go on with one that failed', async () => {
    const bad = path.join(checkout.root, 'apps/cli/src/bad.ts');
    await writeFile(bad, 'export const bad: number = "text";\n');
    try {
      const { status, output } = await ended(['check']);
      expect(status).toBe(1);
      expect(output).toMatch(/bad\.ts.*TS2322/);
      expect(output).toContain('spillway: the build failed');
    } finally {
      await rm(bad);
    }
    const { status, output } = await ended(['check']);
    expect(status).toBe(0);
    expect(output).toContain('spillway: building');
    expect((await ended(['check'])).output).not.toContain('building');
  });

  it('reports an install that failed in the form that tests are counted in', async () => {
    await checkout.command('npm', 'exit 1');
    const later = new Date(Date.now() + 60_000);
    const lock = path.join(checkout.root, 'package-lock.json');
    await utimes(lock, later, later);
    const { status, output } = await ended(['test']);
    expect(status).toBe(1);
    expect(output).toMatch(/the packages could not be installed[^]*^0 passed, 1 failed$/m);
    await utimes(lock, new Date(0), new Date(0));
    await checkout.command('npm', 'echo "npm was called: $*"');
  });
});

describe('./spillway up', () => {
  it('starts everything on a machine without a configuration, prints a curl that streams, and stops all of it', async () => {
    const port = await findFreePort();
    const child = spillway(['up'], { env: { PORT: String(port) } });
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

  it('puts a key of the configuration and its model into the curl', async () => {
    const config = {
      providers: { box: { kind: 'demo' } },
      models: { 'my-model': { targets: [{ provider: 'box', model: 'demo' }] } },
      applications: { web: { apiKeys: ['${WEB_KEY}'] } },
    };
    await writeFile(path.join(checkout.root, 'spillway.yaml'), JSON.stringify(config));
    const { child, port } = await up({ WEB_KEY: `it's-a-key` });
    expect(child.output).toContain('"model":"my-model"');
    expect(await pasteCurl(child)).toContain('[DONE]');
    const refused = await fetch(`http://127.0.0.1:${port}/v1/models`);
    expect(refused.status).toBe(401);
  });

  it('starts a dead worker and a dead api again', async () => {
    const { child, port } = await up();
    const [, pid = ''] = /"pid":(\d+),.*"msg":"worker is ready"/.exec(child.output) ?? [];
    process.kill(Number(pid), 'SIGKILL');
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

  it('leaves nothing behind when it is killed itself', async () => {
    const { child, port } = await up();
    child.signal('SIGKILL');
    await child.exited; // 'close': the end of the last process that holds its output
    expect(await answers(port)).toBe(false);
  });

  it('says in one line that the port is taken, before it starts anything', async () => {
    const port = await findFreePort();
    const other = await occupy(port);
    const { status, output } = await ended(['up'], { env: { PORT: String(port), REDIS_URL: redis.url } });
    other.close();
    expect(status).toBe(1);
    expect(output).toBe(
      `spillway: port ${port} of 127.0.0.1 is taken. Stop what uses it, or choose another: PORT=${port + 1} ./spillway up\n`,
    );
  });

  it('says in one line that the Redis asked for is not there, or forgets', async () => {
    const PORT = String(await findFreePort());
    const nobody = `redis://127.0.0.1:${await findFreePort()}`;
    const away = await ended(['up'], { env: { PORT, REDIS_URL: nobody } });
    expect(away.status).toBe(1);
    expect(away.output).toMatch(/^spillway: Redis at \S+ does not answer\. Start it, or .*\n$/);
    const volatile = await startRedis({ args: ['--appendonly', 'no'] });
    const forgets = await ended(['up'], { env: { PORT, REDIS_URL: volatile.url } });
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
      const { status, output } = await ended(['up'], { env: { PORT, REDIS_URL: redis.url } });
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

describe('the parts', () => {
  it('run by themselves: an api, and a worker of the providers it is told to serve', async () => {
    const providers = { one: { kind: 'demo' }, two: { kind: 'demo' } };
    await writeFile(path.join(checkout.root, 'spillway.yaml'), JSON.stringify({ providers }));
    const port = await findFreePort();
    const env = { PORT: String(port), REDIS_URL: redis.url };
    const api = spillway(['api'], { env });
    const worker = spillway(['worker', '--provider', 'two'], { env });
    await Promise.all([api.prints('api: listening'), worker.prints('"providers":["two"]')]);
    expect(await answers(port)).toBe(true);
    await Promise.all([api.end('SIGTERM'), worker.end('SIGTERM')]);
    expect(worker.output).toContain('draining');
    const { status, output } = await ended(['worker', '--provider', 'three'], { env });
    expect(status).toBe(1);
    expect(output).toContain('there is no provider "three"');
  });

  it('unpacks Redis from Debian packages where there is none, and takes it the next time', async () => {
    const server = (await findOnPath('redis-server')) ?? (await findOnPath('valkey-server'));
    const real = server ?? path.resolve('.cache/redis/usr/bin/redis-server');
    await checkout.command(
      'apt-get',
      '[ "$1" = download ] || exit 1; shift; for name; do : > "$name.deb"; done',
    );
    await checkout.command(
      'dpkg',
      `PATH=/usr/bin:/bin; [ "$1" = -x ] || exit 1; case $2 in */redis-tools.deb) mkdir -p "$3/usr/bin" "$3/usr/lib/any-gnu"; ln -s '${real}' "$3/usr/bin/redis-server" ;; esac`,
    );
    const main = path.join(checkout.root, 'dist/apps/cli/src/main.js');
    const env = { PATH: path.join(checkout.root, 'bin') };
    const unpacked = path.join(checkout.root, '.cache/redis/usr/bin/redis-server');
    for (const expected of [
      /^spillway: fetching Redis into .*\n.*redis-server\n$/,
      /^[^\n]*redis-server\n$/,
    ]) {
      const child = Child.start('redis', process.execPath, [main, 'redis'], { env });
      expect(await child.exited).toBe(0);
      expect(child.output).toMatch(expected);
      expect(child.output).toContain(unpacked);
    }
  });

  it('names three remedies where no Redis can be had', async () => {
    await rm(path.join(checkout.root, '.cache/redis'), { recursive: true, force: true });
    await checkout.command('apt-get', 'exit 1');
    const main = path.join(checkout.root, 'dist/apps/cli/src/main.js');
    const child = Child.start('redis', process.execPath, [main, 'redis'], {
      env: { PATH: path.join(checkout.root, 'bin') },
    });
    expect(await child.exited).toBe(1);
    expect(child.output).toMatch(/no Redis on this machine[^]*apt-get install[^]*docker run[^]*REDIS_URL=/);
  });
});

async function findOnPath(name: string): Promise<string | undefined> {
  const child = Child.start('which', '/bin/sh', ['-c', `command -v ${name}`]);
  return (await child.exited) === 0 ? child.output.trim() : undefined;
}

/** The child process of `parent` whose command line holds this. */
async function childOf(parent: number, program: string): Promise<number> {
  const child = Child.start('ps', 'ps', ['-A', '-o', 'pid=,ppid=,args=']);
  await child.exited;
  const rows = child.output.split('\n').map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line));
  const row = rows.find((each) => each?.[2] === String(parent) && each[3]?.includes(program));
  if (!row) throw new Error(`Process ${parent} has no child ${program}.`);
  return Number(row[1]);
}
