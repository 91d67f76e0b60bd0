import type { CallFacts } from '#core/failure.js';

type StatusFacts = Extract<CallFacts, { kind: 'status' }>;

/** Longer upstream words are cut: they go into logs and error messages. */
const MAX_MESSAGE_LENGTH = 2_000;
const MAX_WORD_LENGTH = 200;

/** What an error object inside a 200 would have been as a status, by its `code`, then its `type`. */
const STATUS_BY_WORD: Readonly<Record<string, number>> = {
  invalid_request_error: 400,
  context_length_exceeded: 400,
  content_policy_violation: 400,
  content_filter: 400,
  authentication_error: 401,
  invalid_api_key: 401,
  permission_error: 403,
  model_not_found: 404,
  not_found_error: 404,
  insufficient_quota: 429,
  rate_limit_error: 429,
  rate_limit_exceeded: 429,
  overloaded_error: 529,
};

/** Whatever an upstream says about an error, in one shape; every member may be missing. */
export interface UpstreamError {
  readonly code?: string;
  readonly type?: string;
  readonly param?: string;
  readonly message?: string;
  /** A 4xx or 5xx number found inside the object. */
  readonly status?: number;
}

/**
 * Reads the error shapes in use: `{error: {…}}`, `{error: "text"}`, a bare `{message, code}`, FastAPI's `{detail}`,
 * and a list around any of them. Anything else gives an empty error.
 */
export function readUpstreamError(value: unknown): UpstreamError {
  const outer = Array.isArray(value) ? value[0] : value;
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
 * The error as facts. Without a `status` from HTTP it is taken from the object's own numbers and words; an error
 * that says nothing of itself counts as a 500. The `secrets` are taken out of every word, as some upstreams echo
 * the key they refuse.
 */
export function toStatusFacts(
  error: UpstreamError,
  secrets: readonly string[],
  http: { readonly status?: number; readonly retryAfterMs?: number | undefined } = {},
): StatusFacts {
  const { code, type, param, message } = error;
  const byWord = STATUS_BY_WORD[code ?? ''] ?? STATUS_BY_WORD[type ?? ''];
  return {
    kind: 'status',
    status: http.status ?? error.status ?? byWord ?? 500,
    ...(code !== undefined && { code: redact(code, secrets, MAX_WORD_LENGTH) }),
    ...(type !== undefined && { type: redact(type, secrets, MAX_WORD_LENGTH) }),
    ...(param !== undefined && { param: redact(param, secrets, MAX_WORD_LENGTH) }),
    ...(message !== undefined && { message: redact(message, secrets, MAX_MESSAGE_LENGTH) }),
    ...(http.retryAfterMs !== undefined && { retryAfterMs: http.retryAfterMs }),
  };
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function words(error: Readonly<Record<string, unknown>>): UpstreamError {
  const { code, type, param, message } = error;
  const status = [code, error['status'], error['status_code']].map(Number).find(isErrorStatus);
  return {
    ...(isWord(code) && { code: String(code) }),
    ...(isWord(type) && { type: String(type) }),
    ...(isWord(param) && { param: String(param) }),
    ...(isWord(message) && { message: String(message) }),
    ...(status !== undefined && { status }),
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

function isErrorStatus(value: number): boolean {
  return Number.isInteger(value) && value >= 400 && value <= 599;
}

function redact(text: string, secrets: readonly string[], maxLength: number): string {
  const clean = secrets.reduce((rest, secret) => rest.replaceAll(secret, '[redacted]'), text);
  return clean.length > maxLength ? `${clean.slice(0, maxLength)}…` : clean;
}
