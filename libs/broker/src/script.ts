import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';

type Argument = string | number | Buffer;

/** A reply of a script, read as bytes: arrays nest and may hold errors, numbers are integers, everything else is bytes. */
export type Reply = Buffer | number | null | Error | readonly Reply[];

function source(name: string): string {
  return readFileSync(new URL(`./lua/${name}.lua`, import.meta.url), 'utf8');
}

const CONSTANT = /^local ([A-Z][A-Z_]+) = (KEYS\[\d+\]|ARGV\[\d+\]|\d+|'[^']*')$/gm;

/**
 * Puts the values of constants where their names are. Each call of a script makes its functions anew, and pays for
 * every local that one of them refers to: a quarter of what a short script costs.
 */
function inlineConstants(lua: string): string {
  const values = new Map<string, string>();
  const rest = lua.replace(CONSTANT, (_, name: string, value: string) => {
    values.set(name, value);
    return '';
  });
  return rest.replace(/\b[A-Z][A-Z_]+\b/g, (name) => values.get(name) ?? name);
}

/** The Lua of `clock()`: ms of Redis's own clock. Tests of time pass another. */
export const REDIS_CLOCK = source('clock');

/** One Lua script: sent by its hash, and whole to a Redis that does not know it yet. */
export class Script {
  /** By what Redis knows it. */
  readonly sha: string;
  private readonly lua: string;

  /** `parts`: what the script is made of beside itself, files of lua/ too; each needs those before it. */
  constructor(name: string, parts: readonly string[], clock: string) {
    this.lua = inlineConstants([clock, ...[...parts, name].map(source)].join('\n'));
    this.sha = createHash('sha1').update(this.lua).digest('hex');
  }

  async run(redis: Redis, keys: readonly string[], args: readonly Argument[]): Promise<Reply> {
    const rest = [keys.length, ...keys, ...args];
    try {
      return (await redis.callBuffer('EVALSHA', [this.sha, ...rest])) as Reply;
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return (await redis.callBuffer('EVAL', [this.lua, ...rest])) as Reply;
    }
  }
}

/** Reads a reply that must be a list. */
export function list(reply: Reply | undefined): readonly Reply[] {
  if (!Array.isArray(reply)) throw new Error(`expected a list from Redis, got ${String(reply)}`);
  return reply as readonly Reply[];
}

export function text(reply: Reply | undefined): string {
  if (Buffer.isBuffer(reply)) return reply.toString();
  if (typeof reply === 'number') return String(reply);
  throw new Error(`expected text from Redis, got ${String(reply)}`);
}

export function number(reply: Reply | undefined): number {
  return Number(text(reply));
}

export function bytes(reply: Reply | undefined): Buffer {
  if (Buffer.isBuffer(reply)) return reply;
  throw new Error(`expected bytes from Redis, got ${String(reply)}`);
}
