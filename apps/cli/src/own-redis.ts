import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import path from 'node:path';
import { countDeath, restartDelayMs } from './back-off.js';
import { findFreePort } from './free-port.js';
import type { RedisBinary } from './redis-binary.js';
import { startRedisProcess } from './redis-process.js';
import type { RedisProcess } from './redis-process.js';
import { StartError } from './start-error.js';

/** The port of an `up` that nobody gave one. */
const USUAL_PORT = 4100;

/** Where the Redis of the `up` on this port keeps its data: two of them at once, on two ports, share nothing. */
export function redisDataDir(root: string, port: number): string {
  return path.join(root, '.data', port === USUAL_PORT ? 'redis' : `redis-${port}`);
}

/** Every folder that `redisDataDir` has ever stood for. */
export async function redisDataDirs(root: string): Promise<readonly string[]> {
  const data = path.join(root, '.data');
  const names = await readdir(data).catch(() => []);
  return names.filter((name) => /^redis(-\d+)?$/.test(name)).map((name) => path.join(data, name));
}

/** The Redis that `up` starts: on a free port of 127.0.0.1, its data kept in one folder. */
export class OwnRedis {
  private stopping = false;
  private deaths = 0;

  private constructor(
    private readonly binary: RedisBinary,
    private readonly dir: string,
    readonly port: number,
    private readonly say: (line: string) => void,
    private server: RedisProcess,
    private startedAt: number,
  ) {
    this.watch();
  }

  /** @throws StartError if a server already runs on this data, or none can be started. */
  static async start(binary: RedisBinary, dir: string, say: (line: string) => void): Promise<OwnRedis> {
    await mkdir(dir, { recursive: true });
    await refuseSharedData(dir);
    const port = await findFreePort();
    try {
      const server = await startRedisProcess({ binary, port, dir, detached: true });
      await noteRunning(dir, server.pid, port);
      return new OwnRedis(binary, dir, port, say, server, Date.now());
    } catch (error) {
      throw new StartError(error instanceof Error ? error.message : String(error));
    }
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Ends it with its data written. */
  async stop(): Promise<void> {
    this.stopping = true;
    await this.server.end('SIGTERM');
    await rm(runningFile(this.dir), { force: true });
  }

  /** Queued requests live here: a Redis that dies is started again on the same port and data. */
  private watch(): void {
    void this.server.exited.then(() => {
      if (this.stopping) return;
      this.deaths = countDeath(this.deaths, Date.now() - this.startedAt);
      const delayMs = restartDelayMs(this.deaths);
      this.say(`Redis ended by itself; starting it again in ${delayMs / 1000} s`);
      setTimeout(() => void this.startAgain(), delayMs);
    });
  }

  private async startAgain(): Promise<void> {
    if (this.stopping) return;
    const { binary, port, dir } = this;
    this.startedAt = Date.now();
    try {
      this.server = await startRedisProcess({ binary, port, dir, detached: true });
      await noteRunning(dir, this.server.pid, port);
      if (this.stopping) await this.server.end('SIGTERM');
    } catch (error) {
      this.say(error instanceof Error ? error.message : String(error));
    }
    this.watch(); // after a failed start at once: the old server has ended, so the next delay begins
  }
}

function runningFile(dir: string): string {
  return path.join(dir, 'running.json');
}

async function noteRunning(dir: string, pid: number, port: number): Promise<void> {
  await writeFile(runningFile(dir), JSON.stringify({ pid, port }));
}

/** The URL of the server that runs on this data now, whoever started it; undefined if none does. */
export async function findOwnRedis(dir: string): Promise<string | undefined> {
  const running = await readRunning(dir);
  return running && `redis://127.0.0.1:${running.port}`;
}

async function readRunning(dir: string): Promise<{ pid: number; port: number } | undefined> {
  const text = await readFile(runningFile(dir), 'utf8').catch(() => undefined);
  const [, pid, port] = /^\{"pid":(\d+),"port":(\d+)\}$/.exec(text ?? '') ?? [];
  if (pid === undefined || port === undefined) return undefined;
  const running = { pid: Number(pid), port: Number(port) };
  return (await stillRuns(running.pid, running.port)) ? running : undefined;
}

/** Redis does not lock its folder: two servers on one append-only file would ruin it. */
async function refuseSharedData(dir: string): Promise<void> {
  const running = await readRunning(dir);
  if (!running) return;
  const { pid, port } = running;
  throw new StartError(
    `another ./spillway up of this folder is running, with its Redis on port ${port} (pid ${pid}). Stop it, or share its Redis: REDIS_URL=redis://127.0.0.1:${port}`,
  );
}

/** Is the Redis that wrote the note still there? One that is frozen accepts connections, and says nothing. */
async function stillRuns(pid: number, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('INFO server\r\n'));
    let reply = '';
    const end = (answer: boolean): void => {
      resolve(answer);
      socket.destroy();
    };
    socket.setTimeout(2_000, () => end(true));
    socket.once('error', () => end(false));
    socket.on('data', (data) => {
      reply += data.toString();
      const [, found] = /process_id:(\d+)\r/.exec(reply) ?? [];
      if (found !== undefined || reply.startsWith('-')) end(Number(found) === pid);
    });
  });
}
