import type { Redis } from 'ioredis';
import type {
  AcceptReply,
  AppendArgs,
  ClaimArgs,
  ClaimReply,
  Guard,
  LapseReply,
  LogEntry,
  NewRequest,
  NextArgs,
  Placed,
  RenewReply,
  SealArgs,
  SettleArgs,
} from '#core/ledger/transitions.js';
import { shardOf } from '#core/ids.js';
import type { Target } from '#core/target.js';
import type { Keys } from './keys.js';
import { bytes, list, number, REDIS_CLOCK, Script, text, type Reply } from './script.js';

/** What a reader is told of one request it attends. */
export interface Attended {
  /** The log's last id; empty where the ledger does not know the request. */
  readonly last: string;
  readonly state: 'waiting' | 'running' | 'ended' | '';
  /** 1 is next; 0 where it does not wait. */
  readonly position: number;
  readonly paceMs?: number;
}

type ScriptName =
  'accept' | 'claim' | 'append' | 'seal' | 'settle' | 'next' | 'release' | 'lapse' | 'confirm' | 'replace';

/**
 * The truth about every request: its record, body and frame log, changed only by the Lua scripts beside this file.
 * Each method is one script, safe to send again; libs/core/src/ledger/model.ts specifies them. Rejects with the
 * client's error when Redis does not answer, and then the transition may or may not have happened.
 */
export class Ledger {
  private readonly scripts: Record<ScriptName, Script>;
  private readonly renewScript: Script;
  private readonly attendScript: Script;

  constructor(
    private readonly redis: Redis,
    private readonly keys: Keys,
    clock = REDIS_CLOCK,
  ) {
    const about = (name: ScriptName) => new Script(name, 'request', clock);
    this.scripts = {
      accept: about('accept'),
      claim: about('claim'),
      append: about('append'),
      seal: about('seal'),
      settle: about('settle'),
      next: about('next'),
      release: about('release'),
      lapse: about('lapse'),
      confirm: about('confirm'),
      replace: about('replace'),
    };
    this.renewScript = new Script('renew', 'many', clock);
    this.attendScript = new Script('attend', 'many', clock);
  }

  /** Writes a new request, or refuses it and stores nothing. Its job is added afterwards, never before. */
  async accept(request: NewRequest): Promise<AcceptReply> {
    const [kind, waiting, pace] = list(
      await this.run('accept', request.id, [
        request.application ?? '',
        request.model,
        request.stream ? 1 : 0,
        request.includeUsage ? 1 : 0,
        JSON.stringify(request.targets),
        request.timeoutMs,
        request.replica,
        request.maxWaiting,
        request.body,
      ]),
    );
    if (text(kind) === 'accepted') return { kind: 'accepted' };
    const paceMs = text(pace);
    return { kind: 'queue_full', waiting: number(waiting), ...(paceMs !== '' && { paceMs: Number(paceMs) }) };
  }

  /** The first act of whoever holds a job. */
  async claim({ request, attempt, token, worker }: ClaimArgs): Promise<ClaimReply> {
    const reply = list(await this.run('claim', request, [attempt, token, worker]));
    const kind = text(reply[0]);
    if (kind === 'run') return { kind, ...readRun(reply) };
    if (kind === 'superseded') return { kind, ...readPlaced(reply) };
    return { kind: kind === 'busy' ? 'busy' : 'done' };
  }

  /** Logs and publishes a run's next frame. False: stop, another run holds the request, or it ended. */
  async append({ request, epoch, seq, bytes: frame }: AppendArgs): Promise<boolean> {
    return this.yes('append', request, [epoch, seq, frame]);
  }

  /** Ends a request, with its last frame in the same step. True also for the same seal again. */
  async seal({ request, guard, outcome, last, record }: SealArgs): Promise<boolean> {
    const failed = outcome.kind === 'failed';
    return this.yes('seal', request, [
      ...guardArguments(guard),
      outcome.kind,
      failed ? outcome.code : '',
      failed ? JSON.stringify(outcome.params) : '{}',
      record ?? '',
      last?.seq ?? '',
      last?.bytes ?? '',
    ]);
  }

  /** Records what one upstream call used. False: that run has its row already. */
  async settle({ request, epoch, usage }: SettleArgs): Promise<boolean> {
    return this.yes('settle', request, [epoch, usage]);
  }

  /** Moves a request on to another target; the caller then adds the job. Undefined: it is no longer the caller's. */
  async next({ request, guard, target, record }: NextArgs): Promise<Placed | undefined> {
    return placedOrNot(await this.run('next', request, [...guardArguments(guard), target, record]));
  }

  /**
   * Hands a run back on drain, as if it had not started; the caller then adds the job. Undefined: its output was seen,
   * or it is no longer the caller's.
   */
  async release(request: string, epoch: number): Promise<Placed | undefined> {
    return placedOrNot(await this.run('release', request, [epoch]));
  }

  /** Ends a request for its client's sake, in whatever state it is. */
  async cancel(request: string): Promise<boolean> {
    return this.seal({ request, guard: { kind: 'any' }, outcome: { kind: 'cancelled' } });
  }

  /** The sweeper's answer to a lease that ran out. */
  async lapse(request: string): Promise<LapseReply> {
    const reply = list(await this.run('lapse', request, []));
    const kind = text(reply[0]);
    if (kind === 'placed') return { kind, ...readPlaced(reply) };
    return { kind: kind === 'interrupted' ? 'interrupted' : 'none' };
  }

  /** The job of this placement exists: the sweeper need not look again. */
  async confirm(request: string, attempt: number, placement: number): Promise<boolean> {
    return this.yes('confirm', request, [attempt, placement]);
  }

  /** The job of this placement does not exist: the reply is another one to add. */
  async replace(request: string, attempt: number, placement: number): Promise<Placed | undefined> {
    return placedOrNot(await this.run('replace', request, [attempt, placement]));
  }

  /** Renews the leases of a worker's runs; the replies come in the same order. */
  async renew(runs: readonly { request: string; epoch: number }[]): Promise<RenewReply[]> {
    const replies = new Map<(typeof runs)[number], RenewReply>();
    await Promise.all(
      groupByShard(runs, (run) => run.request).map(async ([shard, group]) => {
        const keys = [this.keys.shard(shard).leases, ...group.map((run) => this.keys.record(run.request))];
        const args = group.flatMap((run) => [run.request, run.epoch]);
        const reply = list(await this.renewScript.run(this.redis, keys, args));
        group.forEach((run, i) => replies.set(run, text(reply[i]) as RenewReply));
      }),
    );
    return runs.map((run) => replies.get(run) ?? 'fenced');
  }

  /** Says that these requests have a reader here; the replies come by id. */
  async attend(ids: readonly string[]): Promise<Map<string, Attended>> {
    const replies = new Map<string, Attended>();
    await Promise.all(
      groupByShard(ids, (id) => id).map(async ([shard, group]) => {
        const { orphans, waiting, pace } = this.keys.shard(shard);
        const keys = [
          orphans,
          waiting,
          pace,
          ...group.flatMap((id) => [this.keys.record(id), this.keys.log(id)]),
        ];
        const reply = list(await this.attendScript.run(this.redis, keys, group));
        group.forEach((id, i) => replies.set(id, readAttended(list(reply[i]))));
      }),
    );
    return replies;
  }

  /** The log's entries after `cursor` (a log id), at most `count`. */
  async read(request: string, cursor: string, count: number): Promise<LogEntry[]> {
    const rows = await this.redis.xrangeBuffer(this.keys.log(request), `(${cursor}`, '+', 'COUNT', count);
    return (rows as unknown as readonly Reply[]).map((row) => {
      const [id, fields] = list(row);
      const [, type, , payload] = list(fields);
      return { id: text(id), type: text(type) as LogEntry['type'], bytes: bytes(payload) };
    });
  }

  private async run(
    name: ScriptName,
    id: string,
    args: readonly (string | number | Buffer)[],
  ): Promise<Reply> {
    return this.scripts[name].run(this.redis, this.keys.request(id), [id, this.keys.channels, ...args]);
  }

  private async yes(
    name: ScriptName,
    id: string,
    args: readonly (string | number | Buffer)[],
  ): Promise<boolean> {
    return (await this.run(name, id, args)) === 1;
  }
}

function guardArguments(guard: Guard): [string, string | number] {
  switch (guard.kind) {
    case 'epoch':
      return [guard.kind, guard.epoch];
    case 'attempt':
      return [guard.kind, guard.attempt];
    case 'deadline':
    case 'orphan':
    case 'any':
      return [guard.kind, ''];
  }
}

function readPlaced(reply: readonly Reply[]): Placed {
  const [, attempt, placement, target, provider] = reply;
  return {
    attempt: number(attempt),
    placement: number(placement),
    target: number(target),
    provider: text(provider),
  };
}

function placedOrNot(reply: Reply): Placed | undefined {
  const row = list(reply);
  return text(row[0]) === 'placed' ? readPlaced(row) : undefined;
}

function readRun(reply: readonly Reply[]) {
  const application = text(reply[7]);
  return {
    epoch: number(reply[1]),
    attempt: number(reply[2]),
    start: number(reply[3]),
    target: number(reply[4]),
    targets: JSON.parse(text(reply[5])) as Target[],
    model: text(reply[6]),
    application: application === '' ? null : application,
    stream: text(reply[8]) === '1',
    includeUsage: text(reply[9]) === '1',
    remainingMs: number(reply[10]),
    timeoutMs: number(reply[11]),
    trail: (JSON.parse(text(reply[12])) as unknown[]).map((record) => JSON.stringify(record)),
    body: bytes(reply[13]),
  };
}

function readAttended([last, state, position, pace]: readonly Reply[]): Attended {
  const paceMs = text(pace);
  return {
    last: text(last),
    state: text(state) as Attended['state'],
    position: number(position),
    ...(paceMs !== '' && { paceMs: Number(paceMs) }),
  };
}

function groupByShard<T>(items: readonly T[], idOf: (item: T) => string): [number, T[]][] {
  const groups = new Map<number, T[]>();
  for (const item of items) {
    const shard = shardOf(idOf(item)) ?? 0;
    const group = groups.get(shard);
    if (group) group.push(item);
    else groups.set(shard, [item]);
  }
  return [...groups];
}
