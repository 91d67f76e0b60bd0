import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { guardProcess } from './guard.js';
import type { RedisBinary } from './redis-binary.js';

export interface RedisProcessOptions {
  readonly binary: RedisBinary;
  readonly port: number;
  /** Where the append-only file lives; must exist. */
  readonly dir: string;
  /** Further settings in `redis-server` form; they win over ours. */
  readonly args?: readonly string[];
  /** Its own process group: a Ctrl-C in the terminal then reaches only us, and we stop it last. Default false. */
  readonly detached?: boolean;
}

/** A Redis server that we started. */
export interface RedisProcess {
  readonly pid: number;
  /** Settles when the process is gone, however it ended. */
  readonly exited: Promise<void>;
  /** Ends it and waits: SIGTERM flushes the append-only file, SIGKILL is a crash. Ending it twice is fine. */
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
}

/** How long a server may take to load its data and accept connections, ms. */
const READY_MS = 30_000;

/**
 * Starts a Redis server with AOF and noeviction on 127.0.0.1, and answers when it accepts connections.
 * @throws if it ends or stays silent instead; the message carries its last words (a taken port, bad settings).
 */
export async function startRedisProcess(options: RedisProcessOptions): Promise<RedisProcess> {
  const { binary, port, dir, args = [], detached = false } = options;
  const settings = [
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--dir',
    dir,
    '--logfile',
    '',
    '--save',
    '',
  ];
  const promise = ['--appendonly', 'yes', '--maxmemory-policy', 'noeviction'];
  const child = spawn(binary.command, [...settings, ...promise, ...args], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, ...binary.env },
    detached,
  });
  const exited = settled(child);
  await untilReady(child, exited, binary.command);
  const pid = child.pid ?? 0;
  const guard = guardProcess(pid, 'KILL');
  void exited.then(() => guard.release());
  child.unref();
  if (child.stdout instanceof Socket) child.stdout.unref(); // an open pipe alone would keep us alive
  return {
    pid,
    exited,
    end: async (signal) => {
      child.ref(); // whoever waits for the end must not run out of things to wait for
      child.kill(signal);
      if (signal === 'SIGKILL') child.kill('SIGCONT'); // a frozen server is reaped as soon as it may run
      await exited;
    },
  };
}

type RedisChild = ChildProcessByStdio<null, Readable, null>;

async function settled(child: RedisChild): Promise<void> {
  await once(child, 'exit').catch(() => undefined); // an 'error' event: it never started
}

/** Redis says when it listens and has loaded its data; asking it over and over would only guess. */
async function untilReady(child: RedisChild, exited: Promise<void>, command: string): Promise<void> {
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout });
  const ready = new Promise<'ready'>((resolve) => {
    reader.on('line', (line) => {
      if (line.includes('Ready to accept connections')) resolve('ready');
      if (lines.length < 200) lines.push(line);
    });
  });
  const deadline = Promise.withResolvers<'silent'>();
  const timer = setTimeout(() => deadline.resolve('silent'), READY_MS);
  const first = await Promise.race([ready, exited.then(() => 'ended' as const), deadline.promise]);
  clearTimeout(timer);
  if (first === 'ready') return;
  child.kill('SIGKILL');
  throw new Error(`${command} did not start (${first}): ${lines.slice(-3).join(' | ')}`);
}
