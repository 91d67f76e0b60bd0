import type { ErrorCode } from '../errors.js';
import type { Target } from '../target.js';
import {
  END_ID,
  ENDED_TTL_MS,
  LEASE_MS,
  PLACEMENT_GRACE_MS,
  type Guard,
  type Outcome,
} from './transitions.js';

/** What the ledger keeps of one request. Points in time are ms of its clock; null is "not set". */
export interface ModelRequest {
  readonly stream: boolean;
  readonly targets: readonly Target[];
  readonly state: 'waiting' | 'running' | 'ended';
  readonly target: number;
  readonly attempt: number;
  readonly placement: number;
  readonly epoch: number;
  /** Claims of the current attempt that were not handed back. */
  readonly starts: number;
  readonly token: string | null;
  readonly worker: string | null;
  readonly seq: number;
  /** A frame of a stream was logged: the client may have seen it. */
  readonly visible: boolean;
  readonly deadlineAt: number;
  readonly leaseUntil: number | null;
  /** When the sweeper looks whether the attempt's job exists. */
  readonly unplacedAt: number | null;
  /** When the attempt has waited long enough. */
  readonly waitUntil: number | null;
  /** When the attempt's job is due: until then its target cools down. */
  readonly dueAt: number;
  /** The same while the attempt is a retry that nobody has claimed. */
  readonly retryAt: number | null;
  /** Null for a request that is kept. */
  readonly orphanAt: number | null;
  /** How long it stays readable after its end, ms; null for a plain request. */
  readonly keepMs: number | null;
  readonly expiresAt: number | null;
  /** Is the prompt still there? */
  readonly body: boolean;
  /** Its client deleted it. */
  readonly removed: boolean;
  /** Of its idempotency key. */
  readonly fingerprint: string | null;
  /** Replicas that get its frames published. */
  readonly readers: readonly string[];
  readonly log: readonly ModelEntry[];
  readonly trail: readonly string[];
  readonly outcome: Outcome | null;
  /** Identifies the seal, so that its repetition is told from another's. */
  readonly sealedBy: string | null;
  /** Identifies the last move, likewise. */
  readonly movedBy: string | null;
  /** Usage rows by epoch; `LOST_USAGE` for a run that was lost, `NO_CALL` for one that made no call. */
  readonly usage: Readonly<Record<number, string>>;
  /** Runs that are over but have not said what their call cost: until when they may, by epoch. */
  readonly unsettled: Readonly<Record<number, number>>;
}

export type ModelEntry =
  | { readonly id: string; readonly type: 'start'; readonly epoch: number; readonly target: number }
  | { readonly id: string; readonly type: 'data'; readonly epoch: number; readonly text: string }
  | { readonly id: string; readonly type: 'end'; readonly outcome: Outcome };

/** Null is a request that the ledger does not know. */
export type ModelState = ModelRequest | null;

export interface ModelPlaced {
  readonly attempt: number;
  readonly placement: number;
  readonly target: number;
  readonly delayMs: number;
}

export type Step<R> = readonly [ModelState, R];

/** The usage row of a run that lost its lease: nobody can say any more what its call cost. */
export const LOST_USAGE = 'unknown';
/** No row. */
export const NO_CALL = 'none';

export function holds(state: ModelState, epoch: number): state is ModelRequest {
  return state?.state === 'running' && state.epoch === epoch;
}

export function isLeased(state: ModelRequest, now: number): boolean {
  return state.leaseUntil !== null && state.leaseUntil > now;
}

export function isPlacement(
  state: ModelState,
  args: { attempt: number; placement: number },
): state is ModelRequest {
  return state?.state === 'waiting' && state.attempt === args.attempt && state.placement === args.placement;
}

export function allows(state: ModelRequest, now: number, guard: Guard): boolean {
  switch (guard.kind) {
    case 'epoch':
      return holds(state, guard.epoch);
    case 'attempt':
      return state.state === 'waiting' && state.attempt === guard.attempt;
    case 'deadline':
      return now >= state.deadlineAt;
    case 'orphan':
      return state.orphanAt !== null && now >= state.orphanAt;
    case 'any':
      return true;
  }
}

export function guardName(guard: Guard): string {
  if (guard.kind === 'epoch') return `epoch:${guard.epoch}`;
  return guard.kind === 'attempt' ? `attempt:${guard.attempt}` : guard.kind;
}

export function sealName(guard: Guard, outcome: Outcome): string {
  return `${guardName(guard)}/${outcome.kind}`;
}

export function waiting(state: ModelRequest, now: number, delayMs = 0): ModelRequest {
  const maxWait = state.targets[state.target]?.maxQueueWaitMs;
  return {
    ...state,
    state: 'waiting',
    token: null,
    worker: null,
    leaseUntil: null,
    unplacedAt: now + PLACEMENT_GRACE_MS,
    // The cool-down is part of the wait.
    waitUntil: maxWait === undefined ? null : now + maxWait,
    dueAt: now + delayMs,
    retryAt: null,
  };
}

/** The usage row of a run, or the mark that it made no call: once. */
export function settled(state: ModelRequest, epoch: number, usage: string): ModelRequest {
  const { [epoch]: _due, ...unsettled } = state.unsettled;
  if (state.usage[epoch] !== undefined) return { ...state, unsettled };
  return { ...state, usage: { ...state.usage, [epoch]: usage }, unsettled };
}

/** A run that lost its lease can no longer say what its call cost. */
export function lose(state: ModelRequest): ModelRequest {
  if (state.state !== 'running' || state.usage[state.epoch] !== undefined) return state;
  return settled(state, state.epoch, LOST_USAGE);
}

/** A run that is over but has not said what its call cost has a lease's time left to do so. */
export function leave(state: ModelRequest, now: number): ModelRequest {
  if (state.state !== 'running' || state.usage[state.epoch] !== undefined) return state;
  return { ...state, unsettled: { ...state.unsettled, [state.epoch]: now + LEASE_MS } };
}

/** Null: a frame before this one is missing, so logging it would lose a token unseen. */
export function logFrame(state: ModelRequest, seq: number, text: string): ModelRequest | null {
  if (seq <= state.seq) return state;
  if (seq > state.seq + 1) return null;
  const entry: ModelEntry = { id: `${state.epoch}-${seq}`, type: 'data', epoch: state.epoch, text };
  return { ...state, seq, visible: state.stream, log: [...state.log, entry] };
}

/** `keepsBody`: for a dead letter, so that it can be tried again. */
export function end(
  state: ModelRequest,
  now: number,
  outcome: Outcome,
  by: string,
  keepsBody = false,
): ModelRequest {
  return {
    ...leave(state, now),
    state: 'ended',
    outcome,
    sealedBy: by,
    leaseUntil: null,
    unplacedAt: null,
    waitUntil: null,
    retryAt: null,
    orphanAt: null,
    body: keepsBody,
    expiresAt: now + (state.keepMs ?? ENDED_TTL_MS),
    log: [...state.log, { id: END_ID, type: 'end', outcome }],
  };
}

export function placed({ attempt, placement, target, dueAt }: ModelRequest, now: number): ModelPlaced {
  return { attempt, placement, target, delayMs: Math.max(0, dueAt - now) };
}

export function failed(code: ErrorCode): Outcome {
  return { kind: 'failed', code, params: {} };
}
