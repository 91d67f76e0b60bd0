import type { Redis } from 'ioredis';
import type {
  AcceptReply,
  AppendArgs,
  ClaimArgs,
  ClaimReply,
  DeadLetter,
  Idempotency,
  LapseReply,
  LogEntry,
  NewRequest,
  NextArgs,
  Placed,
  RenewReply,
  RequestState,
  SealArgs,
  SettleArgs,
  ShardLoad,
} from '#core/ledger/transitions.js';
import { shardOf } from '#core/ids.js';
import { Appender } from './appender.js';
import type { Keys } from './keys.js';
import type { Argument } from './ledger-arguments.js';
import { acceptArguments, textOrBytes, frameArguments, guardArguments } from './ledger-arguments.js';
import { groupByShard, placedOrNot, readAccepted, readAttended, readDeadLetter } from './ledger-replies.js';
import { readPlaced, readRun, readState, type Attended } from './ledger-replies.js';
import { bytes, list, REDIS_CLOCK, Script, text, type Reply } from './script.js';

/** The scripts about one request, and the parts that they share beside the record: a script loads what it uses. */
const PARTS = {
  accept: ['queue'],
  claim: ['log', 'run', 'lost', 'queue', 'placement', 'ending'],
  append: ['log'],
  seal: ['log', 'run', 'queue', 'ending', 'guards'],
  settle: ['run'],
  next: ['run', 'queue', 'placement', 'guards'],
  release: ['run', 'queue', 'placement', 'guards'],
  lapse: ['log', 'run', 'lost', 'queue', 'placement', 'ending'],
  confirm: [],
  replace: ['queue', 'placement'],
  describe: [],
  remove: ['log', 'run', 'queue', 'ending'],
  'write-off': ['run', 'lost'],
} as const;

type ScriptName = keyof typeof PARTS;

/**
 * The truth about every request: its record, body and frame log, changed only by the Lua scripts beside this file.
 * Each method is one script, safe to send again; libs/core/src/ledger/model.ts specifies them. Rejects with the
 * client's error when Redis does not answer, and then the transition may or may not have happened.
 */
export class Ledger {
  private readonly scripts: Record<ScriptName, Script>;
  private readonly renewScript: Script;
  private readonly attendScript: Script;
  private readonly appender = new Appender((appends) => this.appendAll(appends));

  constructor(
    private readonly redis: Redis,
    private readonly keys: Keys,
    clock = REDIS_CLOCK,
  ) {
    const about = (name: ScriptName) => new Script(name, ['record', ...PARTS[name]], clock);
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
      describe: about('describe'),
      remove: about('remove'),
      'write-off': about('write-off'),
    };
    this.renewScript = new Script('renew', [], clock);
    this.attendScript = new Script('attend', [], clock);
  }

  /** By what Redis knows a script: for whoever watches the commands of others. */
  hashOf(script: ScriptName): string {
    return this.scripts[script].sha;
  }

  /**
   * Writes a new request, or refuses it, or names the one that has its idempotency key, and then stores nothing. Its
   * job is added afterwards, never before.
   */
  async accept(request: NewRequest): Promise<AcceptReply> {
    const { id, idempotency } = request;
    if (!idempotency) return this.acceptAs(request, '', []);
    const key = this.keys.idempotency(id, idempotency.key);
    const named = (await this.redis.get(key)) ?? '';
    // A script may touch no key that it was not given: so who has the key is read before, and looked at again in it.
    const known = this.keys.record(named === '' ? id : (named.split(' ', 1)[0] ?? ''));
    return this.acceptAs(request, named, [key, known]);
  }

  private async acceptAs(request: NewRequest, named: string, keys: readonly string[]): Promise<AcceptReply> {
    const reply = await this.run('accept', request.id, acceptArguments(request, named), keys);
    return readAccepted(list(reply)) ?? this.accept(request);
  }

  /** The request that has the idempotency key of this call, whatever became of it. `id`: any id of the key's shard. */
  async holder(id: string, { key, fingerprint }: Idempotency): Promise<string | undefined> {
    const [request, known] = (await this.redis.get(this.keys.idempotency(id, key)))?.split(' ') ?? [];
    return known === fingerprint ? request : undefined;
  }

  /** The first act of whoever holds a job. */
  async claim({ request, attempt, token, worker }: ClaimArgs): Promise<ClaimReply> {
    const reply = list(await this.run('claim', request, [attempt, token, worker]));
    const kind = text(reply[0]);
    if (kind === 'run') return { kind, ...readRun(reply) };
    if (kind === 'superseded') return { kind, ...readPlaced(reply) };
    return { kind: kind === 'busy' ? 'busy' : 'done' };
  }

  /** Logs and publishes a run's next frame, along with others'. False: another run holds the request, or it ended. */
  async append(frame: AppendArgs): Promise<boolean> {
    return this.appender.append(frame);
  }

  private async appendAll(frames: readonly AppendArgs[]): Promise<(boolean | Error)[]> {
    const keys = frames.flatMap(({ request }) => this.keys.frames(request));
    const args = ['', this.keys.channels, ...frames.flatMap(frameArguments)];
    const replies = list(await this.scripts.append.run(this.redis, keys, args));
    return replies.map((reply) => (reply instanceof Error ? reply : reply === 1));
  }

  /** Ends a request, with its last frame and its usage row in the same step. True also for the same seal again. */
  async seal({ request, guard, outcome, last, record, usage }: SealArgs): Promise<boolean> {
    const failed = outcome.kind === 'failed';
    return this.yes('seal', request, [
      ...guardArguments(guard),
      outcome.kind,
      failed ? outcome.code : '',
      failed ? JSON.stringify(outcome.params) : '{}',
      record ?? '',
      last?.seq ?? '',
      last ? textOrBytes(last.bytes) : '',
      usage === undefined || guard.kind !== 'epoch' ? 0 : 1,
      usage ?? '',
    ]);
  }

  /** Records what a run's upstream call used, or that none was made. False: that run was lost or settled otherwise. */
  async settle({ request, epoch, usage }: SettleArgs): Promise<boolean> {
    return this.yes('settle', request, [epoch, usage ?? '']);
  }

  /** Moves a request on to another target; the caller then adds the job. Undefined: it is no longer the caller's. */
  async next({ request, guard, target, record, ...when }: NextArgs): Promise<Placed | undefined> {
    const { afterMs = 0, retry = false } = when;
    const args = [...guardArguments(guard), target, record, Math.ceil(afterMs), retry ? 1 : 0];
    return placedOrNot(await this.run('next', request, args));
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

  /** The sweeper's answer to a run that is over and was silent about its call's usage: its row is marked unknown. */
  async writeOff(request: string, epoch: number): Promise<boolean> {
    return this.yes('write-off', request, [epoch]);
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

  /** Adds `replica` to those that get the request's frames published, and describes it. Undefined: it is unknown. */
  async join(request: string, replica: string): Promise<RequestState | undefined> {
    return readState(list(await this.run('describe', request, [replica])));
  }

  /** Where a request stands. Undefined: it is unknown, expired or was removed. */
  async describe(request: string): Promise<RequestState | undefined> {
    return readState(list(await this.run('describe', request, [''])));
  }

  /**
   * Forgets a request for its client's sake, in whatever state it is: cancelled if need be, its body, answer and
   * idempotency key deleted. False: it is unknown.
   */
  async remove(request: string): Promise<boolean> {
    const key = await this.redis.hget(this.keys.record(request), 'idempotency');
    const keys = key ? [this.keys.idempotency(request, key)] : [];
    return (await this.run('remove', request, [], keys)) === 1;
  }

  /** What the retry budget of this request's shard is measured against. */
  async load(request: string): Promise<ShardLoad> {
    const { deadlines, retrying } = this.keys.shard(shardOf(request) ?? 0);
    const [active, waiting] = await Promise.all([this.redis.zcard(deadlines), this.redis.zcard(retrying)]);
    return { active, retrying: waiting };
  }

  /** The shard's dead letters, oldest first. */
  async deadLetters(shard: number): Promise<DeadLetter[]> {
    const rows = await this.redis.xrange(this.keys.shard(shard).dead, '-', '+');
    return rows.map(([, fields]) => readDeadLetter(fields));
  }

  /** The body that the client sent. Undefined: it is gone, as it is once a request has ended (dead letters kept). */
  async body(request: string): Promise<Buffer | undefined> {
    return (await this.redis.getBuffer(this.keys.body(request))) ?? undefined;
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
    args: readonly Argument[],
    moreKeys: readonly string[] = [],
  ): Promise<Reply> {
    const keys = [...this.keys.request(id), ...moreKeys];
    return this.scripts[name].run(this.redis, keys, [id, this.keys.channels, ...args]);
  }

  private async yes(name: ScriptName, id: string, args: readonly Argument[]): Promise<boolean> {
    return (await this.run(name, id, args)) === 1;
  }
}
