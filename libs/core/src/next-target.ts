import { isCall } from './attempt-record.js';
import type { AttemptRecord } from './attempt-record.js';
import { waitFor } from './health.js';
import type { Health } from './health.js';
import type { ShardLoad } from './ledger/transitions.js';
import { targetKey } from './target-key.js';
import type { Target } from './target.js';

/** Where a request may go from an attempt that came to nothing. */
export interface Onward {
  /** The plan, in order. */
  readonly targets: readonly Target[];
  /** Index of the target that the attempt was placed on. */
  readonly current: number;
  /** All attempts so far, oldest first, the last one included. */
  readonly trail: readonly AttemptRecord[];
  /** Time to the deadline, ms; zero or less when it has passed. */
  readonly remainingMs: number;
  /** Absent: nothing is known, so every target is taken for well. */
  readonly health?: Health | undefined;
  readonly limits: RetryLimits;
}

/** What limits the waits of a request for a target that is not to be called now. */
export interface RetryLimits {
  /** The longest single wait, ms (`queue.maxRetryDelayMs`); 0: none. */
  readonly maxDelayMs: number;
  /** Read just before the decision. Absent: not known, which leaves no budget for retries. */
  readonly load?: ShardLoad | undefined;
}

/** Calls of one request to targets that it has called before. */
export const RETRIES_MAX = 3;
/** Attempts of one request that a worker made no call for: each is a claim and a move, and it must end. */
export const SKIPS_MAX = 30;
/** The retry budget: requests that may wait for a retry at a time, as a share of the active ones, and at least. */
export const RETRY_BUDGET = { share: 0.2, floor: 3 } as const;
/** A target that said it is busy, and not for how long, is left alone for at least this long, ms. */
const RETRY_MIN_MS = 250;
/** Time to the deadline that must be left for a call after a wait, ms. */
const CALL_MARGIN_MS = 1_000;

/**
 * The plan's next target that may be called now and was not tried, or undefined. First those after the current one, then
 * those before it, which can be there untried because they were not to be called when it was their turn.
 */
export function nextTarget(onward: Onward): number | undefined {
  const { targets, current, health } = onward;
  if (isSkippedOut(onward)) return undefined;
  const order = [...targets.keys()];
  return [...order.slice(current + 1), ...order.slice(0, current)].find((index) => {
    const target = targets[index];
    return target && isUntried(target, onward) && waitFor(target, health).ms === 0;
  });
}

/** A target to wait for. `counts`: it was called before, so that another call is a retry, which takes from the budget. */
export interface WaitedFor {
  readonly target: number;
  readonly afterMs: number;
  readonly counts: boolean;
}

/**
 * Where no target may be called now: the one that may be called soonest, if that can be waited for. Only what was not
 * called yet, or said nothing but that it is busy, is waited for: a call that failed otherwise may have been billed.
 */
export function nextWait(onward: Onward): WaitedFor | undefined {
  if (isSkippedOut(onward)) return undefined;
  const { targets, trail, health } = onward;
  return targets
    .flatMap((target, index): WaitedFor[] => {
      const counts = trail.some((record) => isCall(record) && targetKey(record) === targetKey(target));
      if (!isOnlyBusy(target, onward)) return [];
      const afterMs = Math.max(RETRY_MIN_MS, Math.ceil(waitFor(target, health).ms), saidNow(target, onward));
      return [{ target: index, afterMs, counts }];
    })
    .toSorted((one, other) => one.afterMs - other.afterMs)
    .find((wait) => isAllowed(wait, onward));
}

/** Is there a target that the request has not tried, whether it may be called now or not? */
export function hasUntried(onward: Onward): boolean {
  return onward.targets.some((target, index) => index !== onward.current && isUntried(target, onward));
}

/** May a request wait this long for its target? Asked before its first attempt, too. */
export function allowsWait(
  target: Target,
  wait: { readonly ms: number; readonly remainingMs: number; readonly maxDelayMs: number },
): boolean {
  const { ms, remainingMs, maxDelayMs } = wait;
  return ms <= maxDelayMs && ms < (target.maxQueueWaitMs ?? Infinity) && ms < remainingMs - CALL_MARGIN_MS;
}

/** Is there room for one more request that waits for a retry? */
function isInBudget(load: ShardLoad | undefined): boolean {
  if (!load) return false;
  return load.retrying < Math.max(RETRY_BUDGET.floor, load.active * RETRY_BUDGET.share);
}

function isAllowed({ target, afterMs: ms, counts }: WaitedFor, onward: Onward): boolean {
  const { targets, remainingMs, limits, trail } = onward;
  const waited = targets[target];
  if (!waited || !allowsWait(waited, { ms, remainingMs, maxDelayMs: limits.maxDelayMs })) return false;
  return !counts || (countRetries(trail) < RETRIES_MAX && isInBudget(limits.load));
}

function countRetries(trail: readonly AttemptRecord[]): number {
  const calls = trail.filter(isCall).map(targetKey);
  return calls.length - new Set(calls).size;
}

function isSkippedOut({ trail }: Onward): boolean {
  return trail.filter(({ category }) => category === 'skipped').length > SKIPS_MAX;
}

/** Neither called nor left because no worker came; and, once a context was too short, declared with a longer one. */
function isUntried(target: Target, onward: Onward): boolean {
  const key = targetKey(target);
  const tried = onward.trail.some((record) => record.category !== 'skipped' && targetKey(record) === key);
  return !tried && isLongEnough(target, onward);
}

/** No call to it failed but for being busy; so, too, where there was none. */
function isOnlyBusy(target: Target, onward: Onward): boolean {
  const key = targetKey(target);
  const own = onward.trail.filter((record) => record.category !== 'skipped' && targetKey(record) === key);
  return own.every(({ category }) => category === 'backpressure') && isLongEnough(target, onward);
}

function isLongEnough(target: Target, { targets, trail }: Onward): boolean {
  const tooShort = new Set(trail.filter(({ category }) => category === 'context').map(targetKey));
  // A context that nobody declared counts as none: a declared one is then worth the try.
  const shortest = Math.max(
    -1,
    ...targets.filter((each) => tooShort.has(targetKey(each))).map(({ contextTokens }) => contextTokens ?? 0),
  );
  return shortest < 0 || (target.contextTokens ?? 0) > shortest;
}

/** What the call that just failed was told, in case it has not come to be known as health. */
function saidNow(target: Target, { targets, current, trail }: Onward): number {
  const last = targets[current] === target ? trail.at(-1) : undefined;
  return last?.retryAfterMs ?? 0;
}
