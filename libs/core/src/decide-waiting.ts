import { recordWait } from './attempt-record.js';
import type { AttemptRecord } from './attempt-record.js';
import { toSeconds } from './decide-next.js';
import type { Fail } from './decide-next.js';
import type { Endpoint } from './endpoint.js';
import { HEARTBEAT_TTL_MS } from './fleet.js';
import type { Fleet } from './fleet.js';
import { waitFor } from './health.js';
import { targetKey, unusableKey } from './target-key.js';
import type { Target } from './target.js';

/** An attempt that waits in a queue, as the sweeper finds it. */
export interface AttemptWaiting {
  /** The plan, in order. */
  readonly targets: readonly Target[];
  /** Index of the target in whose queue it waits. */
  readonly current: number;
  /** The attempts before this one, oldest first. */
  readonly trail: readonly AttemptRecord[];
  readonly model: string;
  readonly endpoint: Endpoint;
  /** Time since this attempt was placed, ms. */
  readonly waitedMs: number;
  /**
   * Time since the last heartbeat of the target's provider, ms; where none was ever seen, time since the attempt was
   * placed. Not read while the fleet has a live worker of it.
   */
  readonly providerSilentMs: number;
  readonly fleet: Fleet;
}

/** `move`: to that index of the plan. In either case `record` joins the trail. */
export type WaitVerdict =
  | { readonly action: 'stay' }
  | { readonly action: 'move'; readonly target: number; readonly record: AttemptRecord }
  | (Fail & { readonly record: AttemptRecord });

/**
 * What becomes of an attempt that no worker has taken yet. It moves on when it waited too long or its provider is
 * without a worker, if a later target can serve now; with none it stays to its `maxQueueWaitMs`, and without that to
 * the deadline, which `decideExpired` ends.
 * @throws RangeError when `current` is not an index of the plan
 */
export function decideWaiting(input: AttemptWaiting): WaitVerdict {
  const { targets, current, fleet, waitedMs } = input;
  const target = targetAt(targets, current);
  const live = fleet.providers.has(target.provider);
  const overdue = target.maxQueueWaitMs !== undefined && waitedMs >= target.maxQueueWaitMs;
  // A restart takes less than this: it must not push local prompts to the cloud.
  const silent = !live && input.providerSilentMs >= HEARTBEAT_TTL_MS;
  if (!overdue && !silent) return { action: 'stay' };
  const code = live ? 'queue_timeout' : 'no_worker';
  const record = recordWait(target, code);
  const next = nextServed(input);
  if (next !== undefined) return { action: 'move', target: next, record };
  return overdue
    ? { action: 'fail', code, params: waitParams(input.model, waitedMs), record }
    : { action: 'stay' };
}

/** A request whose deadline has come. */
export interface RequestExpired {
  readonly targets: readonly Target[];
  readonly current: number;
  readonly model: string;
  /** True while no worker has claimed the attempt. */
  readonly waiting: boolean;
  /** The whole time the request had, ms. */
  readonly timeoutMs: number;
  readonly fleet: Fleet;
}

/**
 * How a request ends at its deadline: `deadline_exceeded`, or `no_worker` when it still waited for one.
 * @throws RangeError when `current` is not an index of the plan
 */
export function decideExpired({ targets, current, model, waiting, timeoutMs, fleet }: RequestExpired): Fail {
  const target = targetAt(targets, current);
  if (waiting && !fleet.providers.has(target.provider)) {
    return { action: 'fail', code: 'no_worker', params: waitParams(model, timeoutMs) };
  }
  return { action: 'fail', code: 'deadline_exceeded', params: { seconds: toSeconds(timeoutMs) } };
}

function nextServed({ targets, current, trail, fleet, endpoint }: AttemptWaiting): number | undefined {
  const tried = new Set(trail.map(targetKey));
  const next = targets.findIndex(
    (target, index) => index > current && !tried.has(targetKey(target)) && canServe(target, endpoint, fleet),
  );
  return next < 0 ? undefined : next;
}

/** A live worker that holds a credential, a model that its provider was not lately without, and nothing against a call. */
function canServe(target: Target, endpoint: Endpoint, { providers, unusable, health }: Fleet): boolean {
  const trusted = providers.get(target.provider)?.credential === 'ok';
  return trusted && !unusable.has(unusableKey(target, endpoint)) && waitFor(target, health).ms === 0;
}

function waitParams(model: string, ms: number): Fail['params'] {
  return { model, waited: toSeconds(ms) };
}

function targetAt(targets: readonly Target[], index: number): Target {
  const target = targets[index];
  if (target === undefined)
    throw new RangeError(`The plan has no target ${index}; it has ${targets.length}.`);
  return target;
}
