import { Redis } from 'ioredis';

/** Everything in a Redis as text: by key, all that its value holds. */
export async function dumpRedis(url: string): Promise<Map<string, string>> {
  const redis = new Redis(url);
  try {
    const dump = new Map<string, string>();
    for (const key of await redis.keys('*')) {
      const value = await readValue(redis, key);
      if (value !== undefined) dump.set(key, JSON.stringify(value));
    }
    return dump;
  } finally {
    redis.disconnect();
  }
}

async function readValue(redis: Redis, key: string): Promise<unknown> {
  const type = await redis.type(key);
  switch (type) {
    case 'string':
      return redis.get(key);
    case 'hash':
      return redis.hgetall(key);
    case 'list':
      return redis.lrange(key, 0, -1);
    case 'set':
      return redis.smembers(key);
    case 'zset':
      return redis.zrange(key, '0', '-1');
    case 'stream':
      return redis.xrange(key, '-', '+');
    case 'none':
      // It has expired meanwhile.
      return undefined;
    default:
      throw new Error(`cannot read ${key}, which is a ${type}`);
  }
}
