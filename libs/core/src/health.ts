import type { Failure } from './failure.js';
import { targetKey } from './target-key.js';
import type { Target } from './target.js';

/**
 * What all processes know of how the providers do. Busy is not broken: a target that is busy cools down for as long as
 * it says, and only faults in a row open the breaker of a provider. Every change here is a pure function; libs/broker
 * stores the results. Times are Unix ms by Redis's clock, which all processes share.
 */
export interface Health {
  /** Now, by that clock. */
  readonly now: number;
  /** By provider. One that is missing has given no reason for complaint. */
  readonly breakers: ReadonlyMap<string, Breaker>;
  /** By `provider/model`. */
  readonly coolDowns: ReadonlyMap<string, CoolDown>;
}

/** Whether calls go to a provider at all. */
export interface Breaker {
  readonly v: 1;
  /** Faults since it last answered. */
  readonly faults: number;
  /** When it last answered anything but a fault, to within `ANSWER_NOTED_MS`; 0: not yet. */
  readonly answeredAt: number;
  /** Absent: closed, so that calls go through. */
  readonly open?: Opened;
}

/** Nobody calls before `until`; after it the breaker is half-open, and one call at a time finds out. */
export interface Opened {
  readonly until: number;
  /** How long it is open this time, ms; each failed probe doubles it. */
  readonly forMs: number;
  readonly probe?: Probe;
}

/** The one call that a half-open breaker lets through. */
export interface Probe {
  /** The request that it is made for. */
  readonly request: string;
  /** After this another may try: its worker may be dead. */
  readonly until: number;
}

/** A target that asked to be left alone. */
export interface CoolDown {
  readonly v: 1;
  readonly until: number;
  /** The next one where it does not say how long, ms. */
  readonly nextMs: number;
}

/** What a call says of its provider. `nothing`: it was aborted, or it is our credential that was refused. */
export type CallResult =
  | { readonly kind: 'answered' }
  | { readonly kind: 'busy'; readonly retryAfterMs?: number }
  | { readonly kind: 'fault' }
  | { readonly kind: 'nothing' };

/** Faults in a row that open the breaker of a provider that has not answered for `SILENT_MS`. */
export const FAULTS_IN_SILENCE = 5;
/** How long ago the last answer must be for that, ms. */
export const SILENT_MS = 5_000;
/** Faults in a row that open it in any case; one that fails every other call hardly ever gets there. */
export const FAULTS_MAX = 15;
/** How long a breaker is open at first, and at most, ms. */
const OPEN_MS = { first: 1_000, max: 30_000 } as const;
/** How long a probe keeps others away, ms. */
export const PROBE_MS = 10_000;
/** When to look again while a probe is under way, ms. */
const PROBE_AGAIN_MS = 1_000;
/** A cool-down for which no time was given, at first and at most, ms. */
const COOL_DOWN_MS = { first: 1_000, max: 30_000 } as const;
/** The longest time that is believed, ms. */
const RETRY_AFTER_MAX_MS = 300_000;
/** Answers closer together than this are noted once: health must not cost a command per request. */
export const ANSWER_NOTED_MS = 1_000;
/** How long after its end a cool-down is remembered, ms; one that comes later starts anew. */
export const COOL_DOWN_FORGOTTEN_MS = 60_000;

const CLOSED: Breaker = { v: 1, faults: 0, answeredAt: 0 };

/** What a failed call says of its provider: a refusal is an answer, too. */
export function judgeFailure({ category, retryAfterMs }: Failure): CallResult {
  switch (category) {
    case 'fault':
      return { kind: 'fault' };
    case 'backpressure':
      return { kind: 'busy', ...(retryAfterMs !== undefined && { retryAfterMs }) };
    case 'credential':
      return { kind: 'nothing' };
    case 'caller':
    case 'context':
    case 'unusable':
    case 'unsupported':
      return { kind: 'answered' };
  }
}

/** A call that has ended, or that has come to its first output. */
export interface CallNoted {
  readonly result: CallResult;
  readonly request: string;
  /** It was let through as a probe. */
  readonly probe: boolean;
  readonly now: number;
}

/** The breaker after a call; the same object where nothing is worth writing down. */
export function noteCall(breaker: Breaker | undefined, call: CallNoted): Breaker | undefined {
  switch (call.result.kind) {
    case 'answered':
    case 'busy':
      return noteAnswer(breaker, call);
    case 'fault':
      return noteFault(breaker ?? CLOSED, call);
    case 'nothing':
      return holdsProbe(breaker, call.request) ? withoutProbe(breaker) : breaker;
  }
}

function noteAnswer(breaker: Breaker | undefined, { probe, now }: CallNoted): Breaker | undefined {
  // A call from before it opened says nothing of now.
  if (breaker?.open && !probe) return breaker;
  const isNews =
    !breaker || breaker.open || breaker.faults > 0 || now - breaker.answeredAt >= ANSWER_NOTED_MS;
  return isNews ? { v: 1, faults: 0, answeredAt: now } : breaker;
}

function noteFault(breaker: Breaker, { request, now }: CallNoted): Breaker {
  const { open, faults, answeredAt } = breaker;
  if (open) {
    if (!holdsProbe(breaker, request)) return breaker;
    const forMs = Math.min(open.forMs * 2, OPEN_MS.max);
    return { ...breaker, faults: faults + 1, open: { until: now + forMs, forMs } };
  }
  const counted = { ...breaker, faults: faults + 1 };
  const silent = now - answeredAt >= SILENT_MS;
  if (counted.faults < (silent ? FAULTS_IN_SILENCE : FAULTS_MAX)) return counted;
  return { ...counted, open: { until: now + OPEN_MS.first, forMs: OPEN_MS.first } };
}

/** Gives this request the probe of a half-open breaker; the same object where it cannot have it. */
export function claimProbe(
  breaker: Breaker | undefined,
  { request, now }: { readonly request: string; readonly now: number },
): Breaker | undefined {
  if (!breaker?.open || now < breaker.open.until || isProbed(breaker.open, now)) return breaker;
  return { ...breaker, open: { ...breaker.open, probe: { request, until: now + PROBE_MS } } };
}

/** Is the probe this request's? */
export function holdsProbe(breaker: Breaker | undefined, request: string): breaker is ProbedBreaker {
  return breaker?.open?.probe?.request === request;
}

type ProbedBreaker = Breaker & { readonly open: Opened };

function withoutProbe({ open, ...rest }: ProbedBreaker): Breaker {
  return { ...rest, open: { until: open.until, forMs: open.forMs } };
}

/** The target's cool-down after a call; the same object where nothing changes, undefined where it is forgotten. */
export function noteCoolDown(
  coolDown: CoolDown | undefined,
  { result, now }: Pick<CallNoted, 'result' | 'now'>,
): CoolDown | undefined {
  const known = isForgotten(coolDown, now) ? undefined : coolDown;
  switch (result.kind) {
    case 'fault':
    case 'nothing':
      return coolDown;
    case 'answered':
      // It may have begun before the target asked to be left alone.
      return known && known.until > now ? known : undefined;
    case 'busy':
      return prolong(known, { now, retryAfterMs: result.retryAfterMs });
  }
}

/** A longer cool-down replaces a shorter one, never the reverse. */
function prolong(
  known: CoolDown | undefined,
  { now, retryAfterMs }: { readonly now: number; readonly retryAfterMs: number | undefined },
): CoolDown {
  const nextMs = known?.nextMs ?? COOL_DOWN_MS.first;
  const before = known?.until ?? 0;
  if (retryAfterMs !== undefined) {
    const until = now + Math.min(Math.max(0, retryAfterMs), RETRY_AFTER_MAX_MS);
    return known && until <= before ? known : { v: 1, until: Math.max(until, before), nextMs };
  }
  // Those that were under way when it began all come back with the same news: only what comes later doubles it.
  if (known && before > now) return known;
  return { v: 1, until: now + nextMs, nextMs: Math.min(nextMs * 2, COOL_DOWN_MS.max) };
}

/** Is it so long over that the next one starts anew? Then it need not be kept. */
export function isForgotten(coolDown: CoolDown | undefined, now: number): boolean {
  return coolDown !== undefined && now - coolDown.until >= COOL_DOWN_FORGOTTEN_MS;
}

/** Why a target is not to be called now. `open`: its provider is known to be down. */
export type Refusal = 'open' | 'cooling';

/** How long a target is not to be called. `ms` is 0 exactly where `why` is absent. */
export interface Wait {
  readonly ms: number;
  readonly why?: Refusal;
}

/**
 * How long the target is not to be called, as far as is known; where nothing is known, it is to be called. A half-open
 * breaker lets calls through until one of them has the probe.
 */
export function waitFor(target: Pick<Target, 'provider' | 'model'>, health: Health | undefined): Wait {
  if (!health) return { ms: 0 };
  const { now, breakers, coolDowns } = health;
  const openMs = openFor(breakers.get(target.provider)?.open, now);
  const coolMs = Math.max(0, (coolDowns.get(targetKey(target))?.until ?? 0) - now);
  if (openMs > 0) return { ms: Math.max(openMs, coolMs), why: 'open' };
  return coolMs > 0 ? { ms: coolMs, why: 'cooling' } : { ms: 0 };
}

function openFor(open: Opened | undefined, now: number): number {
  if (!open) return 0;
  if (open.until > now) return open.until - now;
  return isProbed(open, now) ? PROBE_AGAIN_MS : 0;
}

function isProbed({ probe }: Opened, now: number): boolean {
  return probe !== undefined && probe.until > now;
}

/** For operators: `half-open` from the end of the wait until a probe has told. */
export function breakerState(breaker: Breaker | undefined, now: number): 'closed' | 'open' | 'half-open' {
  if (!breaker?.open) return 'closed';
  return breaker.open.until > now ? 'open' : 'half-open';
}
