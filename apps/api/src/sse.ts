import { errorBody } from '#core/errors.js';
import type { ErrorCode, ErrorParams } from '#core/errors.js';
import { toPlainText } from './plain-text.js';
import type { ServedBy } from './served-by.js';

/** Heads of a stream: proxies must neither buffer, nor transform, nor keep it. */
export const SSE_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
} as const;

/** What is known of a request that has had no output yet; what is not known is left out. */
export interface WaitStatus {
  readonly state: 'waiting' | 'running' | 'ended';
  /** Place in the queue; 1 is next. */
  readonly position?: number;
  readonly etaMs?: number;
}

/**
 * A sign of life for a stream without output. One newline only: with an empty line behind it the Python SDK takes a
 * comment for an event, and dies.
 */
export function heartbeat(status: WaitStatus): string {
  if (status.state !== 'waiting') return ': running\n';
  const position = status.position === undefined ? '' : ` position=${status.position}`;
  const eta = status.etaMs === undefined ? '' : ` eta_ms=${Math.round(status.etaMs)}`;
  return `: queued${position}${eta}\n`;
}

/** Who answers, for a stream whose headers had to leave before that was known. */
export function routeComment(by: ServedBy): string {
  const { provider, model, location, attempts, dropped } = by;
  const route = `: route provider=${toPlainText(provider)} model=${toPlainText(model)} location=${location} attempts=${attempts}`;
  return `${route}${dropped ? ` dropped=${dropped.map(toPlainText).join(',')}` : ''}\n`;
}

/** How a stream that has begun tells of its failure. The connection closes after it, and no [DONE] follows. */
export function errorEvent(code: ErrorCode, params: ErrorParams): string {
  return `data: ${JSON.stringify(errorBody(code, params))}\n\n`;
}
