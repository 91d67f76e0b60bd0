import type { Redis } from 'ioredis';
import { ulid } from 'ulid';
import { requestId } from '#core/ids.js';
import {
  describeEntry,
  FIRST_REPLICA,
  INDEX_SETS,
  type CaseNext,
  type CaseRequest,
  type CaseSeal,
  type IndexSet,
  type LedgerUnderTest,
  type Observation,
} from '#core/ledger/testing/ledger-under-test.js';
import { Keys } from '../keys.js';
import { Ledger } from '../ledger.js';

const CLOCK_KEY = 'test:clock';
/** In place of Redis's own clock: stands still until the case moves it on. */
const CLOCK = `local function clock() return tonumber(redis.call('GET', '${CLOCK_KEY}')) end`;
const BEGIN = 1_800_000_000_000;

/**
 * The Lua scripts on a real Redis, driven by the cases that specify them. One per case. Usage rows and attempt records
 * are any JSON to the ledger; the cases' are plain text.
 */
export class RedisUnderTest implements LedgerUnderTest {
  private readonly keys = new Keys('test', 1);
  private readonly ledger: Ledger;
  private id: string;

  private constructor(
    private readonly redis: Redis,
    first: string,
  ) {
    this.ledger = new Ledger(redis, this.keys, CLOCK);
    this.id = requestId(0, first);
  }

  static async create(redis: Redis, first: string): Promise<RedisUnderTest> {
    await redis.set(CLOCK_KEY, BEGIN);
    return new RedisUnderTest(redis, first);
  }

  async accept(request: CaseRequest) {
    return (await this.acceptAs(this.id, request)).kind;
  }

  async acceptSameKey(request: CaseRequest) {
    const id = requestId(0, ulid());
    const reply = await this.acceptAs(id, request);
    if (reply.kind === 'attached' && reply.request !== this.id)
      throw new Error(`attached to ${reply.request}`);
    if (reply.kind === 'accepted') this.id = id;
    return reply.kind;
  }

  private async acceptAs(id: string, request: CaseRequest) {
    const body = Buffer.from('{"messages":[]}');
    const asked = { application: null, endpoint: 'chat', model: 'm', includeUsage: false, body } as const;
    return this.ledger.accept({ id, ...asked, replica: FIRST_REPLICA, ...request });
  }

  async claim(args: { attempt: number; token: string; worker: string }) {
    const reply = await this.ledger.claim({ request: this.id, ...args });
    if (reply.kind !== 'run') return reply;
    return { ...reply, trail: reply.trail.map((record) => JSON.parse(record) as string) };
  }

  async renew(epoch: number) {
    const [reply] = await this.ledger.renew([{ request: this.id, epoch }]);
    return reply ?? 'fenced';
  }

  async append({ epoch, seq, text }: { epoch: number; seq: number; text: string }) {
    return this.ledger.append({ request: this.id, epoch, seq, bytes: Buffer.from(text) });
  }

  async seal({ guard, outcome, last, record, usage }: CaseSeal) {
    return this.ledger.seal({
      request: this.id,
      guard,
      outcome,
      ...(last && { last: { seq: last.seq, bytes: Buffer.from(last.text) } }),
      ...(record !== undefined && { record: JSON.stringify(record) }),
      ...(usage !== undefined && { usage: toRow(usage) }),
    });
  }

  async settle({ epoch, usage }: { epoch: number; usage: string | null }) {
    return this.ledger.settle({
      request: this.id,
      epoch,
      usage: toRow(usage),
    });
  }

  async writeOff(epoch: number) {
    return this.ledger.writeOff(this.id, epoch);
  }

  async next({ record, ...args }: CaseNext) {
    return (await this.ledger.next({ request: this.id, ...args, record: JSON.stringify(record) })) ?? null;
  }

  async release(epoch: number) {
    return (await this.ledger.release(this.id, epoch)) ?? null;
  }

  async lapse() {
    return this.ledger.lapse(this.id);
  }

  async confirm({ attempt, placement }: { attempt: number; placement: number }) {
    return this.ledger.confirm(this.id, attempt, placement);
  }

  async replace({ attempt, placement }: { attempt: number; placement: number }) {
    return (await this.ledger.replace(this.id, attempt, placement)) ?? null;
  }

  async attend() {
    return (await this.ledger.attend([this.id])).get(this.id)?.state !== '';
  }

  async join(replica: string) {
    return (await this.ledger.join(this.id, replica)) ?? null;
  }

  async remove() {
    return this.ledger.remove(this.id);
  }

  async advance(ms: number) {
    await this.redis.incrby(CLOCK_KEY, ms);
  }

  async observe(): Promise<Observation> {
    const record = await this.redis.hgetall(this.keys.record(this.id));
    const entries = await this.ledger.read(this.id, '0-0', 1_000);
    const field = (name: string) => record[name] ?? '';
    return {
      state: (record['state'] ?? 'unknown') as Observation['state'],
      attempt: Number(field('attempt')),
      placement: Number(field('placement')),
      target: Number(field('target')),
      epoch: Number(field('epoch')),
      starts: Number(field('starts')),
      visible: field('visible') === '1',
      body: (await this.redis.exists(this.keys.body(this.id))) === 1,
      ttl: field('state') === 'ended' ? await this.ttl() : 0,
      readers: field('readers').split(' '),
      outcome: field('code') || record['outcome'] || null,
      log: entries.map(describeEntry),
      trail: JSON.parse(`[${field('trail')}]`) as string[],
      usage: { ...noCalls(record), ...(await this.usage()) },
      unsettled: await this.unsettled(),
      due: await this.due(),
    };
  }

  /** Redis counts it by its own clock, which goes on: to the next 10 s above. */
  private async ttl(): Promise<number> {
    return Math.ceil((await this.redis.pttl(this.keys.record(this.id))) / 10_000) * 10_000;
  }

  private async usage(): Promise<Record<number, string>> {
    const rows = await this.redis.xrange(this.keys.shard(0).usage, '-', '+');
    const usage: Record<number, string> = {};
    for (const [, fields] of rows) {
      const row = Object.fromEntries(pairs(fields));
      if (row['request'] !== this.id) continue;
      const cost = JSON.parse(row['usage'] ?? '') as string | { outcome: string };
      usage[Number(row['epoch'])] = typeof cost === 'string' ? cost : cost.outcome;
    }
    return usage;
  }

  private async unsettled(): Promise<Record<number, number>> {
    const rows = await this.redis.zrange(this.keys.shard(0).unsettled, '0', '-1', 'WITHSCORES');
    const mine = pairs(rows).filter(([member]) => member.startsWith(`${this.id}|`));
    return Object.fromEntries(
      mine.map(([member, at]): [number, number] => [Number(member.split('|')[1]), Number(at) - BEGIN]),
    );
  }

  private async due(): Promise<Partial<Record<IndexSet, number>>> {
    const due: Partial<Record<IndexSet, number>> = {};
    for (const name of INDEX_SETS) {
      const score = await this.redis.zscore(this.keys.shard(0)[name], this.id);
      if (score !== null) due[name] = Number(score) - BEGIN;
    }
    return due;
  }
}

function toRow(usage: string | null): string | null {
  return usage === null ? null : JSON.stringify(usage);
}

/** Runs that are marked as having made no call. */
function noCalls(record: Record<string, string>): Record<number, string> {
  const marks = Object.entries(record).filter(([name, by]) => name.startsWith('usage:') && by === 'none');
  return Object.fromEntries(marks.map(([name]) => [Number(name.slice('usage:'.length)), 'none']));
}

function pairs(fields: readonly string[]): [string, string][] {
  const out: [string, string][] = [];
  for (let i = 0; i + 1 < fields.length; i += 2) out.push([fields[i] ?? '', fields[i + 1] ?? '']);
  return out;
}
