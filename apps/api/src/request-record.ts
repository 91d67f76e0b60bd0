import type { ErrorCode } from '#core/errors.js';
import type { Location } from '#core/target.js';
import type { AttemptMade } from './attempts.js';

/** How a request ended: answered whole, its client went away, or the code of its error. */
export type RequestOutcome = 'ok' | 'client_gone' | ErrorCode;

/**
 * What the log line and the metrics tell of one request; filled in as it goes. Holds no content: a model
 * is noted only once there is a route for it, cut to 100 characters and without what looks like a secret.
 */
export interface RequestRecord {
  /** Of the request that is answered: for an attached or resumed one, not that of this HTTP exchange. */
  id: string;
  readonly method: string;
  /** The route's pattern, never the path: a path may hold anything. */
  readonly route: string | null;
  /** By the process's monotonic clock, ms. */
  readonly startedAt: number;
  application: string | null;
  model: string | null;
  stream: boolean | null;
  /** How this client came to a request that was there already: by its idempotency key, or by its id. */
  via: 'key' | 'id' | null;
  provider: string | null;
  location: Location | null;
  attempts: number | null;
  /** Its attempts, once it has ended; for the metrics, not for the log. */
  made: readonly AttemptMade[];
  /** From accept to the first claim, ms. */
  queueMs: number | null;
  /** From the request's arrival to its first output, ms. */
  firstMs: number | null;
  /** Bytes of the answer's body. */
  bytes: number;
  outcome: RequestOutcome | null;
}

export function newRecord(
  id: string,
  method: string,
  route: string | null,
  startedAt: number,
): RequestRecord {
  return {
    id,
    method,
    route,
    startedAt,
    application: null,
    model: null,
    stream: null,
    via: null,
    provider: null,
    location: null,
    attempts: null,
    made: [],
    queueMs: null,
    firstMs: null,
    bytes: 0,
    outcome: null,
  };
}

/** The fields of the log line; what is not known is left out. */
export function describeRequest(
  record: RequestRecord,
  status: number | null,
  endedAt: number,
): Record<string, unknown> {
  const { id, startedAt, queueMs, firstMs, made: _, ...rest } = record;
  const fields = {
    request: id,
    ...rest,
    status,
    queueMs: queueMs === null ? null : Math.round(queueMs),
    firstMs: firstMs === null ? null : Math.round(firstMs),
    totalMs: Math.round(endedAt - startedAt),
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null));
}
