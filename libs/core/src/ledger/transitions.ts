import type { Endpoint } from '../endpoint.js';
import type { ErrorCode, ErrorParams } from '../errors.js';
import type { Target } from '../target.js';

/**
 * The transitions of a request's life: their arguments and replies, shared by the model (`model.ts`, the
 * specification) and by the Lua scripts of libs/broker (the real thing). One set of cases runs against both.
 *
 * Every transition may be resent by a client library whose reply was lost, so each answers a repetition as it answered
 * the first time (`lapse` and `replace` excepted: the sweeper looks again).
 */

/** A run's right to write; renewed every second by its worker. */
export const LEASE_MS = 5_000;
/** How long an accepted attempt may go without a known job in its queue before the sweeper looks. */
export const PLACEMENT_GRACE_MS = 2_000;
/** A request whose reader has not been seen for this long is cancelled. */
export const ORPHAN_MS = 30_000;
/** How long an ended plain request stays readable after its last reader was seen. */
export const ENDED_TTL_MS = 60_000;
/** Starts of one attempt; the next claim is refused, since the request seems to kill its workers. */
export const MAX_STARTS = 3;

export interface NewRequest {
  /** `req_<shard>_<ulid>`; see ids.ts. */
  readonly id: string;
  /** Null where the configuration names no applications. */
  readonly application: string | null;
  readonly endpoint: Endpoint;
  /** The public model id that the client asked for. */
  readonly model: string;
  readonly stream: boolean;
  /** Did the client ask for the usage chunk? The worker tells the provider client. */
  readonly includeUsage: boolean;
  /** The plan; the first target gets the first attempt. */
  readonly targets: readonly Target[];
  /** From now to the deadline, ms. */
  readonly timeoutMs: number;
  /** The api replica whose channel gets the frames. */
  readonly replica: string;
  /** Cap on attempts waiting for the first target's provider. */
  readonly maxWaiting: number;
  readonly body: Buffer;
  /** The first attempt's job is not due before this, ms: its target cools down. Default 0. */
  readonly delayMs?: number;
  /**
   * How long it stays readable after its end, ms. Present: no reader that leaves cancels it (`continue`, idempotent).
   * Absent: a plain request, which is cancelled without a reader.
   */
  readonly keepMs?: number;
  /** The client's Idempotency-Key; only with `keepMs`. */
  readonly idempotency?: Idempotency;
}

/** Both are hashes, made by the api: neither the client's key nor its body is in a key's name. */
export interface Idempotency {
  /** Over application and key. It also chose the shard of the request's id, so that equal keys meet in one shard. */
  readonly key: string;
  /** Over path and body. */
  readonly fingerprint: string;
}

export type AcceptReply =
  | { readonly kind: 'accepted' }
  /** Nothing was stored. `paceMs`: the lately measured time between two claims of that provider, if known. */
  | { readonly kind: 'queue_full'; readonly waiting: number; readonly paceMs?: number }
  /** Nothing was stored: the key is known with this fingerprint, and `request` runs or completed. Read that one. */
  | { readonly kind: 'attached'; readonly request: string }
  /** Nothing was stored: the key's request, which runs or completed, has another fingerprint. */
  | { readonly kind: 'conflict' };

export interface ClaimArgs {
  readonly request: string;
  readonly attempt: number;
  /** Names this execution of the processor; a resent claim carries the same one. */
  readonly token: string;
  readonly worker: string;
}

/** A job to add: the attempt's target says which queue. */
export interface Placed {
  readonly attempt: number;
  readonly placement: number;
  /** Index into the plan. */
  readonly target: number;
  readonly provider: string;
  /** How long until the job is due, ms; 0 is now. */
  readonly delayMs: number;
}

export type ClaimReply =
  | ({ readonly kind: 'run' } & Run)
  /** Ended, unknown, or ended by this claim: complete the job. */
  | { readonly kind: 'done' }
  /** Another run holds a live lease: complete this duplicate. */
  | { readonly kind: 'busy' }
  /** A later attempt exists: add its job (same id, so at most once), then complete this one. */
  | ({ readonly kind: 'superseded' } & Placed);

export interface Run {
  readonly epoch: number;
  readonly attempt: number;
  readonly start: number;
  /** Index into `targets`. */
  readonly target: number;
  readonly targets: readonly Target[];
  readonly endpoint: Endpoint;
  readonly model: string;
  readonly application: string | null;
  readonly stream: boolean;
  readonly includeUsage: boolean;
  /** To the deadline, ms, by the ledger's clock. */
  readonly remainingMs: number;
  /** The whole time that the request was given, ms. */
  readonly timeoutMs: number;
  /** The JSON of each failed attempt so far, oldest first. */
  readonly trail: readonly string[];
  readonly body: Buffer;
}

/** Why a worker must stop a run; `ok` is to go on. */
export type RenewReply = 'ok' | 'ended' | 'fenced' | 'expired';

export interface AppendArgs {
  readonly request: string;
  readonly epoch: number;
  /** 1 for a run's first frame; rises by one. */
  readonly seq: number;
  readonly bytes: Buffer;
}

/** How a request ended. `params` fills the message of `code` (errors.ts). */
export type Outcome =
  | { readonly kind: 'completed' }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly params: ErrorParams }
  | { readonly kind: 'cancelled' };

/**
 * Who may end or move a request.
 * - `epoch`: the run that holds it
 * - `attempt`: anybody, while this attempt still waits
 * - `deadline`: anybody, once the deadline has passed
 * - `orphan`: anybody, once no reader was seen for ORPHAN_MS
 * - `any`: the client's cancel
 */
export type Guard =
  | { readonly kind: 'epoch'; readonly epoch: number }
  | { readonly kind: 'attempt'; readonly attempt: number }
  | { readonly kind: 'deadline' }
  | { readonly kind: 'orphan' }
  | { readonly kind: 'any' };

export interface SealArgs {
  readonly request: string;
  readonly guard: Guard;
  readonly outcome: Outcome;
  /** The answer's last frame, logged in the same step as the end; only with an `epoch` guard. */
  readonly last?: { readonly seq: number; readonly bytes: Buffer };
  /** JSON of the failed attempt that ended it, added to the trail. */
  readonly record?: string;
  /**
   * Settles the run in the same step, as `SettleArgs.usage`, and also where the seal is refused; only with an `epoch`
   * guard. Absent: the run settles by itself.
   */
  readonly usage?: string | null;
}

export interface NextArgs {
  readonly request: string;
  readonly guard: Extract<Guard, { kind: 'epoch' | 'attempt' }>;
  /** Index into the plan; it may be the failed one, or one before it. */
  readonly target: number;
  /** JSON of the failed attempt, added to the trail. */
  readonly record: string;
  /** The new attempt's job is not due before this, ms. Default 0. */
  readonly afterMs?: number;
  /** Counts as retrying (`ShardLoad`) until it is claimed, moves again or ends. Default false. */
  readonly retry?: boolean;
}

export interface SettleArgs {
  readonly request: string;
  readonly epoch: number;
  /** JSON of the usage row. Null: no upstream call was made, so there is no row. */
  readonly usage: string | null;
}

/** What the retry budget is measured against, of one shard. */
export interface ShardLoad {
  /** Requests that have not ended. */
  readonly active: number;
  /** Those of them that wait for a retry. */
  readonly retrying: number;
}

/** Where a request stands. Points in time are ms by Redis's clock. */
export interface RequestState {
  readonly application: string | null;
  readonly state: 'waiting' | 'running' | 'ended';
  /** Once ended; its code and params are in the log's last entry (`EndEntry`). */
  readonly outcome?: Outcome['kind'];
  readonly stream: boolean;
  /** `NewRequest.keepMs`; null for a plain request. */
  readonly keepMs: number | null;
  /** The public model id that the client asked for. */
  readonly model: string;
  readonly createdAt: number;
  readonly deadlineAt: number;
  readonly attempt: number;
  /** Of the current or last attempt's target. */
  readonly provider: string;
  readonly endedAt?: number;
  /** 1 is next in its provider's queue; only while waiting. */
  readonly position?: number;
  /** The lately measured time between two claims of that provider, ms; only while waiting and once measured. */
  readonly paceMs?: number;
}

/** A request that was given up because each start of one attempt lost its worker. */
export interface DeadLetter {
  readonly request: string;
  readonly application: string | null;
  /** The public model id. */
  readonly model: string;
  readonly provider: string;
  readonly attempt: number;
  readonly starts: number;
  /** ms by Redis's clock. */
  readonly at: number;
  /** Its body is there for as long as the request is kept. */
  readonly kept: boolean;
}

/** What became of a run whose lease ran out. */
export type LapseReply =
  /** The lease is live, or nothing runs. */
  | { readonly kind: 'none' }
  /** Its client had seen output: sealed `stream_interrupted`. */
  | { readonly kind: 'interrupted' }
  /** Waiting again: add this job. */
  | ({ readonly kind: 'placed' } & Placed);

/** A log entry as the reader gets it. `id` is `<epoch>-<seq>`, or `END_ID`. */
export interface LogEntry {
  readonly id: string;
  readonly type: 'start' | 'data' | 'end';
  /** `data`: the client's bytes; else the JSON of `StartEntry` or `EndEntry`. */
  readonly bytes: Buffer;
}

/** The id of every `end` entry: greater than any epoch's. Cursors are compared as two integers, not as text. */
export const END_ID = '9007199254740991-0';

export interface StartEntry {
  readonly v: 1;
  readonly epoch: number;
  readonly attempt: number;
  readonly provider: string;
  readonly model: string;
  readonly location: Target['location'];
  /** From accept to this claim, ms. */
  readonly queueMs: number;
  /** Members of the request that the target does not get (`Target.dropped`). Absent: none, or an older version. */
  readonly dropped?: readonly string[];
}

export interface EndEntry {
  readonly v: 1;
  readonly outcome: Outcome['kind'];
  readonly code: ErrorCode | null;
  readonly params: ErrorParams;
  /** Failed attempts, oldest first (attempt-record.ts). */
  readonly trail: readonly unknown[];
  readonly attempts: number;
  /** From accept to the first claim, the first output and the end, ms; null where it never came. */
  readonly queueMs: number | null;
  readonly firstOutputMs: number | null;
  readonly totalMs: number;
}
