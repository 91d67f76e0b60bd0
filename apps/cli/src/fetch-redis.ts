import { execFile } from 'node:child_process';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { findRedisBinary, unpackedRedis } from './redis-binary.js';
import type { RedisBinary } from './redis-binary.js';
import { StartError } from './start-error.js';

const run = promisify(execFile);

/** The server and the libraries of its own; what else it is linked to belongs to every Debian. */
const PACKAGES = ['redis-server', 'redis-tools', 'libjemalloc2', 'liblua5.1-0', 'liblzf1', 'libatomic1'];

const FETCH_MS = 120_000;

/**
 * A Redis server of this machine; where there is none, Debian's packages are unpacked into `cacheDir` without root, or
 * as root installed.
 *
 * @throws StartError with the commands that would help.
 */
export async function ensureRedisBinary(cacheDir: string, say: (line: string) => void): Promise<RedisBinary> {
  const searchPath = process.env['PATH'] ?? '';
  const found = await findRedisBinary(searchPath, cacheDir);
  if (found) return found;
  say(`fetching Redis into ${cacheDir}`);
  const unpacked = await unpackPackages(cacheDir).catch(() => undefined);
  if (unpacked) return unpacked;
  if (process.getuid?.() === 0) {
    say('installing redis-server with apt-get');
    await install().catch(() => undefined);
    const installed = await findRedisBinary(searchPath, cacheDir);
    if (installed) return installed;
  }
  throw new StartError(
    [
      'there is no Redis on this machine, and none could be fetched. Any one of these helps:',
      '  sudo apt-get install redis-server        (or: brew install redis)',
      '  docker run -d -p 6379:6379 valkey/valkey:8-alpine valkey-server --appendonly yes',
      '  REDIS_URL=redis://host:6379 ./spillway up',
    ].join('\n'),
  );
}

/** Unpacks beside the final folder and renames: one that was broken off is never mistaken for a whole one. */
async function unpackPackages(cacheDir: string): Promise<RedisBinary | undefined> {
  const folder = `${cacheDir}.${process.pid}`;
  const downloads = path.join(folder, 'downloads');
  try {
    await mkdir(downloads, { recursive: true });
    await run('apt-get', ['download', ...PACKAGES], { cwd: downloads, timeout: FETCH_MS });
    for (const file of await readdir(downloads)) {
      if (file.endsWith('.deb')) await run('dpkg', ['-x', path.join(downloads, file), folder]);
    }
    await rm(downloads, { recursive: true });
    await rm(cacheDir, { recursive: true, force: true });
    await rename(folder, cacheDir);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  const binary = await unpackedRedis(cacheDir);
  // A package of another architecture or a missing library shows here, not in the middle of a start.
  if (binary) await run(binary.command, ['--version'], { env: { ...process.env, ...binary.env } });
  return binary;
}

async function install(): Promise<void> {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await run('apt-get', ['update'], { env, timeout: FETCH_MS });
  const options = ['install', '-y', '--no-install-recommends'];
  await run('apt-get', [...options, 'redis-server'], { env, timeout: FETCH_MS });
}
