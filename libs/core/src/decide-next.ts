import { formatTrail, isCall, recordFailure, recordSkip } from './attempt-record.js';
import type { AttemptRecord } from './attempt-record.js';
import type { ErrorCode, ErrorParams } from './errors.js';
import type { Failure } from './failure.js';
import { waitFor } from './health.js';
import type { Refusal, Wait } from './health.js';
import { hasUntried, nextTarget, nextWait } from './next-target.js';
import type { Onward } from './next-target.js';
import { targetKey } from './target-key.js';
import type { Target } from './target.js';

/** How a request ends. `code` is a row of the error table, `params` fill its message. */
export interface Fail {
  readonly action: 'fail';
  readonly code: ErrorCode;
  readonly params: ErrorParams;
}

/** `target` is an index into the plan's targets. */
export type Verdict =
  | { readonly action: 'fallback'; readonly target: number }
  /**
   * Waits for a target that is not to be called before `afterMs`: the failed one, or another that cools down or is known
   * to be down. `counts`: it was called before, so the wait takes from the retry budget.
   */
  | {
      readonly action: 'retry';
      readonly target: number;
      readonly afterMs: number;
      readonly counts: boolean;
    }
  | Fail;

/** What the verdict on an attempt depends on, however it came to nothing. */
interface AttemptOver extends Omit<Onward, 'trail'> {
  /** The attempts before this one, oldest first; this one is added here. */
  readonly trail: readonly AttemptRecord[];
  /** The public model name that the caller asked for. */
  readonly model: string;
  /** The whole time the request had, ms; for the message. */
  readonly timeoutMs: number;
}

/** Everything that the verdict on a failed attempt depends on. */
export interface AttemptFailed extends AttemptOver {
  readonly failure: Failure;
  readonly stream: boolean;
}

/** An attempt whose target was not to be called when a worker took it: no call was made. */
export interface AttemptSkipped extends AttemptOver {
  readonly why: Refusal;
}

/**
 * What follows a failed attempt. Falls back once per target; where none is left that may be called now, it waits for one
 * that is busy, at most `RETRIES_MAX` times for one that it called before; and never after output that the client may
 * have seen.
 * @throws RangeError when `current` is not an index of the plan
 */
export function decideNext(input: AttemptFailed): Verdict {
  const { failure } = input;
  const target = targetAt(input);
  if (input.stream && failure.phase === 'visible') return interrupted(failure, target);
  if (failure.category === 'caller') return refused(failure, target);
  const onward = { ...input, trail: [...input.trail, recordFailure(target, failure)] };
  if (failure.category === 'context' && !hasUntried(onward)) {
    return fail('context_length_exceeded', { model: target.model, provider: target.provider });
  }
  return goOn(onward, failure);
}

/**
 * What follows an attempt that no call was made for, because its target was not to be called just then: the same moves
 * as after a failure.
 * @throws RangeError when `current` is not an index of the plan
 */
export function decideSkipped(input: AttemptSkipped): Verdict {
  return goOn({ ...input, trail: [...input.trail, recordSkip(targetAt(input), input.why)] });
}

/** @param failure of a call that was made */
function goOn(over: AttemptOver, failure?: Failure): Verdict {
  if (over.remainingMs <= 0) return fail('deadline_exceeded', { seconds: toSeconds(over.timeoutMs) });
  const next = nextTarget(over);
  if (next !== undefined) return { action: 'fallback', target: next };
  const wait = nextWait(over);
  if (wait) return { action: 'retry', ...wait };
  return isBeyondAll(over) ? beyondAll(over, failure) : exhausted(over);
}

function targetAt({ targets, current }: AttemptOver): Target {
  const target = targets[current];
  if (target) return target;
  throw new RangeError(`The plan has no target ${current}; it has ${targets.length}.`);
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

/** Is there no target that could take the request as it is, however long it waited? */
function isBeyondAll({ targets, trail }: AttemptOver): boolean {
  const unsupported = trail.filter(({ category }) => category === 'unsupported').map(targetKey);
  return targets.every((target) => unsupported.includes(targetKey(target)));
}

/** As the plan says it where it knows before. */
function beyondAll({ trail, model }: AttemptOver, failure: Failure | undefined): Fail {
  const params = [...new Set(trail.flatMap(({ param }) => (param === undefined ? [] : [param])))];
  const words = failure?.detail?.message;
  return fail('unsupported_parameter', {
    reason: lackReason({
      model,
      params,
      lacks: `${formatTrail(trail)}${words === undefined ? '' : ` (${words})`}`,
    }),
    ...(params[0] !== undefined && { param: params[0] }),
  });
}

/** Why nobody can take a request, and what to do about it. */
export function lackReason(lack: {
  readonly model: string;
  readonly params: readonly string[];
  readonly lacks: string;
}): string {
  const { model, lacks } = lack;
  // Nobody can do without these: what is too much is something in them.
  const params = lack.params.filter((param) => param !== 'messages');
  const named = params.map((param) => `\`${param}\``).join(' and ') || 'this request';
  const it = params.length > 1 ? 'them' : 'it';
  const remedy = params.length === 0 ? 'Change it' : `Remove ${it}`;
  return `${model} cannot take ${named} here: ${lacks}. ${remedy}, or ask for a model whose provider has what is missing.`;
}

/** The final error when no target is left: one cause that all calls share, or the trail. */
function exhausted({ trail, model, targets, health }: AttemptOver): Fail {
  const calls = tellingCalls(trail);
  const all = (test: (call: AttemptRecord) => boolean): boolean => calls.every(test);
  const params = { model, trail: formatTrail(trail) };
  const waits = targets.map((target) => waitFor(target, health)).filter(({ ms }) => ms > 0);
  const seconds = toWholeSeconds(soonest(waits, calls));
  if (calls.length === 0) return withoutCall({ trail, model, seconds });
  if (all(({ category }) => category === 'credential')) return fail('upstream_credentials_exhausted', params);
  if (all(({ category }) => category === 'backpressure')) {
    // Whoever is overloaded (529) says nothing of our rate: alone it is a fault like other 5xx.
    const limited = calls.some(({ code }) => code === 'rate_limit_exceeded');
    return limited ? fail('rate_limit_exceeded', { model, seconds }) : fail('upstream_error', params);
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

/**
 * The calls that the end follows from. Queues that were left unserved and calls that were not made say nothing about the calls
 * that were; and neither does a target that could not have served, where another one could.
 */
function tellingCalls(trail: readonly AttemptRecord[]): readonly AttemptRecord[] {
  const calls = trail.filter((record) => isCall(record) && record.category !== 'unsupported');
  const able = calls.filter(({ category }) => category !== 'unusable' && category !== 'credential');
  return able.length > 0 ? able : calls;
}

/** Nobody was called: all are known to be down, or one at least is only busy. */
function withoutCall(facts: {
  readonly trail: readonly AttemptRecord[];
  readonly model: string;
  readonly seconds: number;
}): Fail {
  const { trail, model, seconds } = facts;
  const busy = trail.some(({ category, code }) => category === 'skipped' && code === 'rate_limit_exceeded');
  if (busy) return fail('rate_limit_exceeded', { model, seconds });
  return fail('no_provider_available', { model, reason: `${formatTrail(trail)}.`, seconds });
}

/** Time to wait where nobody said how long, ms. */
const DEFAULT_RETRY_AFTER_MS = 1_000;

/** When a target may be called again, as far as is known now; else as the calls were told. */
function soonest(waits: readonly Wait[], calls: readonly AttemptRecord[]): number {
  if (waits.length > 0) return Math.min(...waits.map(({ ms }) => ms));
  const told = calls.flatMap(({ retryAfterMs }) => (retryAfterMs === undefined ? [] : [retryAfterMs]));
  return told.length > 0 ? Math.min(...told) : DEFAULT_RETRY_AFTER_MS;
}

/** A wait for a message and its Retry-After: whole seconds, never too short, at least 1. */
export function toWholeSeconds(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1_000));
}

/** A time for a message: whole seconds, tenths below ten. */
export function toSeconds(ms: number): number {
  const seconds = Math.max(0, ms) / 1000;
  return seconds < 10 ? Math.round(seconds * 10) / 10 : Math.round(seconds);
}

function fail(code: ErrorCode, params: ErrorParams): Fail {
  return { action: 'fail', code, params };
}
