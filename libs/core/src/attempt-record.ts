import { z } from 'zod';
import { isErrorCode } from './errors.js';
import type { ErrorCode } from './errors.js';
import type { Failure, FailureCategory, Phase } from './failure.js';
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
  /** `waited`: no call was made; the attempt left the queue because no worker took it. */
  readonly category: FailureCategory | 'waited';
  readonly phase: Phase;
  /** Short and ours: `503`, `ECONNREFUSED`, `no worker`. */
  readonly reason: string;
  /** What the client would have got, had this been the only attempt. */
  readonly code: ErrorCode;
  /** How long the provider asked to be left alone, ms; only for backpressure. */
  readonly retryAfterMs?: number;
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
  };
}

/** The record of an attempt that left a queue without having been run. */
export function recordWait(target: Target, code: 'no_worker' | 'queue_timeout'): AttemptRecord {
  const reason = code === 'no_worker' ? 'no worker' : 'no free worker';
  return { ...at(target), category: 'waited', phase: 'not_sent', reason, code };
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
    .enum(['caller', 'context', 'credential', 'backpressure', 'unusable', 'fault', 'waited'])
    .catch('fault'),
  phase: z.enum(['not_sent', 'possibly_accepted', 'headers', 'visible']).catch('possibly_accepted'),
  reason: z.string(),
  code: z.custom<ErrorCode>((code) => typeof code === 'string' && isErrorCode(code)).catch('upstream_error'),
  retryAfterMs: z.number().exactOptional(),
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

/** `gpu-box: 503; openai: ECONNREFUSED`, for messages; the model is named only where a provider comes twice. */
export function formatTrail(trail: readonly AttemptRecord[]): string {
  const shown = trail.slice(0, SHOWN_MAX).map((record) => {
    const twice = trail.filter((other) => other.provider === record.provider).length > 1;
    return `${twice ? `${record.provider}/${record.model}` : record.provider}: ${record.reason}`;
  });
  if (trail.length > SHOWN_MAX) shown.push(`and ${trail.length - SHOWN_MAX} more`);
  return shown.join('; ');
}
