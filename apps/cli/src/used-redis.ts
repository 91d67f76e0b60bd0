import type { LoadedConfig } from '#config/load-config.js';
import { findOwnRedis, redisDataDir, redisDataDirs } from './own-redis.js';
import { isRedisAsked } from './redis-asked.js';

/**
 * The Redis that an `up` of this folder has started and that is meant where nobody names another one: that of our port,
 * or the only one that runs. Undefined: the one of the configuration is meant.
 */
export async function findUsedRedis(loaded: LoadedConfig, root: string): Promise<string | undefined> {
  if (isRedisAsked(loaded)) return undefined;
  const ours = await findOwnRedis(redisDataDir(root, loaded.config.server.port));
  if (ours !== undefined) return ours;
  const running = await Promise.all((await redisDataDirs(root)).map((dir) => findOwnRedis(dir)));
  const urls = running.filter((url) => url !== undefined);
  return urls.length === 1 ? urls[0] : undefined;
}
