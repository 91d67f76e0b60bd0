import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { stringify } from 'yaml';
import { findFreePort } from '../../apps/cli/src/free-port.js';
import { Child } from './child.js';
import { asUser, writeUsers } from './redis-users.js';
import { startRedis, type TestRedis } from './redis.js';

export interface BrokerTestOptions {
  /** The tree of `spillway.yaml`; `server.port` and `redis.url` are set by the processes' environment. */
  readonly config: object;
  readonly env?: Readonly<Record<string, string>>;
  /** Default: 1. */
  readonly apis?: number;
  /** Default: 1. */
  readonly workers?: number;
  /** Default: one of the broker's own, stopped with it. */
  readonly redis?: TestRedis;
}

/** api and worker processes as users run them, from the built files, on a real Redis. */
export class TestBroker {
  readonly apis: (Child & { readonly url: string })[] = [];
  readonly workers: Child[] = [];

  private constructor(
    readonly redis: TestRedis,
    private readonly ownsRedis: boolean,
    private readonly directory: string,
    private readonly env: Readonly<Record<string, string>>,
  ) {}

  static async start(options: BrokerTestOptions): Promise<TestBroker> {
    const directory = await mkdtemp(path.join(tmpdir(), 'spillway-e2e-'));
    await writeFile(path.join(directory, 'spillway.yaml'), stringify(options.config));
    const users = path.join(directory, 'users.acl');
    writeUsers(users);
    const redis = options.redis ?? (await startRedis({ args: ['--aclfile', users] }));
    const broker = new TestBroker(redis, options.redis === undefined, directory, options.env ?? {});
    try {
      const { apis = 1, workers = 1 } = options;
      await Promise.all([
        ...Array.from({ length: apis }, () => broker.startApi()),
        ...Array.from({ length: workers }, () => broker.startWorker()),
      ]);
      return broker;
    } catch (error) {
      await broker.stop();
      throw error;
    }
  }

  /** Base URL of the first api, without `/v1`. */
  get url(): string {
    const [api] = this.apis;
    if (!api) throw new Error('this broker has no api');
    return api.url;
  }

  /** The file that its processes read, for a command beside them. */
  get configPath(): string {
    return path.join(this.directory, 'spillway.yaml');
  }

  /** What every process printed. */
  get output(): string {
    return [...this.apis, ...this.workers].map((child) => child.output).join('\n');
  }

  /** Resolves once it is ready. `server.port` of the configuration is not used: each api gets a free one. */
  async startApi(env: Readonly<Record<string, string>> = {}): Promise<Child & { readonly url: string }> {
    const port = await findFreePort();
    const child = this.spawn('api', { PORT: String(port), ...env });
    const api = Object.assign(child, { url: `http://127.0.0.1:${port}` });
    this.apis.push(api);
    await child.prints('listening');
    return api;
  }

  /** Resolves once it takes jobs, or, with `ready: false`, as soon as it was started. */
  async startWorker(env: Readonly<Record<string, string>> = {}, { ready = true } = {}): Promise<Child> {
    const worker = this.spawn('worker', env);
    this.workers.push(worker);
    if (ready) await worker.prints('worker is ready');
    return worker;
  }

  /** Ends every process, frozen ones too, and the Redis that it started. */
  async stop(): Promise<void> {
    await Promise.all([...this.apis, ...this.workers].map((child) => child.end('SIGKILL')));
    if (this.ownsRedis) await this.redis.stop();
    await rm(this.directory, { recursive: true, force: true });
  }

  /** As deploy/redis/users.acl has it: the test is the default user, the processes have rights of their own. */
  private redisUrlOf(app: 'api' | 'worker'): string {
    return this.ownsRedis ? asUser(this.redis.url, `spillway-${app}`) : this.redis.url;
  }

  private spawn(app: 'api' | 'worker', env: Readonly<Record<string, string>>): Child {
    const main = path.resolve(`dist/apps/${app}/src/main.js`);
    return Child.start(app, process.execPath, ['--enable-source-maps', main], {
      cwd: this.directory,
      env: { REDIS_URL: this.redisUrlOf(app), ...this.env, ...env },
    });
  }
}
