import type { LoadedConfig } from '#config/load-config.js';

/** The default of `redis.url`. */
const USUAL_REDIS = 'redis://127.0.0.1:6379';

/** Did somebody name this very Redis, in the file or in REDIS_URL? Then no other one is meant. */
export function isRedisAsked({ config, environment }: Pick<LoadedConfig, 'config' | 'environment'>): boolean {
  return environment.redisUrl !== undefined || config.redis.url !== USUAL_REDIS;
}
