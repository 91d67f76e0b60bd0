import type { CallFacts } from '#core/failure.js';
import { isRecord } from '../json.js';

type StatusFacts = Extract<CallFacts, { kind: 'status' }>;

/** Longer upstream words are cut: they go into logs and error messages. */
const MAX_MESSAGE_LENGTH = 2_000;
const MAX_WORD_LENGTH = 200;

/** Whatever an upstream says about an error, in one shape; every member may be missing. */
export interface UpstreamError {
  readonly code?: string;
  readonly type?: string;
  readonly param?: string;
  readonly message?: string;
}

/**
 * Reads the error shapes in use: `{error: {…}}`, `{error: "text"}`, a bare `{message, code}`, FastAPI's `{detail}`,
 * and a list around any of them. Anything else gives an empty error.
 */
export function readUpstreamError(value: unknown): UpstreamError {
  const outer: unknown = Array.isArray(value) ? value[0] : value;
  if (typeof outer === 'string') return words({ message: outer });
  if (!isRecord(outer)) return {};
  const inner = outer['error'] ?? outer['detail'] ?? outer;
  if (typeof inner === 'string') return words({ ...outer, message: inner });
  if (Array.isArray(inner)) return words(validationError(inner[0]));
  return isRecord(inner) ? words(inner) : {};
}

/** The error that an object carries in place of an answer, or undefined where it carries none. */
export function findError(value: Readonly<Record<string, unknown>>): UpstreamError | undefined {
  const isError = Boolean(value['error']) || value['object'] === 'error' || value['type'] === 'error';
  return isError ? readUpstreamError(value) : undefined;
}

/**
 * The error as facts of a response with this HTTP status; an error object inside a 200 stays a 200, and what it
 * stands for is not decided here. The `secrets` are taken out of every word, as some upstreams echo the key that
 * they refuse.
 */
export function toStatusFacts(
  { code, type, param, message }: UpstreamError,
  secrets: readonly string[],
  { status, waitMs }: { readonly status: number; readonly waitMs?: number | undefined },
): StatusFacts {
  return {
    kind: 'status',
    status,
    ...(code !== undefined && { code: redact(code, secrets, MAX_WORD_LENGTH) }),
    ...(type !== undefined && { type: redact(type, secrets, MAX_WORD_LENGTH) }),
    ...(param !== undefined && { param: redact(param, secrets, MAX_WORD_LENGTH) }),
    ...(message !== undefined && { message: redact(message, secrets, MAX_MESSAGE_LENGTH) }),
    ...(waitMs !== undefined && { retryAfterMs: waitMs }),
  };
}

function words(error: Readonly<Record<string, unknown>>): UpstreamError {
  const { type, param, message } = error;
  const code = [error['code'], error['status_code'], error['status']].find(isWord);
  return {
    ...(code !== undefined && { code: String(code) }),
    ...(isWord(type) && { type: String(type) }),
    ...(isWord(param) && { param: String(param) }),
    ...(isWord(message) && { message: String(message) }),
  };
}

/** FastAPI: `{detail: [{loc: ['body', 'messages', 0], msg: 'field required'}]}`. */
function validationError(item: unknown): Readonly<Record<string, unknown>> {
  if (!isRecord(item)) return {};
  const place = Array.isArray(item['loc'])
    ? item['loc'].filter((part) => part !== 'body').join('.')
    : undefined;
  return { message: item['msg'], type: item['type'], param: place };
}

function isWord(value: unknown): value is string | number {
  return (typeof value === 'string' && value !== '') || typeof value === 'number';
}

function redact(text: string, secrets: readonly string[], maxLength: number): string {
  const clean = secrets.reduce((rest, secret) => rest.replaceAll(secret, '[redacted]'), text);
  return clean.length > maxLength ? `${clean.slice(0, maxLength)}…` : clean;
}
