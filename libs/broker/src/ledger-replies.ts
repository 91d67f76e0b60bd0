import type { Endpoint } from '#core/endpoint.js';
import { shardOf } from '#core/ids.js';
import type {
  AcceptReply,
  DeadLetter,
  Outcome,
  Placed,
  RequestState,
  Run,
} from '#core/ledger/transitions.js';
import type { Target } from '#core/target.js';
import { bytes, list, number, text, type Reply } from './script.js';

/** What a reader is told of one request it attends. */
export interface Attended {
  /** The log's last id; empty where the ledger does not know the request. */
  readonly last: string;
  readonly state: 'waiting' | 'running' | 'ended' | '';
  /** 1 is next; 0 where it does not wait. */
  readonly position: number;
  readonly paceMs?: number;
}

/** Undefined: the key was given to another request meanwhile; ask again. */
export function readAccepted([kind, detail, pace]: readonly Reply[]): AcceptReply | undefined {
  switch (text(kind)) {
    case 'queue_full':
      return { kind: 'queue_full', waiting: number(detail), ...readPace(pace) };
    case 'attached':
      return { kind: 'attached', request: text(detail) };
    case 'conflict':
      return { kind: 'conflict' };
    case 'again':
      return undefined;
    default:
      return { kind: 'accepted' };
  }
}

export function readPlaced(reply: readonly Reply[]): Placed {
  const [, attempt, placement, target, provider, delayMs] = reply;
  return {
    attempt: number(attempt),
    placement: number(placement),
    target: number(target),
    provider: text(provider),
    delayMs: number(delayMs),
  };
}

export function placedOrNot(reply: Reply): Placed | undefined {
  const row = list(reply);
  return text(row[0]) === 'placed' ? readPlaced(row) : undefined;
}

export function readRun(reply: readonly Reply[]): Run {
  return {
    epoch: number(reply[1]),
    attempt: number(reply[2]),
    start: number(reply[3]),
    target: number(reply[4]),
    targets: JSON.parse(text(reply[5])) as Target[],
    model: text(reply[6]),
    application: textOrNull(reply[7]),
    stream: text(reply[8]) === '1',
    includeUsage: text(reply[9]) === '1',
    remainingMs: number(reply[10]),
    timeoutMs: number(reply[11]),
    trail: (JSON.parse(text(reply[12])) as unknown[]).map((record) => JSON.stringify(record)),
    body: bytes(reply[13]),
    endpoint: readEndpoint(text(reply[14])),
  };
}

/** A record without one was made when there was none but chat. */
export function readEndpoint(field: string): Endpoint {
  return field === '' ? 'chat' : (field as Endpoint);
}

export function readAttended([last, state, position, pace]: readonly Reply[]): Attended {
  return {
    last: text(last),
    state: text(state) as Attended['state'],
    position: number(position),
    ...readPace(pace),
  };
}

/** The reply of describe.lua; empty where the ledger does not know the request. */
export function readState(reply: readonly Reply[]): RequestState | undefined {
  if (reply.length === 0) return undefined;
  const [application, state, outcome, stream, keep, model, created, deadline, attempt, provider, ended] =
    reply;
  const position = number(reply[11]);
  return {
    application: textOrNull(application),
    state: text(state) as RequestState['state'],
    ...(text(outcome) !== '' && { outcome: text(outcome) as Outcome['kind'] }),
    stream: text(stream) === '1',
    keepMs: text(keep) === '' ? null : number(keep),
    model: text(model),
    createdAt: number(created),
    deadlineAt: number(deadline),
    attempt: number(attempt),
    provider: text(provider),
    ...(text(ended) !== '' && { endedAt: number(ended) }),
    ...(position > 0 && { position }),
    ...readPace(reply[12]),
  };
}

/** A row of the dead letters' stream: field, value, field, value. */
export function readDeadLetter(fields: readonly string[]): DeadLetter {
  const row: Record<string, string> = {};
  for (let i = 0; i + 1 < fields.length; i += 2) row[fields[i] ?? ''] = fields[i + 1] ?? '';
  const field = (name: string) => row[name] ?? '';
  return {
    request: field('request'),
    application: field('application') === '' ? null : field('application'),
    model: field('model'),
    provider: field('provider'),
    attempt: Number(field('attempt')),
    starts: Number(field('starts')),
    at: Number(field('at')),
    kept: field('kept') === '1',
  };
}

export function groupByShard<T>(items: readonly T[], idOf: (item: T) => string): [number, T[]][] {
  const groups = new Map<number, T[]>();
  for (const item of items) {
    const shard = shardOf(idOf(item)) ?? 0;
    const group = groups.get(shard);
    if (group) group.push(item);
    else groups.set(shard, [item]);
  }
  return [...groups];
}

function textOrNull(reply: Reply | undefined): string | null {
  const value = text(reply);
  return value === '' ? null : value;
}

function readPace(reply: Reply | undefined): { readonly paceMs?: number } {
  const pace = text(reply);
  return pace === '' ? {} : { paceMs: Number(pace) };
}
