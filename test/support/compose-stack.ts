import { randomBytes } from 'node:crypto';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { findFreePort } from '../../apps/cli/src/free-port.js';
import type { Child } from './child.js';
import { ChatCall, type Question } from './chat-call.js';
import { eventually, fetchAnswer } from './client.js';
import { docker, startDocker, whenWeAreGone } from './docker.js';

const project = path.resolve(import.meta.dirname, '../..');
/** How much of what the containers printed a failure shows: the end of it. */
const PRINTED_CHARS = 6_000;
/** What a fresh clone does not have. */
const NOT_IN_A_CLONE = [
  'node_modules',
  'dist',
  'coverage',
  '.git',
  '.cache',
  '.data',
  '.env',
  'spillway.yaml',
];

/** Copies the project as a fresh clone has it; the answer is where to. */
export async function copyProject(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'spillway-docker-'));
  const left = new Set(NOT_IN_A_CLONE.map((name) => path.join(project, name)));
  await cp(project, folder, { recursive: true, filter: (source) => !left.has(source) });
  return folder;
}

/** A name that no other run has. */
export function ownName(): string {
  return `spillway-test-${randomBytes(4).toString('hex')}`;
}

/** The project's compose file, run from a copy of the project under a name, an image and a port of its own. */
export class ComposeStack {
  private constructor(
    readonly folder: string,
    readonly name: string,
    readonly port: number,
    private readonly callOff: () => void,
  ) {}

  /** Nothing runs yet. */
  static async create(): Promise<ComposeStack> {
    const [folder, name, port] = [await copyProject(), ownName(), await findFreePort()];
    const clear = `docker compose -p ${name} down -v -t 0 --remove-orphans; docker image rm ${name}; rm -rf ${folder}`;
    return new ComposeStack(folder, name, port, whenWeAreGone(clear));
  }

  /** Base URL of the api, without `/v1`. */
  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Runs `docker compose` to its end. */
  async compose(...args: readonly string[]): Promise<string> {
    return docker(...this.call(args));
  }

  /** Starts `docker compose`, for a test that watches it work. */
  start(...args: readonly string[]): Child {
    return startDocker(...this.call(args));
  }

  /** `docker compose up -d --wait`, and how long it took, s. */
  async up(...args: readonly string[]): Promise<number> {
    const startedAt = performance.now();
    await this.compose('up', '-d', '--wait', ...args);
    return (performance.now() - startedAt) / 1000;
  }

  /** Resolves once the api takes requests: a moment after its Redis does. */
  async becomesReady(): Promise<void> {
    const ready = async () => (await fetchAnswer(`${this.url}/readyz`)).status === 200 || undefined;
    await eventually(ready, 'the api to be ready', 15_000);
  }

  /** Writes `.env`, as users do; takes effect at the next `up`. */
  async configure(variables: Readonly<Record<string, string>>): Promise<void> {
    const lines = Object.entries(variables).map(([name, value]) => `${name}=${value}\n`);
    await writeFile(path.join(this.folder, '.env'), lines.join(''));
  }

  /** The containers of a service, stopped ones too. */
  async containers(service: string): Promise<readonly ContainerState[]> {
    const ids = (await this.compose('ps', '-a', '-q', service)).split('\n').filter(Boolean);
    return ids.length === 0 ? [] : inspectContainers(ids);
  }

  async logs(...services: readonly string[]): Promise<string> {
    return this.compose('logs', '--no-color', '--no-log-prefix', ...services);
  }

  ask(marker: string, question: Partial<Question> = {}): ChatCall {
    return new ChatCall(this.url, { marker, ...question });
  }

  /** Runs what a test does; what the containers printed last is part of a failure. */
  async play(test: () => Promise<void>): Promise<void> {
    try {
      await test();
    } catch (error) {
      const printed = await this.logs('--tail', '40').catch(String);
      const end = printed.slice(-PRINTED_CHARS);
      throw new Error(`${String(error)}\n--- the containers printed:\n${end}`, { cause: error });
    }
  }

  /** Ends and removes all of it, its data and its image too. */
  async remove(): Promise<void> {
    await this.compose('--profile', '*', 'down', '-v', '-t', '0', '--remove-orphans', '--rmi', 'local');
    await docker(['image', 'rm', this.name]).catch(() => undefined); // gone already, or never built
    await rm(this.folder, { recursive: true, force: true });
    this.callOff();
  }

  private call(args: readonly string[]): Parameters<typeof docker> {
    const env = { SPILLWAY_PORT: String(this.port), SPILLWAY_IMAGE: this.name };
    return [['compose', '-p', this.name, ...args], { cwd: this.folder, env }];
  }
}

/** What a container is doing, as far as tests look into it. */
export interface ContainerState {
  readonly id: string;
  readonly status: string;
  readonly health: string | undefined;
  readonly exitCode: number;
  readonly restarts: number;
  /** Its address in the network of its project. */
  readonly address: string;
  /** Of its main process, in its own namespace of users. */
  readonly user: string;
  readonly ports: readonly string[];
  readonly readOnly: boolean;
}

interface Inspected {
  readonly Id: string;
  readonly RestartCount: number;
  readonly State: {
    readonly Status: string;
    readonly ExitCode: number;
    readonly Health?: { Status: string };
  };
  readonly Config: { readonly User: string };
  readonly HostConfig: { readonly ReadonlyRootfs: boolean };
  readonly NetworkSettings: {
    readonly Networks: Readonly<Record<string, { readonly IPAddress: string }>>;
    readonly Ports: Readonly<Record<string, readonly { HostIp: string; HostPort: string }[] | null>>;
  };
}

async function inspectContainers(ids: readonly string[]): Promise<readonly ContainerState[]> {
  const all = JSON.parse(await docker(['container', 'inspect', ...ids])) as readonly Inspected[];
  return all.map(({ Id, RestartCount, State, Config, HostConfig, NetworkSettings }) => ({
    id: Id,
    status: State.Status,
    health: State.Health?.Status,
    exitCode: State.ExitCode,
    restarts: RestartCount,
    address: Object.values(NetworkSettings.Networks)[0]?.IPAddress ?? '',
    user: Config.User,
    ports: Object.values(NetworkSettings.Ports)
      .flatMap((bound) => bound ?? [])
      .map(({ HostIp, HostPort }) => `${HostIp}:${HostPort}`),
    readOnly: HostConfig.ReadonlyRootfs,
  }));
}
