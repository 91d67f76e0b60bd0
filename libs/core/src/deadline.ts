import { SpillwayError } from './errors.js';

/** The SDKs give up at their timeout: ending this much before it, ms, lets the typed error still arrive. */
const CLIENT_MARGIN_MS = 2_000;

/** A hint of an SDK never shortens a request below this, ms: the margin must not eat the whole of it. */
const HINT_MIN_MS = 1_000;

/** Least value of `x-spillway-timeout-ms`: below it no request can be queued, called and answered. */
const TIMEOUT_MIN_MS = 100;

export interface DeadlineInput {
  /** The operator's `timeouts.totalMs`. */
  readonly totalMs: number;
  readonly stream: boolean;
  /** The request's headers, names in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

/**
 * Time from now to the request's deadline, ms: the least of `totalMs`, `x-spillway-timeout-ms`, and what the SDKs say
 * of their own timeout (`x-stainless-timeout`, for non-streams `x-stainless-read-timeout`; seconds), less a margin. An
 * SDK's header that is no positive number is ignored: its user never wrote it.
 * @throws SpillwayError `invalid_value` when `x-spillway-timeout-ms` is not a whole number from `TIMEOUT_MIN_MS` up
 */
export function deadlineMs({ totalMs, stream, headers }: DeadlineInput): number {
  const hints = [headers['x-stainless-timeout'], ...(stream ? [] : [headers['x-stainless-read-timeout']])];
  return Math.min(totalMs, ownTimeoutMs(headers['x-spillway-timeout-ms']), ...hints.map(hintMs));
}

function hintMs(value: DeadlineInput['headers'][string]): number {
  const seconds = Number(value);
  if (typeof value !== 'string' || !Number.isFinite(seconds) || seconds <= 0) return Infinity;
  return Math.max(HINT_MIN_MS, Math.floor(seconds * 1000) - CLIENT_MARGIN_MS);
}

function ownTimeoutMs(value: DeadlineInput['headers'][string]): number {
  if (value === undefined) return Infinity;
  const ms = typeof value === 'string' && /^\d{1,12}$/.test(value) ? Number(value) : NaN;
  if (ms >= TIMEOUT_MIN_MS) return ms;
  const param = 'x-spillway-timeout-ms';
  throw new SpillwayError('invalid_value', {
    param,
    reason: `The header ${param} must be a whole number of milliseconds, ${TIMEOUT_MIN_MS} or more.`,
  });
}
