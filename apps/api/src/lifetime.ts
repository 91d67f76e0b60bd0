import { SpillwayError } from '#core/errors.js';

/** How long a request lives, and for whom, as its client asked. */
export interface Lifetime {
  /** The request goes on when its client leaves, and its stream can be gone on with: its events have ids. */
  readonly continues: boolean;
  /** Requests with the same key are one. */
  readonly idempotencyKey?: string;
}

type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

/** Printable ASCII without blanks. Node joins a header that was sent twice by a comma and a blank: refused, too. */
const KEY = /^[!-~]{1,255}$/;

/**
 * Reads `Idempotency-Key` and `x-spillway-on-disconnect`.
 *
 * @throws {SpillwayError} `invalid_value`
 */
export function readLifetime(headers: Headers): Lifetime {
  const idempotencyKey = headers['idempotency-key'];
  if (idempotencyKey === undefined) return { continues: readContinues(headers) };
  if (typeof idempotencyKey !== 'string' || !KEY.test(idempotencyKey)) {
    throw invalidHeader('Idempotency-Key', '1 to 255 visible ASCII characters, without blanks, once');
  }
  return { continues: readContinues(headers), idempotencyKey };
}

function readContinues(headers: Headers): boolean {
  const wish = headers['x-spillway-on-disconnect'];
  if (wish === undefined || wish === 'cancel') return false;
  if (wish === 'continue') return true;
  throw invalidHeader('x-spillway-on-disconnect', '`continue` or `cancel`');
}

function invalidHeader(param: string, wanted: string): SpillwayError {
  return new SpillwayError('invalid_value', { param, reason: `The header ${param} must be ${wanted}.` });
}
