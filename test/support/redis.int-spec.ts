import { afterEach, describe, expect, it } from '@jest/globals';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { startRedis } from './redis.js';
import type { TestRedis, TestRedisOptions } from './redis.js';

const running: TestRedis[] = [];

async function start(options?: TestRedisOptions): Promise<TestRedis> {
  const redis = await startRedis(options);
  running.push(redis);
  return redis;
}

async function ask<T>(redis: TestRedis, question: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(redis.url);
  try {
    return await question(client);
  } finally {
    client.disconnect();
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

afterEach(async () => {
  await Promise.all(running.splice(0).map((redis) => redis.stop()));
});

describe('startRedis', () => {
  it('starts a server of its own with AOF and noeviction', async () => {
    const [one, other] = await Promise.all([start(), start()]);
    expect(one.port).not.toBe(other.port);
    const policy = await ask(one, (client) => client.config('GET', 'maxmemory-policy'));
    expect(policy).toEqual(['maxmemory-policy', 'noeviction']);
    const append = await ask(one, (client) => client.config('GET', 'appendonly'));
    expect(append).toEqual(['appendonly', 'yes']);
    expect(await ask(one, (client) => client.info('server'))).toContain(`process_id:${one.pid}`);
  });

  it('keeps the data and the port over a restart, and over a kill with fsync on each write', async () => {
    const redis = await start({ args: ['--appendfsync', 'always'] });
    await ask(redis, (client) => client.set('kept', '1'));
    const before = redis.pid;
    await redis.restart();
    expect(redis.pid).not.toBe(before);
    expect(isAlive(before)).toBe(false);
    expect(await ask(redis, (client) => client.get('kept'))).toBe('1');
    await redis.kill();
    expect(isAlive(redis.pid)).toBe(false);
    await redis.restart();
    expect(await ask(redis, (client) => client.get('kept'))).toBe('1');
  });

  it('forgets everything on flush', async () => {
    const redis = await start();
    await ask(redis, (client) => client.set('gone', '1'));
    await redis.flush();
    expect(await ask(redis, (client) => client.dbsize())).toBe(0);
  });

  it('kills a frozen server', async () => {
    const redis = await start();
    process.kill(redis.pid, 'SIGSTOP');
    await redis.kill();
    expect(isAlive(redis.pid)).toBe(false);
  });

  it('lets the given settings win, and keeps a given folder', async () => {
    const dir = await mkdtemp(path.join(tmpdir(), 'spillway-given-'));
    const redis = await start({ dir, args: ['--maxmemory-policy', 'allkeys-lru'] });
    expect(await ask(redis, (client) => client.config('GET', 'maxmemory-policy'))).toContain('allkeys-lru');
    await redis.stop();
    await expect(access(dir)).resolves.toBeUndefined();
    await rm(dir, { recursive: true });
  });

  it('reports a taken port in the words of the server', async () => {
    const redis = await start();
    await expect(startRedis({ port: redis.port })).rejects.toThrow(/Address already in use/);
  });

  it('takes the server with it when the test process is killed', async () => {
    const { stdout: found } = await promisify(execFile)('sh', ['-c', 'command -v sleep']);
    expect(found.trim()).not.toBe('');
    const parent = spawn(
      process.execPath,
      [
        '--conditions=source',
        '--input-type=module',
        '--eval',
        `import { guardProcess } from './apps/cli/src/guard.ts';
         import { spawn } from 'node:child_process';
         const child = spawn('sleep', ['60'], { detached: true, stdio: ['ignore', 'inherit', 'ignore'] });
         guardProcess(child.pid, 'KILL');
         process.stderr.write(String(child.pid));`,
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    const [chunk] = (await once(parent.stderr, 'data')) as [Buffer];
    const pid = Number(chunk.toString());
    expect(isAlive(pid)).toBe(true);
    parent.kill('SIGKILL');
    // Only the child holds the write end of this pipe now: its end says that the child is gone.
    parent.stdout.resume();
    await once(parent.stdout, 'end');
  });
});
