import { z } from 'zod';
import { isErrorCode } from './errors.js';
import type { ErrorCode } from './errors.js';
import type { Failure, FailureCategory, Phase } from './failure.js';
import type { Refusal } from './health.js';
import type { Location, Target } from './target.js';

/**
 * One failed attempt as the ledger keeps it, oldest first: the trail. It decides the final error and is shown to the
 * caller, so it holds no upstream text.
 */
export interface AttemptRecord {
  readonly v: 1;
  readonly provider: string;
  readonly model: string;
  readonly location: Location;
  /**
   * `waited`: no call was made; the attempt left the queue because no worker took it. `skipped`: no call was made; a
   * worker took it, and its target was not to be called just then. An older version reads a `skipped`, or an
   * `unsupported`, as a fault.
   */
  readonly category: FailureCategory | 'waited' | 'skipped';
  readonly phase: Phase;
  /** Short and ours: `503`, `ECONNREFUSED`, `no worker`. */
  readonly reason: string;
  /** What the client would have got, had this been the only attempt. */
  readonly code: ErrorCode;
  /** How long the provider asked to be left alone, ms; only for backpressure. */
  readonly retryAfterMs?: number;
  /** The request's member that the target cannot take; only for unsupported. */
  readonly param?: string;
}

/** The record of a call that failed. */
export function recordFailure(target: Target, failure: Failure): AttemptRecord {
  return {
    ...at(target),
    category: failure.category,
    phase: failure.phase,
    reason: failure.reason,
    code: failure.code,
    ...(failure.retryAfterMs === undefined ? {} : { retryAfterMs: failure.retryAfterMs }),
    ...paramOf(failure),
  };
}

function paramOf({ category, detail }: Failure): Pick<AttemptRecord, 'param'> {
  return category === 'unsupported' && detail?.param !== undefined ? { param: detail.param } : {};
}

/** The record of an attempt that left a queue without having been run. */
export function recordWait(target: Target, code: 'no_worker' | 'queue_timeout'): AttemptRecord {
  const reason = code === 'no_worker' ? 'no worker' : 'no free worker';
  return { ...at(target), category: 'waited', phase: 'not_sent', reason, code };
}

/** The record of an attempt that a worker took and did not make a call for: the target was not to be called just then. */
export function recordSkip(target: Target, why: Refusal): AttemptRecord {
  const [code, reason] =
    why === 'open'
      ? (['no_provider_available', 'known to be down'] as const)
      : (['rate_limit_exceeded', 'cooling down'] as const);
  return { ...at(target), category: 'skipped', phase: 'not_sent', reason, code };
}

/** Was the upstream called? */
export function isCall({ category }: AttemptRecord): boolean {
  return category !== 'waited' && category !== 'skipped';
}

function at(target: Target): Pick<AttemptRecord, 'v' | 'provider' | 'model' | 'location'> {
  return { v: 1, provider: target.provider, model: target.model, location: target.location };
}

/** Lenient where a newer version may know more: what is not known here counts as a plain fault. */
const storedRecord = z.object({
  v: z.literal(1).catch(1),
  provider: z.string(),
  model: z.string(),
  location: z.enum(['local', 'cloud']),
  category: z
    .enum([
      ...(['caller', 'context', 'credential', 'backpressure', 'unusable', 'unsupported', 'fault'] as const),
      ...(['waited', 'skipped'] as const),
    ])
    .catch('fault'),
  phase: z.enum(['not_sent', 'possibly_accepted', 'headers', 'visible']).catch('possibly_accepted'),
  reason: z.string(),
  code: z.custom<ErrorCode>((code) => typeof code === 'string' && isErrorCode(code)).catch('upstream_error'),
  retryAfterMs: z.number().exactOptional(),
  param: z.string().exactOptional(),
});

/**
 * The trail as the ledger stores it: one JSON text per failed attempt.
 * @throws SyntaxError or ZodError when a text is no record; only this code writes them
 */
export function parseTrail(trail: readonly string[]): AttemptRecord[] {
  return trail.map((text) => storedRecord.parse(JSON.parse(text)));
}

/** Entries of a trail that a message shows. */
const SHOWN_MAX = 8;

/**
 * `gpu-box: 503; openai: 429 (2 times)`, for messages; the model is named only where a provider comes with several. What
 * a target did more than once stands where it did so first.
 */
export function formatTrail(trail: readonly AttemptRecord[]): string {
  const counts = new Map<string, number>();
  for (const record of trail) {
    const { provider, model, reason } = record;
    const ambiguous = trail.some((other) => other.provider === provider && other.model !== model);
    const entry = `${ambiguous ? `${provider}/${model}` : provider}: ${reason}`;
    counts.set(entry, (counts.get(entry) ?? 0) + 1);
  }
  const entries = [...counts].map(([entry, count]) => (count > 1 ? `${entry} (${count} times)` : entry));
  const shown = entries.slice(0, SHOWN_MAX);
  if (entries.length > SHOWN_MAX) shown.push(`and ${entries.length - SHOWN_MAX} more`);
  return shown.join('; ');
}
