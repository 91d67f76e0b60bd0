import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { mkdir, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { findFreePort } from '../../apps/cli/src/free-port.js';
import { Checkout } from '../support/checkout.js';
import { Child } from '../support/child.js';
import { startRedis, type TestRedis } from '../support/redis.js';

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

describe('./spillway', () => {
  it('explains itself with nothing on PATH but what every system has', async () => {
    const { status, output } = await checkout.run(['help'], { env: { PATH: '/usr/bin:/bin' } });
    expect(status).toBe(0);
    for (const command of ['up', 'api', 'worker', 'check', 'test'])
      expect(output).toContain(`./spillway ${command}`);
  });

  it('explains itself after any command, and tells its version, with nothing installed', async () => {
    const env = { PATH: '/usr/bin:/bin' };
    for (const args of [
      ['up', '--help'],
      ['dead-letters', '-h'],
      ['worker', '--provider', 'x', '--help'],
    ]) {
      const { status, output } = await checkout.run(args, { env });
      expect({ status, output }).toEqual({ status: 0, output: expect.stringContaining('./spillway up  ') });
    }
    for (const args of [['version'], ['--version'], ['status', '--version']]) {
      expect(await checkout.run(args, { env })).toEqual({
        status: 0,
        output: expect.stringMatching(/^spillway \d+\.\d+\.\d+\n$/),
      });
    }
  });

  it('refuses a command and an option that it does not have', async () => {
    expect(await checkout.run(['upp'])).toEqual({
      status: 2,
      output: expect.stringContaining('no command "upp"'),
    });
    const { status, output } = await checkout.run(['up', '--port', '1']);
    expect(status).toBe(1);
    expect(output).toMatch(/^spillway: Unknown option '--port'/);
    expect(output).not.toContain(' at ');
  });

  it('works through a symbolic link, and finds the configuration beside itself', async () => {
    const link = path.join(checkout.folder, 'link');
    await symlink('spill way/spillway', link);
    await checkout.configure({ providers: { here: { kind: 'demo' } } });
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
    const { status, output } = await checkout.run(['check'], { cwd, env: { SPILLWAY_CONFIG: 'mine.yaml' } });
    expect(status).toBe(1);
    expect(output).toMatch(/^mine\.yaml:1: /m);
    expect(output).toMatch(/^mine\.yaml:5: models\.m\.targets\[0\]\.provider: /m);
    expect(output).toMatch(/^2 problems$/m);
    const upOutput = await checkout.run(['up'], { cwd, env: { SPILLWAY_CONFIG: 'mine.yaml' } });
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
    const first = await checkout.run(['check'], { env });
    expect(first.output).toMatch(/npm was called: install .*--ignore-scripts.* node-\w+-\w+@24\.\d+\.\d+/);
    expect(first.status).toBe(0);
    const isTheSame = process.version === /@(\d+\.\d+\.\d+)$/m.exec(first.output)?.[1]?.replace(/^/, 'v');
    const second = await checkout.run(['check'], { env });
    expect(second.status).toBe(0);
    expect(second.output.includes('npm was called')).toBe(!isTheSame);
    await rm(path.join(checkout.root, '.cache/node'), { recursive: true });
  });

  it('installs when the lock is newer than the installed packages', async () => {
    const lock = path.join(checkout.root, 'package-lock.json');
    const before = new Date(1_000_000_000_000);
    await utimes(lock, before, before);
    expect((await checkout.run(['check'])).output).not.toMatch(/npm was called|building/);
    const later = new Date(Date.now() + 60_000);
    await utimes(lock, later, later);
    const { status, output } = await checkout.run(['check']);
    expect(status).toBe(0);
    expect(output).toMatch(/npm was called: ci .*--ignore-scripts/);
    await utimes(lock, before, before);
    expect((await checkout.run(['check'])).output).not.toMatch(/npm was called|building/);
  });

  it('builds when a source is newer than the last build, and does not go on with one that failed', async () => {
    const bad = path.join(checkout.root, 'apps/cli/src/bad.ts');
    await writeFile(bad, 'export const bad: number = "text";\n');
    try {
      const { status, output } = await checkout.run(['check']);
      expect(status).toBe(1);
      expect(output).toMatch(/bad\.ts.*TS2322/);
      expect(output).toContain('spillway: the build failed');
    } finally {
      await rm(bad);
    }
    const { status, output } = await checkout.run(['check']);
    expect(status).toBe(0);
    expect(output).toContain('spillway: building');
    expect((await checkout.run(['check'])).output).not.toContain('building');
  });

  it('waits for another one that installs, and not for one that is gone', async () => {
    const other = Child.start('other', '/bin/sh', ['-c', 'exec sleep 60']);
    await mkdir(path.join(checkout.root, '.cache'), { recursive: true });
    await writeFile(path.join(checkout.root, '.cache/lock'), String(other.pid));
    const child = checkout.spillway(['check']);
    await child.prints('waiting for another ./spillway');
    expect(child.output).not.toContain('demo');
    await other.end('SIGKILL');
    expect(await child.exited).toBe(0);
    expect(child.output).toContain('demo');
  });

  it('reports an install that failed in the form that tests are counted in', async () => {
    await checkout.command('npm', 'exit 1');
    const later = new Date(Date.now() + 60_000);
    const lock = path.join(checkout.root, 'package-lock.json');
    await utimes(lock, later, later);
    const { status, output } = await checkout.run(['test']);
    expect(status).toBe(1);
    expect(output).toMatch(/the packages could not be installed[^]*^0 passed, 1 failed$/m);
    await utimes(lock, new Date(0), new Date(0));
    await checkout.command('npm', 'echo "npm was called: $*"');
  });
});

describe('the parts', () => {
  it('run by themselves: an api, and a worker of the providers it is told to serve', async () => {
    const providers = { one: { kind: 'demo' }, two: { kind: 'demo' } };
    await checkout.configure({ providers });
    const port = await findFreePort();
    const env = { PORT: String(port), REDIS_URL: redis.url };
    const api = checkout.spillway(['api'], { env });
    const worker = checkout.spillway(['worker', '--provider', 'two'], { env });
    await Promise.all([api.prints('api: listening'), worker.prints('"providers":["two"]')]);
    expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200);
    await Promise.all([api.end('SIGTERM'), worker.end('SIGTERM')]);
    expect(worker.output).toContain('draining');
    const { status, output } = await checkout.run(['worker', '--provider', 'three'], { env });
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
