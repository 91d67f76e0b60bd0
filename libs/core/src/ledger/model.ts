import {
  LOST_USAGE,
  NO_CALL,
  allows,
  end,
  failed,
  guardName,
  holds,
  isLeased,
  isPlacement,
  leave,
  logFrame,
  lose,
  placed,
  sealName,
  settled,
  waiting,
  type ModelPlaced,
  type ModelRequest,
  type ModelState,
  type Step,
} from './model-state.js';
import {
  LEASE_MS,
  MAX_STARTS,
  PLACEMENT_GRACE_MS,
  type ClaimArgs,
  type Guard,
  type NextArgs,
  type Outcome,
  type RenewReply,
} from './transitions.js';

/**
 * The specification of the ledger as pure functions over plain data: `(state, arguments) -> [state, reply]`. The Lua
 * scripts of libs/broker do the same on Redis; the cases in testing/ run against both, and the search walks this one.
 * Bodies and frames are text here, since the ledger never looks inside them. This file holds what workers and the
 * sweeper do, model-client.ts what is done for a client.
 */

export type ModelClaimReply =
  | {
      readonly kind: 'run';
      readonly epoch: number;
      readonly attempt: number;
      readonly target: number;
      readonly start: number;
      readonly remainingMs: number;
      readonly trail: readonly string[];
    }
  | { readonly kind: 'done' | 'busy' }
  | ({ readonly kind: 'superseded' } & ModelPlaced);

/** Starts a run for whoever holds a job of `attempt`, or says why not. */
export function claim(
  state: ModelState,
  now: number,
  args: Omit<ClaimArgs, 'request'>,
): Step<ModelClaimReply> {
  if (state === null || state.state === 'ended' || args.attempt > state.attempt)
    return [state, { kind: 'done' }];
  if (args.attempt < state.attempt) return [state, { kind: 'superseded', ...placed(state, now) }];
  if (now >= state.deadlineAt) {
    return [end(state, now, failed('deadline_exceeded'), 'claim'), { kind: 'done' }];
  }
  if (state.state === 'running') {
    if (state.token === args.token) return [state, running(state, now)];
    if (isLeased(state, now)) return [state, { kind: 'busy' }];
    if (state.visible)
      return [end(lose(state), now, failed('stream_interrupted'), 'claim'), { kind: 'done' }];
  }
  if (state.starts >= MAX_STARTS) {
    const isKept = state.keepMs !== null;
    return [end(lose(state), now, failed('internal_error'), 'claim', isKept), { kind: 'done' }];
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
    retryAt: null,
    log: [...state.log, { id: `${epoch}-0`, type: 'start', epoch, target: state.target }],
  };
  return [run, running(run, now)];
}

/** Extends a run's lease, even one that ran out, as long as nobody took its place. */
export function renew(state: ModelState, now: number, epoch: number): Step<RenewReply> {
  if (state === null || state.state === 'ended') return [state, 'ended'];
  if (!holds(state, epoch)) return [state, 'fenced'];
  if (now >= state.deadlineAt) return [state, 'expired'];
  return [{ ...state, leaseUntil: now + LEASE_MS }, 'ok'];
}

/** Logs a run's next frame. False: another run holds the request, it ended, or an earlier frame is missing. */
export function append(state: ModelState, args: { epoch: number; seq: number; text: string }): Step<boolean> {
  if (!holds(state, args.epoch)) return [state, false];
  const logged = logFrame(state, args.seq, args.text);
  return logged === null ? [state, false] : [logged, true];
}

export interface ModelSealArgs {
  readonly guard: Guard;
  readonly outcome: Outcome;
  readonly last?: { readonly seq: number; readonly text: string };
  readonly record?: string;
  readonly usage?: string | null;
}

/**
 * Ends a request, once. True also for the repetition of the seal that did it. With `usage` it is `settle` and then the
 * seal in one step: a refused seal settles all the same.
 */
export function seal(state: ModelState, now: number, args: ModelSealArgs): Step<boolean> {
  const { guard, usage } = args;
  if (usage === undefined || guard.kind !== 'epoch') return sealAlone(state, now, args);
  return sealAlone(settle(state, { epoch: guard.epoch, usage })[0], now, args);
}

function sealAlone(state: ModelState, now: number, args: ModelSealArgs): Step<boolean> {
  if (state === null) return [state, false];
  const by = sealName(args.guard, args.outcome);
  if (state.state === 'ended') return [state, state.sealedBy === by];
  if (!allows(state, now, args.guard)) return [state, false];
  const whole = args.last === undefined ? state : logFrame(state, args.last.seq, args.last.text);
  if (whole === null) return [state, false];
  const trail = args.record === undefined ? whole.trail : [...whole.trail, args.record];
  return [end({ ...whole, trail }, now, args.outcome, by), true];
}

/** What a run's call cost, once; null if it made none. False where the run was lost before it could say. */
export function settle(state: ModelState, args: { epoch: number; usage: string | null }): Step<boolean> {
  if (state === null || args.epoch < 1 || args.epoch > state.epoch) return [state, false];
  const row = state.usage[args.epoch];
  if (row === undefined) return [settled(state, args.epoch, args.usage ?? NO_CALL), true];
  return [state, row !== LOST_USAGE && (row === NO_CALL) === (args.usage === null)];
}

/** The sweeper's answer to a run that is over and has not said what its call cost: nobody will. */
export function writeOff(state: ModelState, now: number, epoch: number): Step<boolean> {
  if (state === null) return [state, false];
  if (state.usage[epoch] === LOST_USAGE) return [state, true];
  const due = state.unsettled[epoch];
  if (due === undefined || due > now) return [state, false];
  return [settled(state, epoch, LOST_USAGE), true];
}

/** Moves on to another target, or to the same one again, at once or later; refused once output is visible. Null: no. */
export function next(
  state: ModelState,
  now: number,
  args: Omit<NextArgs, 'request'>,
): Step<ModelPlaced | null> {
  if (state === null || state.state === 'ended') return [state, null];
  const by = guardName(args.guard);
  const { afterMs = 0, retry = false } = args;
  if (state.movedBy === by) return [state, placed(state, now)];
  if (state.visible || !allows(state, now, args.guard) || args.target >= state.targets.length)
    return [state, null];
  const moved = waiting(
    {
      ...leave(state, now),
      target: args.target,
      attempt: state.attempt + 1,
      placement: 1,
      starts: 0,
      movedBy: by,
      trail: [...state.trail, args.record],
    },
    now,
    afterMs,
  );
  const counted = retry ? { ...moved, retryAt: moved.dueAt } : moved;
  return [counted, placed(counted, now)];
}

/**
 * Hands a run back unharmed, as on drain: its start does not count, and the reply is the job to add. A new placement,
 * because the old one's job may be on its way out: a duplicate that found this run busy completes it. Null: refused,
 * since output is visible or another holds the request.
 */
export function release(state: ModelState, now: number, epoch: number): Step<ModelPlaced | null> {
  if (state === null) return [state, null];
  const movedBy = `release:${epoch}`;
  if (state.state === 'waiting' && state.movedBy === movedBy) return [state, placed(state, now)];
  if (!holds(state, epoch) || state.visible) return [state, null];
  const { starts, placement } = state;
  const again = waiting({ ...leave(state, now), starts: starts - 1, placement: placement + 1, movedBy }, now);
  return [again, placed(again, now)];
}

export type ModelLapseReply =
  { readonly kind: 'none' | 'interrupted' } | ({ readonly kind: 'placed' } & ModelPlaced);

/** The sweeper's answer to a lease that ran out. */
export function lapse(state: ModelState, now: number): Step<ModelLapseReply> {
  if (state === null || state.state !== 'running' || isLeased(state, now)) return [state, { kind: 'none' }];
  if (state.visible) {
    return [end(lose(state), now, failed('stream_interrupted'), 'lapse'), { kind: 'interrupted' }];
  }
  const again = waiting({ ...lose(state), placement: state.placement + 1 }, now);
  return [again, { kind: 'placed', ...placed(again, now) }];
}

/** The sweeper saw the job of this placement: no need to look again. */
export function confirm(state: ModelState, args: { attempt: number; placement: number }): Step<boolean> {
  if (!isPlacement(state, args)) return [state, false];
  return [{ ...state, unplacedAt: null }, true];
}

/** The sweeper found no job for this placement: make another, due when that one was. */
export function replace(
  state: ModelState,
  now: number,
  args: { attempt: number; placement: number },
): Step<ModelPlaced | null> {
  if (!isPlacement(state, args)) return [state, null];
  const again = { ...state, placement: state.placement + 1, unplacedAt: now + PLACEMENT_GRACE_MS };
  return [again, placed(again, now)];
}

function running(state: ModelRequest, now: number): ModelClaimReply {
  const { epoch, attempt, target, starts: start, trail } = state;
  return { kind: 'run', epoch, attempt, target, start, remainingMs: state.deadlineAt - now, trail };
}
