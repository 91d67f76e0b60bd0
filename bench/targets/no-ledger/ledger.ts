import type { Redis } from 'ioredis';
import type { Keys } from '#broker/keys.js';
import type { Attended } from '#broker/ledger-replies.js';
import { Ledger as RealLedger } from '#broker/ledger.js';
import type {
  AcceptReply,
  AppendArgs,
  ClaimArgs,
  ClaimReply,
  NewRequest,
  RenewReply,
  SealArgs,
  SettleArgs,
} from '#core/ledger/transitions.js';

const NEWLINE = 0x0a;
const END_ID = '9007199254740991-0';
/** A body that no worker fetched is gone after this, s. */
const BODY_TTL_S = 600;

/** Of a run in this worker: whom its frames go to, and how far they are. */
interface RunState {
  readonly replica: string;
  readonly provider: string;
  readonly model: string;
  readonly claimedAt: number;
  last: string;
  seq: number;
}

/**
 * Spillway without its ledger, to see what that costs: the body is handed over by SET and GETDEL, since some way it
 * must go, and frames are published and nothing else. Nothing is fenced, logged, sealed, counted or resumed.
 */
export class Ledger extends RealLedger {
  readonly #redis: Redis;
  readonly #keys: Keys;
  readonly #runs = new Map<string, RunState>();

  constructor(redis: Redis, keys: Keys) {
    super(redis, keys);
    this.#redis = redis;
    this.#keys = keys;
  }

  override async accept({ body, ...request }: NewRequest): Promise<AcceptReply> {
    const packed = Buffer.concat([Buffer.from(`${JSON.stringify(request)}\n`), body]);
    await this.#redis.set(this.#keys.body(request.id), packed, 'EX', BODY_TTL_S);
    return { kind: 'accepted' };
  }

  override async claim({ request: id, attempt }: ClaimArgs): Promise<ClaimReply> {
    const packed = await this.#redis.getdelBuffer(this.#keys.body(id));
    if (!packed) return { kind: 'done' };
    const end = packed.indexOf(NEWLINE);
    const request = JSON.parse(packed.toString('utf8', 0, end)) as Omit<NewRequest, 'body'>;
    const { replica, targets, endpoint, model, application, stream, includeUsage, timeoutMs } = request;
    const [{ provider, model: upstreamModel } = { provider: '', model: '' }] = targets;
    const state = { replica, provider, model: upstreamModel, claimedAt: Date.now(), last: '0-0', seq: 0 };
    this.#runs.set(id, state);
    void this.#publish(id, state, 'start', '1-0', startBytes(state));
    return {
      ...{ kind: 'run', epoch: 1, attempt, start: 1, target: 0, trail: [], body: packed.subarray(end + 1) },
      ...{ targets, endpoint, model, application, stream, includeUsage, timeoutMs, remainingMs: timeoutMs },
    };
  }

  override async append({ request, epoch, seq, bytes }: AppendArgs): Promise<boolean> {
    const state = this.#runs.get(request);
    if (!state) return false;
    if (seq <= state.seq) return true;
    state.seq = seq;
    await this.#publish(request, state, 'data', `${epoch}-${seq}`, bytes);
    return true;
  }

  override async seal({ request, outcome, last }: SealArgs): Promise<boolean> {
    const state = this.#runs.get(request);
    if (!state) return false;
    const written = last ? this.append({ request, epoch: 1, ...last }) : undefined;
    const failure = outcome.kind === 'failed' ? outcome : undefined;
    const totalMs = Date.now() - state.claimedAt;
    const entry = {
      ...{ v: 1, outcome: outcome.kind, code: failure?.code ?? null, params: failure?.params ?? {} },
      ...{ trail: [], attempts: 1, queueMs: 0, firstOutputMs: totalMs, totalMs },
    };
    const ended = this.#publish(request, state, 'end', END_ID, Buffer.from(JSON.stringify(entry)));
    this.#runs.delete(request);
    await Promise.all([written, ended]);
    return true;
  }

  override async settle(_: SettleArgs): Promise<boolean> {
    return true;
  }

  override async confirm(): Promise<boolean> {
    return true;
  }

  override async renew(runs: readonly { request: string }[]): Promise<RenewReply[]> {
    return runs.map(() => 'ok');
  }

  override async attend(ids: readonly string[]): Promise<Map<string, Attended>> {
    return new Map(ids.map((id) => [id, { last: '0-0', state: 'running', position: 0 }]));
  }

  async #publish(
    request: string,
    state: RunState,
    kind: 'start' | 'data' | 'end',
    entry: string,
    bytes: Buffer,
  ): Promise<void> {
    const head = Buffer.from(`${request} ${entry} ${state.last} ${kind} ${bytes.length}\n`);
    state.last = entry;
    await this.#redis.publish(`${this.#keys.channels}${state.replica}`, Buffer.concat([head, bytes]));
  }
}

function startBytes({ provider, model }: RunState): Buffer {
  const start = { v: 1, epoch: 1, attempt: 1, provider, model, location: 'cloud', queueMs: 0 };
  return Buffer.from(JSON.stringify(start));
}
