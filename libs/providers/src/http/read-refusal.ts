import type { CallFacts } from '#core/failure.js';
import { retryAfterMs } from '#core/retry-after.js';
import type { Head } from './await-head.js';
import type { Exchange } from './exchange.js';
import { readErrorBody } from './read-body.js';
import { readUpstreamError, toStatusFacts } from './upstream-error.js';

/** Why the head (and, where it helps, the body) is no answer of any kind; undefined where one may follow. */
export async function readRefusal(
  exchange: Exchange,
  { status, headers }: Head,
  secrets: readonly string[],
): Promise<CallFacts | undefined> {
  if (status >= 400) {
    const waitMs = retryAfterMs(headers, Date.now());
    const error = readUpstreamError(await readErrorBody(exchange));
    return toStatusFacts(error, secrets, { status, waitMs });
  }
  return notAnAnswer({ status, headers });
}

/** Why a head below 400 is that of no answer; undefined where one may follow. */
export function notAnAnswer({ status, headers }: Pick<Head, 'status' | 'headers'>): CallFacts | undefined {
  if (status >= 300) {
    return { kind: 'malformed', reason: `a redirect (status ${status}), which is not followed` };
  }
  // We asked for none; unpacking one would let a small answer grow without bound.
  const encoding = String(headers['content-encoding'] ?? 'identity').toLowerCase();
  return encoding === 'identity'
    ? undefined
    : { kind: 'malformed', reason: 'the response has a content-encoding' };
}
