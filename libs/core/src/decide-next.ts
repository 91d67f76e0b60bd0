import { formatTrail, recordFailure } from './attempt-record.js';
import type { AttemptRecord } from './attempt-record.js';
import type { ErrorCode, ErrorParams } from './errors.js';
import type { Failure } from './failure.js';
import { targetKey } from './target-key.js';
import type { Target } from './target.js';

/** How a request ends. `code` is a row of the error table, `params` fill its message. */
export interface Fail {
  readonly action: 'fail';
  readonly code: ErrorCode;
  readonly params: ErrorParams;
}

/** `target` is an index into the plan's targets. */
export type Verdict = { readonly action: 'fallback'; readonly target: number } | Fail;

/** Everything that the verdict on a failed attempt depends on. */
export interface AttemptFailed {
  readonly failure: Failure;
  /** The plan, in order. */
  readonly targets: readonly Target[];
  /** Index of the target that failed. */
  readonly current: number;
  /** The attempts before this one, oldest first; this one is added here. */
  readonly trail: readonly AttemptRecord[];
  /** The public model name that the caller asked for. */
  readonly model: string;
  readonly stream: boolean;
  /** Time to the deadline, ms; zero or less when it has passed. */
  readonly remainingMs: number;
  /** The whole time the request had, ms; for the message. */
  readonly timeoutMs: number;
}

/**
 * What follows a failed attempt. Falls back only forward in the plan and once per target, so a request ends within as
 * many attempts as the plan has targets; and never after output that the client may have seen.
 * @throws RangeError when `current` is not an index of the plan
 */
export function decideNext(input: AttemptFailed): Verdict {
  const { failure, targets, current, model } = input;
  const target = targets[current];
  if (target === undefined)
    throw new RangeError(`The plan has no target ${current}; it has ${targets.length}.`);
  if (input.stream && failure.phase === 'visible') return interrupted(failure, target);
  if (failure.category === 'caller') return refused(failure, target);
  const trail = [...input.trail, recordFailure(target, failure)];
  const next = nextTarget(targets, current, trail);
  if (failure.category === 'context' && next === undefined) {
    return fail('context_length_exceeded', { model: target.model, provider: target.provider });
  }
  if (input.remainingMs <= 0) return fail('deadline_exceeded', { seconds: toSeconds(input.timeoutMs) });
  return next === undefined ? exhausted(trail, model) : { action: 'fallback', target: next };
}

/** The next target after `current` that was not tried and, once a context was too short, is declared longer. */
function nextTarget(
  targets: readonly Target[],
  current: number,
  trail: readonly AttemptRecord[],
): number | undefined {
  const tried = new Set(trail.map(targetKey));
  const tooShort = new Set(trail.filter(({ category }) => category === 'context').map(targetKey));
  // A context that nobody declared counts as none: a declared one is then worth the try.
  const shortest = Math.max(
    -1,
    ...targets
      .filter((target) => tooShort.has(targetKey(target)))
      .map(({ contextTokens }) => contextTokens ?? 0),
  );
  const next = targets.findIndex(
    (target, index) =>
      index > current &&
      !tried.has(targetKey(target)) &&
      (shortest < 0 || (target.contextTokens ?? 0) > shortest),
  );
  return next < 0 ? undefined : next;
}

/** The client has seen output: whatever came next would be spliced to it. */
function interrupted({ code, reason }: Failure, { provider }: Target): Fail {
  if (code === 'upstream_truncated') return fail('upstream_truncated', { provider });
  return fail('stream_interrupted', { provider, reason });
}

function refused({ code, reason, detail }: Failure, { provider, model }: Target): Fail {
  return fail(code, {
    provider,
    model,
    status: detail?.status ?? reason,
    reason: detail?.message ?? 'it gave no reason',
    limit: 'size',
    who: provider,
    ...(detail?.param === undefined ? {} : { param: detail.param }),
  });
}

/** The final error when no target is left: one cause that all calls share, or the trail. */
function exhausted(trail: readonly AttemptRecord[], model: string): Fail {
  // Queues that were left unserved say nothing about the calls that were made.
  const calls = trail.filter(({ category }) => category !== 'waited');
  const all = (test: (call: AttemptRecord) => boolean): boolean => calls.every(test);
  const params = { model, trail: formatTrail(trail) };
  if (all(({ category }) => category === 'credential')) return fail('upstream_credentials_exhausted', params);
  if (all(({ category }) => category === 'backpressure')) {
    return fail('rate_limit_exceeded', { model, seconds: soonest(calls) });
  }
  if (all(({ category }) => category === 'unusable')) {
    return fail('model_not_found', {
      model,
      available: `see GET /v1/models (${params.trail})`,
      param: 'model',
    });
  }
  if (all(({ code }) => code === 'upstream_timeout')) return fail('upstream_timeout', params);
  const [only] = calls;
  if (calls.length === 1 && only?.code === 'upstream_truncated') {
    return fail('upstream_truncated', { provider: only.provider });
  }
  return fail('upstream_error', params);
}

/** Seconds to wait where no provider said how long. */
const DEFAULT_RETRY_AFTER_SECONDS = 1;

function soonest(calls: readonly AttemptRecord[]): number {
  const waits = calls.flatMap(({ retryAfterMs }) => (retryAfterMs === undefined ? [] : [retryAfterMs]));
  return waits.length === 0 ? DEFAULT_RETRY_AFTER_SECONDS : Math.max(1, Math.ceil(Math.min(...waits) / 1000));
}

/** A time for a message: whole seconds, tenths below ten. */
export function toSeconds(ms: number): number {
  const seconds = Math.max(0, ms) / 1000;
  return seconds < 10 ? Math.round(seconds * 10) / 10 : Math.round(seconds);
}

function fail(code: ErrorCode, params: ErrorParams): Fail {
  return { action: 'fail', code, params };
}
