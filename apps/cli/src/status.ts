import { StatusReader } from '#broker/status-reader.js';
import type { LoadedConfig } from '#config/load-config.js';
import { formatStatus } from './format-status.js';
import { SILENT_LOG } from './silent-log.js';
import { StartError } from './start-error.js';
import { findUsedRedis } from './used-redis.js';

const READ_MS = 3_000;

/**
 * What goes on in this installation, as lines: a table, or JSON. Looks at the Redis of the configuration, or at the one
 * that an `up` of this folder has started.
 *
 * @throws StartError if Redis is away, or nothing runs.
 */
export async function readStatus(loaded: LoadedConfig, root: string, json: boolean): Promise<string[]> {
  const { redis } = loaded.config;
  const url = (await findUsedRedis(loaded, root)) ?? redis.url;
  const reader = new StatusReader({ ...redis, url }, SILENT_LOG);
  try {
    const status = await reader.read(READ_MS).catch((error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error);
      throw new StartError(
        `Redis does not answer (${reason}), so nothing can be said. Start Spillway with ./spillway up, or correct REDIS_URL (or redis.url).`,
      );
    });
    if (status.workers.length > 0) return json ? [JSON.stringify(status, null, 2)] : formatStatus(status);
    const waiting = status.providers.reduce((sum, each) => sum + each.waiting, 0);
    const left = waiting === 0 ? '' : `, and ${waiting} ${waiting === 1 ? 'request waits' : 'requests wait'}`;
    throw new StartError(
      `nothing runs: no worker has a heartbeat in ${status.redis}${left}. Start Spillway with ./spillway up, or a worker with ./spillway worker.`,
    );
  } finally {
    reader.close();
  }
}
