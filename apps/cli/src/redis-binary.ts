import { constants } from 'node:fs';
import { access, readdir } from 'node:fs/promises';
import path from 'node:path';

/** A server that can be started, and what it needs to run. */
export interface RedisBinary {
  readonly command: string;
  /** Added to the environment: the unpacked Debian package brings its own libraries. */
  readonly env: Readonly<Record<string, string>>;
}

/**
 * The Redis server of this machine: `redis-server` on the given PATH, else the one unpacked under `cacheDir`, else
 * `valkey-server` on PATH. Undefined if there is none.
 */
export async function findRedisBinary(
  searchPath: string,
  cacheDir: string,
): Promise<RedisBinary | undefined> {
  return (
    (await onPath('redis-server', searchPath)) ??
    (await unpackedRedis(cacheDir)) ??
    (await onPath('valkey-server', searchPath))
  );
}

/** The server that the launcher unpacked from Debian's packages, if it did. */
export async function unpackedRedis(cacheDir: string): Promise<RedisBinary | undefined> {
  const command = path.join(cacheDir, 'usr/bin/redis-server');
  if (!(await isExecutable(command))) return undefined;
  const folders = await Promise.all(
    ['usr/lib', 'lib'].map((lib) => libraryFolders(path.join(cacheDir, lib))),
  );
  return { command, env: { LD_LIBRARY_PATH: folders.flat().join(path.delimiter) } };
}

async function onPath(name: string, searchPath: string): Promise<RedisBinary | undefined> {
  for (const folder of searchPath.split(path.delimiter).filter((part) => part !== '')) {
    const command = path.join(folder, name);
    if (await isExecutable(command)) return { command, env: {} };
  }
  return undefined;
}

/** Debian keeps libraries one level down, by architecture: `usr/lib/x86_64-linux-gnu`. */
async function libraryFolders(lib: string): Promise<readonly string[]> {
  const entries = await readdir(lib, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map((entry) => path.join(lib, entry.name));
}

async function isExecutable(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}
