import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { stringify } from 'yaml';
import { findFreePort } from '../../apps/cli/src/free-port.js';
import { Child } from '../support/child.js';
import { asUser, writeUsers } from '../support/redis-users.js';
import { startRedis, type TestRedis } from '../support/redis.js';
import type { ChaosUpstream } from './chaos-upstream.js';
import { TOTAL_MS } from './plan-requests.js';
import { RedisProxy } from './redis-proxy.js';

/** How long a process may take until it serves, on a machine that is busy with many others, ms. */
const START_MS = 60_000;
/** How much of what a crashed process printed is worth reading. */
const LAST_WORDS = 2_000;

type Role = 'api' | 'worker';

/** A process of the campaign, from its start to its end; its successor in the same place is another one. */
export interface Member {
  readonly role: Role;
  /** `worker-12`, `api-3`: never used twice. */
  readonly name: string;
  readonly child: Child;
  /** Of an api: its base URL. */
  readonly url: string;
  /** Between it and Redis, if it has one. */
  readonly proxy: RedisProxy | undefined;
  state: 'starting' | 'ready' | 'armed' | 'frozen' | 'dead';
}

export interface ClusterOptions {
  readonly upstream: ChaosUpstream;
  readonly apis: number;
  readonly workers: number;
  /** Settings beside the campaign's own, as in `spillway.yaml`. */
  readonly config?: object;
}

/** One seat per process: whoever sits there dies, and the next one takes it at once. */
interface Seat {
  readonly role: Role;
  readonly proxy: RedisProxy | undefined;
  member: Member | undefined;
}

/** Redis, apis and workers as users run them; one api and every second worker talk to Redis through a proxy. */
export class Cluster {
  /** Processes that ended by themselves, and what they said at last. */
  readonly crashes: string[] = [];
  /** Processes that ended again because Redis was away when they started. */
  startsInVain = 0;
  private readonly seats: Seat[] = [];
  private readonly started = { api: 0, worker: 0 };
  private stopping = false;

  private constructor(
    private readonly options: ClusterOptions,
    private readonly directory: string,
    readonly redis: TestRedis,
  ) {}

  /** Resolves once all of it serves. */
  static async start(options: ClusterOptions): Promise<Cluster> {
    const directory = await mkdtemp(path.join(tmpdir(), 'spillway-chaos-'));
    await writeFile(path.join(directory, 'spillway.yaml'), stringify(configOf(options.config)));
    const users = path.join(directory, 'users.acl');
    writeUsers(users);
    const redis = await startRedis({ args: ['--aclfile', users] });
    const cluster = new Cluster(options, directory, redis);
    try {
      await cluster.fill('worker', options.workers);
      await cluster.fill('api', options.apis);
      await Promise.all(cluster.members().map((member) => cluster.serves(member)));
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  members(role?: Role): readonly Member[] {
    return this.seats
      .filter((seat) => role === undefined || seat.role === role)
      .flatMap(({ member }) => member ?? []);
  }

  /** Those that serve, and that nobody has plans for. */
  ready(role: Role): readonly Member[] {
    return this.members(role).filter(({ state }) => state === 'ready');
  }

  /** Where clients may ask: those that are to be killed at a point must be asked to get there. */
  serving(): readonly Member[] {
    return this.members('api').filter(({ state }) => state === 'ready' || state === 'armed');
  }

  /** Kills it where it stands; a successor starts at once, unless there is to be none. */
  kill(member: Member, { successor = true } = {}): void {
    if (member.state === 'dead') return;
    member.state = 'dead';
    member.proxy?.disarm();
    member.child.signal('SIGKILL');
    const seat = this.seats.find((each) => each.member === member);
    if (!seat || !successor || this.stopping) return;
    void member.child.exited
      .then(async () => {
        if (!this.stopping) await this.take(seat);
      })
      .catch((error: unknown) => this.crashes.push(String(error)));
  }

  /** Resolves once it serves; rejects if it ends before, or takes too long. */
  async serves(member: Member): Promise<void> {
    await member.child.prints(member.role === 'api' ? 'listening' : 'worker is ready', START_MS);
    if (member.state === 'starting') member.state = 'ready';
  }

  /** Ends every process, frozen ones too, and Redis. */
  async stop(): Promise<void> {
    this.stopping = true;
    await Promise.all(this.members().map(({ child }) => child.end('SIGKILL')));
    await Promise.all(this.seats.map(async ({ proxy }) => proxy?.close()));
    await this.redis.stop();
    await rm(this.directory, { recursive: true, force: true });
  }

  private async fill(role: Role, count: number): Promise<void> {
    for (let nth = 0; nth < count; nth++) {
      // One api is enough, since whoever is behind a proxy also waits for our own turns.
      const isProxied = role === 'api' ? nth === 0 : nth % 2 === 0;
      const proxy = isProxied ? await RedisProxy.start(this.redis.port) : undefined;
      const seat: Seat = { role, proxy, member: undefined };
      this.seats.push(seat);
      await this.take(seat);
    }
  }

  /** Starts the next process of a seat; it serves later. */
  private async take(seat: Seat): Promise<void> {
    const { role, proxy } = seat;
    const port = role === 'api' ? await findFreePort() : 0;
    const name = `${role}-${++this.started[role]}`;
    const base = this.options.upstream.baseUrlOf(name);
    const redisUrl = proxy ? `redis://127.0.0.1:${proxy.port}` : this.redis.url;
    const main = path.resolve(`dist/apps/${role}/src/main.js`);
    const child = Child.start(name, process.execPath, ['--enable-source-maps', main], {
      cwd: this.directory,
      env: {
        REDIS_URL: asUser(redisUrl, `spillway-${role}`),
        UPSTREAM: base,
        PORT: String(port),
        // A start costs half the time: a campaign has a thousand of them.
        NODE_COMPILE_CACHE: path.join(this.directory, 'compiled'),
      },
    });
    const url = `http://127.0.0.1:${port}`;
    const member: Member = { role, name, child, url, proxy, state: 'starting' };
    seat.member = member;
    void child.exited.then((code) => this.noteEnd(member, code));
    this.serves(member).catch((error: unknown) => {
      // One that ended by itself is noted as such.
      if (member.child.isRunning && !this.stopping) this.crashes.push(String(error));
    });
  }

  private noteEnd(member: Member, code: number | null): void {
    if (member.state === 'dead' || this.stopping) return;
    // Started while Redis was away: it says so and ends, and whatever supervises it tries again, as we do.
    if (member.state === 'starting' && /Redis at .* does not answer/.test(member.child.output)) {
      this.startsInVain++;
      return this.kill(member);
    }
    this.crashes.push(`${member.name} ended (${code}): ${member.child.output.slice(-LAST_WORDS)}`);
    this.kill(member);
  }
}

function configOf(more: object = {}): object {
  const provider = (name: string) => ({
    ...{ kind: 'openai-compatible', baseUrl: `\${UPSTREAM}/${name}/v1`, concurrency: 96 },
    ...{ workerConcurrency: 24, location: 'local', models: ['one', 'two'] },
  });
  return {
    providers: { gpu: provider('gpu'), spare: provider('spare') },
    models: {
      one: { targets: [{ provider: 'gpu' }] },
      two: { targets: [{ provider: 'gpu' }, { provider: 'spare' }] },
    },
    timeouts: { firstTokenMs: 4_000, idleMs: 4_000, responseMs: 15_000, totalMs: TOTAL_MS },
    ...more,
  };
}
