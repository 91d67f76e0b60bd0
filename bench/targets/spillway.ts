import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { stringify } from 'yaml';
import { findFreePort } from '../../apps/cli/src/free-port.js';
import { startRedis } from '../../test/support/redis.js';
import type { TestRedis } from '../../test/support/redis.js';
import type { Target, TargetProcess } from '../contract.js';
import { ServerProcess } from './server-process.js';
import { untilAnswers } from './until-answers.js';

const MODEL = 'bench-alias';
const API_KEY = 'key-of-the-bench-application';

export interface SpillwayOptions {
  /** As the table shows it. Default `spillway`. */
  readonly name?: string;
  /** Default 1. */
  readonly apis?: number;
  /** Default 1. */
  readonly workers?: number;
  /** Calls at once, over all workers and in each. Default 1,100: never less than the clients of a scenario. */
  readonly concurrency?: number;
  /** Requests that may wait. Default 200,000. */
  readonly maxWaiting?: number;
  /** Loaded into every api and worker before it begins, relative to this file. Default none. */
  readonly preload?: string;
}

/** Spillway as users run it: authentication, metrics and request log on, each process on its own. */
export interface SpillwayTarget extends Target {
  /** Of each api; the first one is `url`. */
  readonly urls: readonly string[];
  readonly redisUrl: string;
  /** One worker more; resolves once it takes jobs. */
  startWorker(): Promise<void>;
  /** Ends every worker at once, as a crash does: what waits stays waiting. */
  stopWorkers(): Promise<void>;
}

/** @throws if there is no build in `dist/`, no Redis server, or a process does not start. */
export async function startSpillway(
  upstreamUrl: string,
  options: SpillwayOptions = {},
): Promise<SpillwayTarget> {
  const { apis = 1, workers = 1 } = options;
  const directory = await mkdtemp(path.join(tmpdir(), 'spillway-bench-'));
  await writeFile(path.join(directory, 'spillway.yaml'), stringify(configure(upstreamUrl, options)));
  const fleet = new Fleet(directory, await startRedis(), options);
  try {
    await Promise.all([
      ...Array.from({ length: apis }, () => fleet.startApi()),
      ...Array.from({ length: workers }, () => fleet.startWorker()),
    ]);
    // Without a worker nobody could answer.
    if (workers > 0) await untilAnswers(fleet, fleet.servers);
    return fleet;
  } catch (error) {
    await fleet.stop();
    throw error;
  }
}

function configure(upstreamUrl: string, options: SpillwayOptions): object {
  const { concurrency = 1_100, maxWaiting = 200_000 } = options;
  return {
    providers: {
      bench: {
        kind: 'openai-compatible',
        location: 'cloud',
        baseUrl: `${upstreamUrl}/v1`,
        apiKey: '${UPSTREAM_KEY}',
        concurrency,
        workerConcurrency: concurrency,
      },
    },
    models: { [MODEL]: { targets: [{ provider: 'bench', model: 'bench-model' }] } },
    applications: { bench: { apiKeys: ['${BENCH_KEY}'] } },
    queue: { maxWaiting },
  };
}

interface Member {
  readonly role: 'api' | 'worker';
  readonly server: ServerProcess;
}

class Fleet implements SpillwayTarget {
  readonly headers = { authorization: `Bearer ${API_KEY}` };
  readonly model = MODEL;
  readonly urls: string[] = [];
  private members: Member[] = [];
  private started = 0;

  constructor(
    private readonly directory: string,
    private readonly redis: TestRedis,
    private readonly options: SpillwayOptions,
  ) {}

  get name(): string {
    return this.options.name ?? 'spillway';
  }

  get url(): string {
    const [url] = this.urls;
    if (url === undefined) throw new Error(`${this.name} has no api.`);
    return url;
  }

  get redisUrl(): string {
    return this.redis.url;
  }

  get servers(): readonly ServerProcess[] {
    return this.members.map(({ server }) => server);
  }

  get processes(): readonly TargetProcess[] {
    const members = this.members.map(({ role, server }) => ({ role, pid: server.pid }));
    return [...members, { role: 'redis', pid: this.redis.pid }];
  }

  async startApi(): Promise<void> {
    const port = await findFreePort();
    await this.start('api', { PORT: String(port) }, 'listening on');
    this.urls.push(`http://127.0.0.1:${port}/v1/chat/completions`);
  }

  async startWorker(): Promise<void> {
    await this.start('worker', {}, 'worker is ready');
  }

  async stopWorkers(): Promise<void> {
    const workers = this.members.filter(({ role }) => role === 'worker');
    this.members = this.members.filter(({ role }) => role !== 'worker');
    await Promise.all(workers.map(({ server }) => server.end()));
  }

  async stop(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.end()));
    await this.redis.stop();
    await rm(this.directory, { recursive: true, force: true });
  }

  private async start(role: Member['role'], env: Record<string, string>, ready: string): Promise<void> {
    const { preload } = this.options;
    const server = await ServerProcess.start({
      name: `${role}-${++this.started}`,
      command: process.execPath,
      args: [
        '--enable-source-maps',
        ...(preload === undefined ? [] : ['--import', path.join(import.meta.dirname, preload)]),
        path.resolve(`dist/apps/${role}/src/main.js`),
      ],
      env: {
        NODE_ENV: 'production',
        REDIS_URL: this.redis.url,
        UPSTREAM_KEY: 'key-of-the-upstream',
        BENCH_KEY: API_KEY,
        ...env,
      },
      directory: this.directory,
    });
    this.members.push({ role, server });
    await server.prints(ready);
  }
}
