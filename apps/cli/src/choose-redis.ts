import { connect as connectTcp } from 'node:net';
import { connect, redactUrl } from '#broker/connection.js';
import type { BrokerLog } from '#broker/connection.js';
import { checkDurability } from '#broker/durability.js';
import { ensureRedisBinary } from './fetch-redis.js';
import { OwnRedis } from './own-redis.js';
import { SILENT_LOG } from './silent-log.js';
import { StartError } from './start-error.js';

export interface RedisChoice {
  readonly url: string;
  /** Which one and why, for the operator. */
  readonly about: string;
  /** We started it, so nobody else's processes use it yet. */
  readonly own: boolean;
  /** Stops it if we started it. */
  stop(): Promise<void>;
}

export interface RedisWish {
  /** `redis.url` of the configuration, with REDIS_URL already in it. */
  readonly url: string;
  /** Somebody asked for this very one: it is used or refused, and nothing else is tried. */
  readonly asked: boolean;
  readonly allowVolatile: boolean;
  /** Where a server of ours keeps its data. */
  readonly dataDir: string;
  /** Where one may be unpacked to. */
  readonly cacheDir: string;
  readonly say: (line: string) => void;
}

/**
 * The Redis that was asked for; else the one on this machine's usual port, if it persists and does not evict; else one
 * of our own.
 *
 * @throws StartError if the one asked for cannot be used, or there is none to be had.
 */
export async function chooseRedis(wish: RedisWish): Promise<RedisChoice> {
  const { url, asked, say } = wish;
  if (asked) {
    const problem = (await answers(url))
      ? await problemOf(wish, wish.allowVolatile)
      : `Redis at ${redactUrl(url)} does not answer. Start it, or correct REDIS_URL (or redis.url).`;
    if (problem !== undefined) throw new StartError(problem);
    return { url, about: `Redis: ${redactUrl(url)}, as configured`, own: false, stop: async () => undefined };
  }
  const notes: string[] = [];
  if (await answers(url)) {
    const problem = await problemOf(wish, false);
    if (problem === undefined) {
      return { url, about: `Redis: the one that answers at ${url}`, own: false, stop: async () => undefined };
    }
    notes.push(`(left alone: ${problem})`);
  }
  const binary = await ensureRedisBinary(wish.cacheDir, say);
  const own = await OwnRedis.start(binary, wish.dataDir, say);
  const about = [`Redis: ${binary.command} on 127.0.0.1:${own.port}, data in ${wish.dataDir}`, ...notes];
  return { url: own.url, about: about.join(' '), own: true, stop: () => own.stop() };
}

/** Why this Redis must not be used; undefined if it may. */
async function problemOf({ url, say }: RedisWish, allowVolatile: boolean): Promise<string | undefined> {
  const redis = connect(url, 'fast', SILENT_LOG);
  try {
    const log: BrokerLog = { ...SILENT_LOG, warn: (_fields, message) => say(message) };
    await checkDurability(redis, { redis: { url }, allowVolatile, log });
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    redis.disconnect();
  }
}

/** What the connection itself reports is in the error of the check already. */
/** Does anything listen there? Asked first, because a client that waits for Redis waits for seconds. */
async function answers(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connectTcp(Number(port) || 6379, hostname);
    const end = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(1_000, () => end(false));
    socket.once('error', () => end(false));
    socket.once('connect', () => end(true));
  });
}
