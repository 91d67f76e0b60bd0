import { Redis, type RedisOptions } from 'ioredis';
import { oneWritePerTurn } from './one-write-per-turn.js';

/** Where processes write what an operator should read; pino's shape. */
export interface BrokerLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/**
 * - `fast`: for whoever has a client waiting: fails at once while Redis is away, and after 2 s without an answer
 * - `patient`: for workers and subscribers: waits, and resends what was under way
 * - `pulse`: as `fast`, and silent in the log: another connection tells the same
 */
export type Patience = 'fast' | 'patient' | 'pulse';

const COMMAND_TIMEOUT_MS = 2_000;
/** How long a new connection may take until Redis has greeted it, ms; then another one is opened. */
const GREETING_MS = 2_000;
/** Longest wait between two tries to connect: what a Redis that is back may wait for us, ms. */
const RETRY_MS = 250;
/** BullMQ's blocking command lasts up to 10 s where jobs are delayed, ms. */
const BLOCKING_SILENCE_MS = 12_000;
/** One try in this time to find a new primary, ms. */
const READONLY_PAUSE_MS = 2_000;

const fast = {
  enableOfflineQueue: false,
  // What was under way when the connection was lost fails at once.
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  commandTimeout: COMMAND_TIMEOUT_MS,
} as const;

/**
 * `socketTimeout`: silence, with commands under way, after which a connection is given up although nobody has closed
 * it. What is resent then may have been done already, so a worker's outlasts a Redis that stops for a few seconds.
 */
const behaviour = {
  fast: { ...fast, socketTimeout: 2_000 },
  pulse: { ...fast, socketTimeout: 1_000 },
  patient: { maxRetriesPerRequest: null, socketTimeout: 8_000 },
} as const satisfies Record<Patience, RedisOptions>;

/** Opens a connection. It reconnects for ever, and logs each loss and return once. */
export function connect(url: string, patience: Patience, log: BrokerLog): Redis {
  const redis = new Redis(url, {
    ...behaviour[patience],
    connectTimeout: GREETING_MS,
    maxLoadingRetryTime: 100,
    // The client's own grows to seconds, which a client of ours would spend waiting for a Redis that is back.
    retryStrategy: (times) => Math.min(50 * times, RETRY_MS),
    reconnectOnError: newPrimaryFinder(),
  });
  expectGreeting(redis);
  const duplicate = redis.duplicate.bind(redis);
  // What BullMQ opens from it, for blocking.
  Object.assign(redis, {
    duplicate: (override?: RedisOptions) =>
      expectGreeting(duplicate({ socketTimeout: BLOCKING_SILENCE_MS, ...override })),
  });
  if (patience === 'pulse') redis.on('error', () => undefined);
  else logLosses(redis, url, log);
  return redis;
}

/** Closes a connection that was opened and not greeted by Redis: neither end would ever do so. */
function expectGreeting(redis: Redis): Redis {
  let greeting: NodeJS.Timeout | undefined;
  redis.on('connect', () => {
    const { stream } = redis;
    oneWritePerTurn(stream);
    greeting = setTimeout(() => stream.destroy(), GREETING_MS);
  });
  for (const event of ['ready', 'close']) redis.on(event, () => clearTimeout(greeting));
  return redis;
}

/** After a failover the old primary answers READONLY. Where nobody takes over, each reconnect would lead to the next. */
function newPrimaryFinder(): (error: Error) => boolean {
  let triedAt = -Infinity;
  return ({ message }) => {
    if (!message.startsWith('READONLY') || performance.now() - triedAt < READONLY_PAUSE_MS) return false;
    triedAt = performance.now();
    return true;
  };
}

function logLosses(redis: Redis, url: string, log: BrokerLog): void {
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
}

/** A Redis URL without its password, for logs. */
export function redactUrl(url: string): string {
  return url.replace(/\/\/[^@/]*@/, '//***@');
}
