import { createHash } from 'node:crypto';
import { Redis } from 'ioredis';
import { Keys } from '#broker/keys.js';
import { Ledger } from '#broker/ledger.js';
import { wordsOf } from './resp.js';

/** Points in a run that the upstream sees. */
export const UPSTREAM_POINTS = [
  'after-connect',
  'after-headers',
  'first-token',
  'mid',
  'last-token',
] as const;
export type UpstreamPoint = (typeof UPSTREAM_POINTS)[number];

/** Points in a run that only Redis sees, by the command that a worker is about to send, or was just answered. */
export const WORKER_POINTS = [
  'before-claim',
  'after-claim',
  'before-seal',
  'after-seal',
  'before-ack',
  'between-next-and-add',
] as const;
export type WorkerPoint = (typeof WORKER_POINTS)[number];
/** The same of an api. */
export const API_POINTS = ['between-accept-and-add'] as const;
export type ApiPoint = (typeof API_POINTS)[number];
export type RedisPoint = WorkerPoint | ApiPoint;

/** `before`: the command never reaches Redis; `after`: it does, and its reply never reaches the process. */
const MOMENTS = {
  'before-claim': ['claim', 'before'],
  'after-claim': ['claim', 'after'],
  'before-seal': ['seal', 'before'],
  'after-seal': ['seal', 'after'],
  'before-ack': ['ack', 'before'],
  'between-next-and-add': ['next', 'after'],
  'between-accept-and-add': ['accept', 'after'],
} as const satisfies Record<RedisPoint, readonly [CommandKind, 'before' | 'after']>;

export type CommandKind = 'accept' | 'claim' | 'next' | 'seal' | 'ack';

export function momentOf(point: RedisPoint): { kind: CommandKind; when: 'before' | 'after' } {
  const [kind, when] = MOMENTS[point];
  return { kind, when };
}

/** By their hashes. */
let scripts: ReadonlyMap<string, CommandKind> | undefined;

/** Words of a command that are looked at: a script's name and keys, and the first of its arguments. */
const WORDS = 40;
/** BullMQ's `moveToFinished` is the one script with so many keys whose fifth is the stalled set. */
const ACK_KEYS = 14;

/** What a command does to a request, if it is one of those at which processes are killed. */
export function recognise(command: Buffer): { kind: CommandKind; request: string } | undefined {
  if (!/^\*\d+\r\n\$(7|4)\r\neval/i.test(command.toString('latin1', 0, 24))) return undefined;
  const [name = '', script = '', count = '0', ...rest] = wordsOf(command, WORDS);
  const [first = '', , guard] = rest.slice(Number(count));
  const sha = name.toLowerCase() === 'evalsha' ? script : sha1(script);
  scripts ??= hashScripts();
  const kind = scripts.get(sha);
  // Others seal, too: a sweeper a passed deadline, an api a cancelled request.
  if (kind === 'seal' && guard !== 'epoch') return undefined;
  if (kind) return { kind, request: first };
  if (Number(count) !== ACK_KEYS || !rest[4]?.endsWith(':stalled')) return undefined;
  return { kind: 'ack', request: first.replace(/-\d+-\d+$/, '') };
}

function hashScripts(): ReadonlyMap<string, CommandKind> {
  const ledger = new Ledger(new Redis({ lazyConnect: true }), new Keys('spillway', 1));
  const kinds = ['accept', 'claim', 'next', 'seal'] as const;
  return new Map(kinds.map((kind) => [ledger.hashOf(kind), kind]));
}

function sha1(text: string): string {
  return createHash('sha1').update(text).digest('hex');
}
