import type { Redis } from 'ioredis';
import { redactUrl, type BrokerLog } from './connection.js';

const START_TIMEOUT_MS = 10_000;

interface DurabilityOptions {
  readonly redis: { readonly url: string };
  readonly allowVolatile: boolean;
  readonly log: BrokerLog;
}

/**
 * Waits for Redis, then refuses one that would lose accepted requests on a restart (no AOF) or evict them when it is
 * full. A Redis that does not say how it is configured gets a warning.
 *
 * @throws if Redis does not answer within 10 s, refuses our user, or is volatile and `allowVolatile` is off; the message has the remedy
 */
export async function checkDurability(
  redis: Redis,
  { redis: { url }, allowVolatile, log }: DurabilityOptions,
) {
  await whenReady(redis, url);
  const settings = await readSettings(redis);
  if (!settings) {
    log.warn(
      { redis: redactUrl(url) },
      'Redis does not tell its persistence; make sure of AOF and noeviction',
    );
    return;
  }
  const problems = [
    ...(settings.aof ? [] : ['appendonly is off (remedy: CONFIG SET appendonly yes)']),
    ...(settings.policy === 'noeviction'
      ? []
      : [`maxmemory-policy is ${settings.policy} (remedy: CONFIG SET maxmemory-policy noeviction)`]),
  ];
  if (problems.length === 0) return;
  const message = `Redis at ${redactUrl(url)} could lose accepted requests: ${problems.join('; ')}.`;
  if (!allowVolatile) throw new Error(`${message} SPILLWAY_ALLOW_VOLATILE=1 accepts that.`);
  log.warn({}, message);
}

async function whenReady(redis: Redis, url: string): Promise<void> {
  if (redis.status === 'ready') return;
  let reason = 'no answer';
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const note = (error: Error) => {
    reason = error.message;
    if (!/^(WRONGPASS|NOAUTH)/.test(reason)) return;
    reject(
      new Error(`Redis at ${redactUrl(url)} refuses our user (${reason}). Correct redis.url or REDIS_URL.`),
    );
  };
  redis.on('error', note);
  const timer = setTimeout(() => {
    reject(new Error(`Redis at ${redactUrl(url)} does not answer (${reason}). Start it, or set REDIS_URL.`));
  }, START_TIMEOUT_MS);
  redis.once('ready', resolve);
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    redis.off('error', note);
    redis.off('ready', resolve);
  }
}

async function readSettings(redis: Redis): Promise<{ aof: boolean; policy: string } | undefined> {
  try {
    const info = `${await redis.info('persistence')}\n${await redis.info('memory')}`;
    const value = (name: string) => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1];
    return { aof: value('aof_enabled') === '1', policy: value('maxmemory_policy') ?? 'unknown' };
  } catch {
    return undefined;
  }
}
