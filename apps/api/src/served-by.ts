import type { StartEntry } from '#core/ledger/transitions.js';
import type { Location } from '#core/target.js';
import { toPlainText } from './plain-text.js';

/** Who answered a request, and what that took. */
export interface ServedBy {
  readonly provider: string;
  /** The upstream's own model name. */
  readonly model: string;
  readonly location: Location;
  /** Placements so far, the answering one included. */
  readonly attempts: number;
  /** From accept to the first claim, ms. */
  readonly queueMs: number;
  /** Members of the request that it did not get; absent: it got all. */
  readonly dropped?: readonly string[];
}

/** Adds what a `start` entry says; the wait in the queue stays that of the first one. */
export function readStart(bytes: Buffer, before: ServedBy | undefined): ServedBy {
  const start = JSON.parse(bytes.toString('utf8')) as StartEntry;
  return {
    provider: start.provider,
    model: start.model,
    location: start.location,
    attempts: start.attempt,
    queueMs: before?.queueMs ?? start.queueMs,
    ...(start.dropped && { dropped: start.dropped }),
  };
}

/** The route headers of an answer that was committed at its first output. */
export function routeHeaders(by: ServedBy | undefined): Record<string, string> {
  if (by === undefined) return {};
  return {
    'x-spillway-provider': toPlainText(by.provider),
    'x-spillway-model': toPlainText(by.model),
    'x-spillway-location': by.location,
    'x-spillway-attempts': String(by.attempts),
    'x-spillway-queue-ms': String(Math.round(by.queueMs)),
    ...(by.dropped && { 'x-spillway-dropped': by.dropped.map(toPlainText).join(', ') }),
  };
}
