import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { findFreePort } from '../../apps/cli/src/free-port.js';
import { startRedis } from '../../test/support/redis.js';
import type { TestRedis } from '../../test/support/redis.js';
import type { Role, Target } from '../contract.js';
import { ServerProcess } from './server-process.js';
import type { ServerProcessOptions } from './server-process.js';
import { untilAnswers } from './until-answers.js';

/** Where the servers of a target find each other. */
export interface Place {
  /** That the one which is called must listen on, of 127.0.0.1. */
  readonly port: number;
  /** Working directory of all; removed in the end. */
  readonly directory: string;
  /** Of an own Redis; empty without one. */
  readonly redisUrl: string;
}

export interface Server extends Omit<ServerProcessOptions, 'directory' | 'name'> {
  readonly role: Exclude<Role, 'redis'>;
}

export interface ServerTargetOptions {
  readonly name: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Default `bench-model`. */
  readonly model?: string;
  /** An own Redis with AOF, as Spillway has one. Default false. */
  readonly hasRedis?: boolean;
  /** Its processes; may write the files that they need. */
  servers(place: Place): Promise<readonly Server[]>;
}

/**
 * Starts the servers of a target, and answers once a call comes through.
 * @throws if one of them ends instead (a taken port, a missing module), with its last words.
 */
export async function startServerTarget(options: ServerTargetOptions): Promise<Target> {
  const { name, headers = {}, model = 'bench-model', hasRedis = false } = options;
  const directory = await mkdtemp(path.join(tmpdir(), 'spillway-bench-'));
  const started: { readonly role: Role; readonly server: ServerProcess }[] = [];
  let redis: TestRedis | undefined;
  const stop = async () => {
    await Promise.all(started.map(({ server }) => server.end()));
    await redis?.stop();
    await rm(directory, { recursive: true, force: true });
  };
  try {
    if (hasRedis) redis = await startRedis();
    const port = await findFreePort();
    for (const { role, ...server } of await options.servers({ port, directory, redisUrl: redis?.url ?? '' }))
      started.push({ role, server: await ServerProcess.start({ ...server, name: role, directory }) });
    const target: Target = {
      ...{ name, headers, model, stop },
      url: `http://127.0.0.1:${port}/v1/chat/completions`,
      processes: [
        ...started.map(({ role, server }) => ({ role, pid: server.pid })),
        ...(redis ? [{ role: 'redis' as const, pid: redis.pid }] : []),
      ],
      ...(redis && { redisUrl: redis.url }),
    };
    const servers = started.map(({ server }) => server);
    await untilAnswers(target, servers);
    return target;
  } catch (error) {
    await stop();
    throw error;
  }
}

/** One of our own programs, as Node runs it: types are only left out, nothing else happens to it. */
export function ownProgram(file: string, args: readonly string[]): Pick<Server, 'command' | 'args' | 'env'> {
  const program = path.join(import.meta.dirname, 'programs', file);
  return {
    command: process.execPath,
    args: ['--disable-warning=ExperimentalWarning', program, ...args],
    env: { NODE_ENV: 'production' },
  };
}
