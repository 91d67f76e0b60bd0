import { Redis, type RedisOptions } from 'ioredis';

/** Where processes write what an operator should read; pino's shape. */
export interface BrokerLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/**
 * - `fast`: for whoever has a client waiting: fails at once while Redis is away, and after 2 s without an answer
 * - `patient`: for workers and subscribers: waits, and resends what was under way
 */
export type Patience = 'fast' | 'patient';

const COMMAND_TIMEOUT_MS = 2_000;

const behaviour = {
  fast: { enableOfflineQueue: false, maxRetriesPerRequest: 1, commandTimeout: COMMAND_TIMEOUT_MS },
  patient: { maxRetriesPerRequest: null },
} as const satisfies Record<Patience, RedisOptions>;

/** Opens a connection. It reconnects for ever, at most a second apart, and logs each loss and return once. */
export function connect(url: string, patience: Patience, log: BrokerLog): Redis {
  const redis = new Redis(url, {
    ...behaviour[patience],
    connectTimeout: 5_000,
    // The client's own grows to 20 s, which a client of ours would spend waiting for a Redis that is back.
    retryStrategy: (times) => Math.min(100 * times, 1_000),
    // After a failover the old primary answers READONLY: connect anew, and resend what it refused.
    reconnectOnError: (error: Error) => (error.message.startsWith('READONLY') ? 2 : false),
  });
  let lost = false;
  redis.on('error', (error: Error) => {
    if (lost) return;
    lost = true;
    log.warn(
      { redis: redactUrl(url), reason: error.message },
      'Redis is away; trying again until it answers',
    );
  });
  redis.on('ready', () => {
    if (lost) log.info({ redis: redactUrl(url) }, 'Redis is back');
    lost = false;
  });
  return redis;
}

/** A Redis URL without its password, for logs. */
export function redactUrl(url: string): string {
  return url.replace(/\/\/[^@/]*@/, '//***@');
}
