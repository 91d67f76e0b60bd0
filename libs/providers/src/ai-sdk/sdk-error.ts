import type { CallFacts } from '#core/failure.js';
import { findError, toStatusFacts } from '../http/upstream-error.js';
import { isRecord } from '../json.js';
import { RequestError } from '../request-error.js';
import type { AiSdkKind } from './kinds.js';

/** Errors of the AI SDK that speak of the request: nothing of it was sent. */
const REQUEST_ERRORS: ReadonlySet<string> = new Set([
  'AI_UnsupportedFunctionalityError',
  'AI_InvalidArgumentError',
  'AI_InvalidPromptError',
  'AI_TypeValidationError',
  'AI_TooManyEmbeddingValuesForCallError',
]);

/** What an error before the call was sent means: the caller asked for something that the kind does not have. */
export function toUnsentFacts(error: unknown, secrets: readonly string[]): CallFacts {
  if (error instanceof RequestError) return error.facts;
  const { name, message } = toRecord(error);
  if (!REQUEST_ERRORS.has(String(name))) {
    return { kind: 'malformed', reason: 'the request could not be put into the terms of the provider' };
  }
  return toStatusFacts({ type: 'invalid_request_error', message: String(message) }, secrets, { status: 400 });
}

/**
 * What an error inside an answer means, thrown by the AI SDK or sent as a part of a stream. HTTP had nothing against
 * it, so the status of an error that the upstream reports is one inside a 200.
 */
export function toErrorFacts(error: unknown, secrets: readonly string[]): CallFacts {
  const { statusCode, type, message, responseBody } = toRecord(error);
  const body = parse(responseBody);
  const reported = isRecord(body) ? findError(body) : undefined;
  if (typeof statusCode === 'number' && statusCode >= 400) {
    const words = { ...(isText(type) && { type }), ...(isText(message) && { message }) };
    return toStatusFacts({ ...words, ...reported, code: String(statusCode) }, secrets, { status: 200 });
  }
  if (reported) return toStatusFacts(reported, secrets, { status: 200 });
  return { kind: 'malformed', reason: 'the answer is not in the form of the provider' };
}

/** The events of Anthropic's streams that the AI SDK knows. */
const ANTHROPIC_EVENTS: ReadonlySet<unknown> = new Set([
  ...['message_start', 'message_delta', 'message_stop', 'ping', 'error'],
  ...['content_block_start', 'content_block_delta', 'content_block_stop'],
]);

/** Anthropic adds events to its streams, and wants those that are not known to be passed over; the AI SDK calls it an error. */
export function isNewEvent(kind: AiSdkKind, error: unknown): boolean {
  const { name, value } = toRecord(error);
  if (kind !== 'anthropic' || name !== 'AI_TypeValidationError' || !isRecord(value)) return false;
  return isText(value['type']) && !ANTHROPIC_EVENTS.has(value['type']);
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

/** An error's members; a part of a stream carries a plain object. */
function toRecord(error: unknown): Readonly<Record<string, unknown>> {
  if (!isRecord(error)) return {};
  // Those of the class are not own members of it.
  return error instanceof Error
    ? { ...Object.fromEntries(Object.entries(error)), name: error.name, message: error.message }
    : error;
}

function parse(text: unknown): unknown {
  if (typeof text !== 'string') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
