import type { ErrorCode } from '../errors.js';
import type { Target } from '../target.js';
import {
  ENDED_TTL_MS,
  LEASE_MS,
  MAX_STARTS,
  ORPHAN_MS,
  PLACEMENT_GRACE_MS,
  type ClaimArgs,
  type Guard,
  type Outcome,
  type RenewReply,
} from './transitions.js';

/**
 * The specification of the ledger as pure functions over plain data: `(state, arguments) -> [state, reply]`. The Lua
 * scripts of libs/broker do the same on Redis; the cases beside this file run against both, and the search walks this
 * one. Bodies and frames are text here, since the ledger never looks inside them.
 */
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
  readonly orphanAt: number | null;
  readonly expiresAt: number | null;
  readonly log: readonly ModelEntry[];
  readonly trail: readonly string[];
  readonly outcome: Outcome | null;
  /** Identifies the seal, so that its repetition is told from another's. */
  readonly sealedBy: string | null;
  /** Identifies the last move, likewise. */
  readonly movedBy: string | null;
  /** Usage rows by epoch; `unknown` for a run that was lost. */
  readonly usage: Readonly<Record<number, string>>;
}

export type ModelEntry =
  | { readonly id: string; readonly type: 'start'; readonly epoch: number; readonly target: number }
  | { readonly id: string; readonly type: 'data'; readonly epoch: number; readonly text: string }
  | { readonly id: string; readonly type: 'end'; readonly outcome: Outcome };

/** Null is a request that the ledger does not know. */
export type ModelState = ModelRequest | null;

type Step<R> = readonly [ModelState, R];

export interface ModelPlaced {
  readonly attempt: number;
  readonly placement: number;
  readonly target: number;
}

const END_ID = '9007199254740991-0';

export function accept(
  state: ModelState,
  now: number,
  request: { stream: boolean; targets: readonly Target[]; timeoutMs: number },
): Step<'accepted'> {
  if (state !== null) return [state, 'accepted'];
  const blank: ModelRequest = {
    stream: request.stream,
    targets: request.targets,
    state: 'waiting',
    target: 0,
    attempt: 1,
    placement: 1,
    epoch: 0,
    starts: 0,
    token: null,
    worker: null,
    seq: 0,
    visible: false,
    deadlineAt: now + request.timeoutMs,
    leaseUntil: null,
    unplacedAt: null,
    waitUntil: null,
    orphanAt: now + ORPHAN_MS,
    expiresAt: null,
    log: [],
    trail: [],
    outcome: null,
    sealedBy: null,
    movedBy: null,
    usage: {},
  };
  return [waiting(blank, now), 'accepted'];
}

export type ModelClaimReply =
  | { readonly kind: 'run'; readonly epoch: number; readonly target: number; readonly start: number }
  | { readonly kind: 'done' | 'busy' }
  | ({ readonly kind: 'superseded' } & ModelPlaced);

export function claim(state: ModelState, now: number, args: Omit<ClaimArgs, 'request'>): Step<ModelClaimReply> {
  if (state === null || state.state === 'ended' || args.attempt > state.attempt) return [state, { kind: 'done' }];
  if (args.attempt < state.attempt) return [state, { kind: 'superseded', ...placed(state) }];
  if (now >= state.deadlineAt) {
    return [end(state, now, failed('deadline_exceeded'), 'claim'), { kind: 'done' }];
  }
  if (state.state === 'running') {
    if (state.token === args.token) return [state, running(state)];
    if (isLeased(state, now)) return [state, { kind: 'busy' }];
    if (state.visible) return [end(lose(state), now, failed('stream_interrupted'), 'claim'), { kind: 'done' }];
  }
  if (state.starts >= MAX_STARTS) {
    return [end(lose(state), now, failed('internal_error'), 'claim'), { kind: 'done' }];
  }
  const epoch = state.epoch + 1;
  const run: ModelRequest = {
    ...lose(state),
    state: 'running',
    epoch,
    starts: state.starts + 1,
    token: args.token,
    worker: args.worker,
    seq: 0,
    leaseUntil: now + LEASE_MS,
    unplacedAt: null,
    waitUntil: null,
    log: [...state.log, { id: `${epoch}-0`, type: 'start', epoch, target: state.target }],
  };
  return [run, running(run)];
}

export function renew(state: ModelState, now: number, epoch: number): Step<RenewReply> {
  if (state === null || state.state === 'ended') return [state, 'ended'];
  if (!holds(state, epoch)) return [state, 'fenced'];
  if (now >= state.deadlineAt) return [state, 'expired'];
  return [{ ...state, leaseUntil: now + LEASE_MS }, 'ok'];
}

export function append(state: ModelState, args: { epoch: number; seq: number; text: string }): Step<boolean> {
  if (!holds(state, args.epoch)) return [state, false];
  return [log(state, args.seq, args.text), true];
}

export function seal(
  state: ModelState,
  now: number,
  args: { guard: Guard; outcome: Outcome; last?: { seq: number; text: string }; record?: string },
): Step<boolean> {
  if (state === null) return [state, false];
  const by = sealName(args.guard, args.outcome);
  if (state.state === 'ended') return [state, state.sealedBy === by];
  if (!allows(state, now, args.guard)) return [state, false];
  const whole = args.last === undefined ? state : log(state, args.last.seq, args.last.text);
  const trail = args.record === undefined ? whole.trail : [...whole.trail, args.record];
  return [end({ ...whole, trail }, now, args.outcome, by), true];
}

export function settle(state: ModelState, args: { epoch: number; usage: string }): Step<boolean> {
  if (state === null || args.epoch > state.epoch || state.usage[args.epoch] !== undefined) return [state, false];
  return [{ ...state, usage: { ...state.usage, [args.epoch]: args.usage } }, true];
}

export function next(
  state: ModelState,
  now: number,
  args: { guard: Extract<Guard, { kind: 'epoch' | 'attempt' }>; target: number; record: string },
): Step<ModelPlaced | null> {
  if (state === null || state.state === 'ended') return [state, null];
  const by = guardName(args.guard);
  if (state.movedBy === by) return [state, placed(state)];
  if (state.visible || !allows(state, now, args.guard) || args.target >= state.targets.length) return [state, null];
  const moved = waiting(
    {
      ...state,
      target: args.target,
      attempt: state.attempt + 1,
      placement: 1,
      starts: 0,
      movedBy: by,
      trail: [...state.trail, args.record],
    },
    now,
  );
  return [moved, placed(moved)];
}

/** Hands a run back unharmed, as on drain: its start does not count. Refused once output is visible. */
export function release(state: ModelState, now: number, epoch: number): Step<boolean> {
  if (state === null) return [state, false];
  if (state.state === 'waiting' && state.movedBy === `release:${epoch}`) return [state, true];
  if (!holds(state, epoch) || state.visible) return [state, false];
  return [waiting({ ...state, starts: state.starts - 1, movedBy: `release:${epoch}` }, now), true];
}

/** The sweeper's answer to a lease that ran out. */
export function lapse(
  state: ModelState,
  now: number,
): Step<{ kind: 'none' | 'interrupted' } | ({ kind: 'placed' } & ModelPlaced)> {
  if (state === null || state.state !== 'running' || isLeased(state, now)) return [state, { kind: 'none' }];
  if (state.visible) {
    return [end(lose(state), now, failed('stream_interrupted'), 'lapse'), { kind: 'interrupted' }];
  }
  const again = waiting({ ...lose(state), placement: state.placement + 1 }, now);
  return [again, { kind: 'placed', ...placed(again) }];
}

/** The sweeper saw the job of this placement: no need to look again. */
export function confirm(state: ModelState, args: { attempt: number; placement: number }): Step<boolean> {
  if (!isPlacement(state, args)) return [state, false];
  return [{ ...state, unplacedAt: null }, true];
}

/** The sweeper found no job for this placement: make another. */
export function replace(
  state: ModelState,
  now: number,
  args: { attempt: number; placement: number },
): Step<ModelPlaced | null> {
  if (!isPlacement(state, args)) return [state, null];
  const again = { ...state, placement: state.placement + 1, unplacedAt: now + PLACEMENT_GRACE_MS };
  return [again, placed(again)];
}

/** A reader says that it is there. */
export function attend(state: ModelState, now: number): Step<boolean> {
  if (state === null) return [state, false];
  if (state.state === 'ended') return [{ ...state, expiresAt: now + ENDED_TTL_MS }, true];
  return [{ ...state, orphanAt: now + ORPHAN_MS }, true];
}

function isPlacement(state: ModelState, args: { attempt: number; placement: number }): state is ModelRequest {
  return (
    state?.state === 'waiting' && state.attempt === args.attempt && state.placement === args.placement
  );
}

function holds(state: ModelState, epoch: number): state is ModelRequest {
  return state?.state === 'running' && state.epoch === epoch;
}

function isLeased(state: ModelRequest, now: number): boolean {
  return state.leaseUntil !== null && state.leaseUntil > now;
}

function allows(state: ModelRequest, now: number, guard: Guard): boolean {
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

function guardName(guard: Guard): string {
  if (guard.kind === 'epoch') return `epoch:${guard.epoch}`;
  return guard.kind === 'attempt' ? `attempt:${guard.attempt}` : guard.kind;
}

function sealName(guard: Guard, outcome: Outcome): string {
  return `${guardName(guard)}/${outcome.kind}`;
}

function waiting(state: ModelRequest, now: number): ModelRequest {
  const maxWait = state.targets[state.target]?.maxQueueWaitMs;
  return {
    ...state,
    state: 'waiting',
    token: null,
    worker: null,
    leaseUntil: null,
    unplacedAt: now + PLACEMENT_GRACE_MS,
    waitUntil: maxWait === undefined ? null : now + maxWait,
  };
}

/** A run that lost its lease can no longer say what its call cost. */
function lose(state: ModelRequest): ModelRequest {
  if (state.state !== 'running' || state.usage[state.epoch] !== undefined) return state;
  return { ...state, usage: { ...state.usage, [state.epoch]: 'unknown' } };
}

function log(state: ModelRequest, seq: number, text: string): ModelRequest {
  if (seq <= state.seq) return state;
  const entry: ModelEntry = { id: `${state.epoch}-${seq}`, type: 'data', epoch: state.epoch, text };
  return { ...state, seq, visible: state.stream, log: [...state.log, entry] };
}

function end(state: ModelRequest, now: number, outcome: Outcome, by: string): ModelRequest {
  return {
    ...state,
    state: 'ended',
    outcome,
    sealedBy: by,
    leaseUntil: null,
    unplacedAt: null,
    waitUntil: null,
    orphanAt: null,
    expiresAt: now + ENDED_TTL_MS,
    log: [...state.log, { id: END_ID, type: 'end', outcome }],
  };
}

function placed(state: ModelRequest): ModelPlaced {
  return { attempt: state.attempt, placement: state.placement, target: state.target };
}

function running(state: ModelRequest): ModelClaimReply {
  return { kind: 'run', epoch: state.epoch, target: state.target, start: state.starts };
}

function failed(code: ErrorCode): Outcome {
  return { kind: 'failed', code, params: {} };
}
