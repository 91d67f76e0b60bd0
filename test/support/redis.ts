import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { findFreePort } from '../../apps/cli/src/free-port.js';
import { findRedisBinary } from '../../apps/cli/src/redis-binary.js';
import type { RedisBinary } from '../../apps/cli/src/redis-binary.js';
import { startRedisProcess } from '../../apps/cli/src/redis-process.js';
import type { RedisProcess } from '../../apps/cli/src/redis-process.js';

export interface TestRedisOptions {
  /** Further settings in `redis-server` form, e.g. `['--maxmemory', '10mb']`; they win over ours. */
  readonly args?: readonly string[];
  /** Data folder; kept at the end. Default: a new temporary one, removed by `stop`. */
  readonly dir?: string;
  /** Default: a free port of 127.0.0.1. */
  readonly port?: number;
}

/** A real Redis of the test's own, with AOF and noeviction like the one in production. */
export interface TestRedis {
  readonly url: string;
  readonly port: number;
  /** Of the running server; changes with `restart`. */
  readonly pid: number;
  /** Ends it (cleanly, where its folder is kept) and removes its temporary folder. Safe to call twice, and after `kill`. */
  stop(): Promise<void>;
  /** SIGKILL. The data folder stays, for `restart`. */
  kill(): Promise<void>;
  /** Starts it again on the same port and data, with these settings too; ends it cleanly first if it still runs. */
  restart(args?: readonly string[]): Promise<void>;
  /** It stops where it is: connections stay, nobody is answered. */
  freeze(): void;
  thaw(): void;
  /** FLUSHALL. */
  flush(): Promise<void>;
}

/**
 * Starts a Redis server, and answers once it replies to PING. It cannot outlive the test process, however that ends.
 * @throws if this machine has no Redis server, or it does not start.
 */
export async function startRedis(options: TestRedisOptions = {}): Promise<TestRedis> {
  const binary = await findRedisBinary(process.env['PATH'] ?? '', path.resolve('.cache/redis'));
  if (!binary) {
    throw new Error(
      'No redis-server or valkey-server on PATH or in .cache/redis. Run ./spillway test, which fetches one, or: apt-get install redis-server',
    );
  }
  const dir = options.dir ?? (await mkdtemp(path.join(tmpdir(), 'spillway-redis-')));
  const args = options.args ?? [];
  const started = await startOnPort(binary, dir, args, options.port);
  const { port } = started;
  let server = started.server;
  const signal = (name: NodeJS.Signals) => {
    try {
      process.kill(server.pid, name);
    } catch (error) {
      // It has ended.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  };
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    get pid() {
      return server.pid;
    },
    stop: async () => {
      // What nobody keeps need not be saved; a frozen server, and one that cannot save, would not end otherwise.
      await server.end(options.dir === undefined ? 'SIGKILL' : 'SIGTERM');
      if (options.dir === undefined) await rm(dir, { recursive: true, force: true });
    },
    kill: () => server.end('SIGKILL'),
    restart: async (more = []) => {
      await server.end('SIGTERM');
      server = await startAnswering(binary, port, dir, [...args, ...more]);
    },
    freeze: () => signal('SIGSTOP'),
    thaw: () => signal('SIGCONT'),
    flush: () => command(port, 'FLUSHALL', '+OK'),
  };
}

/** A free port may be gone a moment later: then another one, a few times. */
async function startOnPort(
  binary: RedisBinary,
  dir: string,
  args: readonly string[],
  wanted: number | undefined,
): Promise<{ server: RedisProcess; port: number }> {
  for (let left = wanted === undefined ? 4 : 0; ; left -= 1) {
    const port = wanted ?? (await findFreePort());
    try {
      return { server: await startAnswering(binary, port, dir, args), port };
    } catch (error) {
      if (left === 0) throw error;
    }
  }
}

async function startAnswering(
  binary: RedisBinary,
  port: number,
  dir: string,
  args: readonly string[],
): Promise<RedisProcess> {
  const server = await startRedisProcess({ binary, port, dir, args });
  try {
    await command(port, 'PING', '+PONG');
    return server;
  } catch (error) {
    await server.end('SIGKILL');
    throw error;
  }
}

/** Sends one inline command over a connection of its own and checks the reply. */
async function command(port: number, line: string, expected: string): Promise<void> {
  const reply = await new Promise<string>((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(`${line}\r\n`));
    socket.setTimeout(5_000, () => socket.destroy(new Error(`Redis did not answer ${line} within 5 s.`)));
    socket.once('error', reject);
    socket.once('data', (data) => {
      resolve(data.toString().trim());
      socket.destroy();
    });
  });
  if (reply !== expected) throw new Error(`Redis answered ${line} with "${reply}" instead of "${expected}".`);
}
