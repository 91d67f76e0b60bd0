import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startRedis } from '../../../test/support/redis.js';
import type { TestRedis } from '../../../test/support/redis.js';
import { chooseRedis } from './choose-redis.js';
import type { RedisChoice, RedisWish } from './choose-redis.js';
import { findFreePort } from './free-port.js';
import { StartError } from './start-error.js';

let folder: string;
let said: string[];
const stops: (() => Promise<void>)[] = [];

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'spillway-choose-'));
  said = [];
});

afterEach(async () => {
  await Promise.all(stops.splice(0).map((stop) => stop()));
  await rm(folder, { recursive: true });
});

function wish(url: string, more: Partial<RedisWish> = {}): RedisWish {
  return {
    url,
    asked: false,
    allowVolatile: false,
    dataDir: path.join(folder, 'data'),
    cacheDir: path.resolve('.cache/redis'),
    say: (line) => said.push(line),
    ...more,
  };
}

async function choose(url: string, more: Partial<RedisWish> = {}): Promise<RedisChoice> {
  const choice = await chooseRedis(wish(url, more));
  stops.push(() => choice.stop());
  return choice;
}

async function start(...args: string[]): Promise<TestRedis> {
  const redis = await startRedis({ args });
  stops.push(() => redis.stop());
  return redis;
}

async function nothingThere(): Promise<string> {
  return `redis://127.0.0.1:${await findFreePort()}`;
}

describe('a Redis that was asked for', () => {
  it('is used', async () => {
    const redis = await start();
    const choice = await choose(redis.url, { asked: true });
    expect(choice).toMatchObject({ url: redis.url, about: `Redis: ${redis.url}, as configured` });
  });

  it('is refused at once where nothing answers, and nothing else is tried', async () => {
    const url = await nothingThere();
    const refusal = new StartError(
      `Redis at ${url} does not answer. Start it, or correct REDIS_URL (or redis.url).`,
    );
    await expect(choose(url, { asked: true })).rejects.toEqual(refusal);
  });

  it('is refused with the remedy if it forgets or evicts, unless that was accepted', async () => {
    const redis = await start('--appendonly', 'no', '--maxmemory-policy', 'allkeys-lru');
    const refused = choose(redis.url, { asked: true });
    await expect(refused).rejects.toThrow(/appendonly yes.*noeviction.*SPILLWAY_ALLOW_VOLATILE=1/);
    const choice = await choose(redis.url, { asked: true, allowVolatile: true });
    expect(choice.url).toBe(redis.url);
    expect(said.join()).toContain('could lose accepted requests');
  });
});

describe('without a wish', () => {
  it('takes the one on the usual port', async () => {
    const redis = await start();
    expect(await choose(redis.url)).toMatchObject({
      url: redis.url,
      about: `Redis: the one that answers at ${redis.url}`,
    });
  });

  it('leaves a volatile one alone even where volatile ones are accepted, says so, and starts its own', async () => {
    const redis = await start('--appendonly', 'no');
    const choice = await choose(redis.url, { allowVolatile: true });
    expect(choice.url).not.toBe(redis.url);
    expect(choice.about).toMatch(/left alone: .*appendonly is off/);
  });

  it('starts its own, and finds its data again the next time', async () => {
    const first = await choose(await nothingThere());
    expect(first.about).toContain(path.join(folder, 'data'));
    await ask(first.url, 'SET kept 1');
    await first.stop();
    const second = await choose(await nothingThere());
    expect(await ask(second.url, 'GET kept')).toContain('1');
  });

  it('starts its own again on the same port and data when it dies', async () => {
    const choice = await choose(await nothingThere());
    await ask(choice.url, 'CONFIG SET appendfsync always');
    await ask(choice.url, 'SET kept 1');
    const before = await pidOf(choice.url);
    process.kill(before, 'SIGKILL');
    await eventually(async () => expect(await pidOf(choice.url)).not.toBe(before));
    // It answers before it has loaded its data.
    await eventually(async () => expect(await ask(choice.url, 'GET kept')).toContain('1'));
    expect(said.join()).toContain('Redis ended by itself; starting it again');
  });

  it('refuses a second server on the same data while the first one runs', async () => {
    const first = await choose(await nothingThere());
    await expect(choose(await nothingThere())).rejects.toThrow(`REDIS_URL=${first.url}`);
    const pid = await pidOf(first.url);
    process.kill(pid, 'SIGSTOP'); // frozen is running, too
    try {
      await expect(choose(await nothingThere())).rejects.toThrow(/another .* is running/);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
  });
});

async function ask(url: string, command: string): Promise<string> {
  const { connect } = await import('node:net');
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write(`${command}\r\n`));
    socket.once('error', reject);
    socket.once('data', (data) => {
      resolve(data.toString());
      socket.destroy();
    });
  });
}

async function pidOf(url: string): Promise<number> {
  return Number(/process_id:(\d+)/.exec(await ask(url, 'INFO server'))?.[1]);
}

/** Tries again at every turn of the event loop until the deadline. */
async function eventually(attempt: () => Promise<void>): Promise<void> {
  const deadlineAt = Date.now() + 4_000;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() > deadlineAt) throw error;
    }
  }
}
