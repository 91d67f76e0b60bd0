/**
 * Every error that a client can receive, in one table. The api's error filter, the worker and docs/errors.md read
 * these rows; nothing else invents a status or a code.
 *
 * `{name}` in a message is filled from the error's params.
 */
export interface ErrorRow {
  readonly status: number;
  readonly type: 'invalid_request_error' | 'rate_limit_error' | 'server_error' | 'upstream_error';
  readonly message: string;
  /** What the caller can do about it; printed in docs/errors.md. */
  readonly remedy: string;
  /**
   * Sends `x-should-retry: false`, which the SDKs obey before the status: their own retry would triple the load, or
   * could never succeed.
   */
  readonly retryable?: false;
  /** Retry-After of a 429 or 503 whose params hold no `seconds`. Default 1. */
  readonly retryAfterSeconds?: number;
}

export const errors = {
  invalid_json: {
    status: 400,
    type: 'invalid_request_error',
    message: 'The request body is not valid JSON: {reason}',
    remedy: 'Send one JSON object in UTF-8, at most 64 levels deep.',
  },
  invalid_value: {
    status: 400,
    type: 'invalid_request_error',
    message: '{reason}',
    remedy: 'Correct the member named in `param`.',
  },
  unsupported_parameter: {
    status: 400,
    type: 'invalid_request_error',
    message: '{reason}',
    remedy: 'Remove the member named in `param`, or ask for a model whose provider takes it.',
  },
  upstream_rejected: {
    status: 400,
    type: 'invalid_request_error',
    message: 'The provider {provider} refused the request as invalid (status {status}): {reason}',
    remedy: 'Correct the request; another provider would refuse it too, so none was tried.',
  },
  content_policy_violation: {
    status: 400,
    type: 'invalid_request_error',
    message: 'The provider {provider} refused the content by its policy.',
    remedy: 'Change the prompt.',
  },
  context_length_exceeded: {
    status: 400,
    type: 'invalid_request_error',
    message: 'The prompt is longer than the context of {model} at {provider}.',
    remedy: 'Shorten the prompt, or choose a model with a longer context.',
  },
  invalid_api_key: {
    status: 401,
    type: 'invalid_request_error',
    message: 'The API key is missing or not known here. Send it as "Authorization: Bearer <key>".',
    remedy: 'Use a key listed under `applications` in the configuration.',
  },
  application_not_allowed: {
    status: 403,
    type: 'invalid_request_error',
    message: 'This application may not be used from {origin}.',
    remedy: 'Call from an allowed origin or address.',
  },
  model_not_allowed: {
    status: 403,
    type: 'invalid_request_error',
    message: 'This application may not use the model {model}.',
    remedy: 'Use a model from GET /v1/models.',
  },
  model_not_found: {
    status: 404,
    type: 'invalid_request_error',
    message: 'The model {model} is not available here. Available: {available}.',
    remedy: 'Use a model from GET /v1/models.',
  },
  not_found: {
    status: 404,
    type: 'invalid_request_error',
    message: 'There is nothing at {method} {path}.',
    remedy: 'Check that the base URL ends in /v1 and that the path is right.',
  },
  request_not_found: {
    status: 404,
    type: 'invalid_request_error',
    message: 'There is no request {request} of this application, or no longer.',
    remedy:
      'Check the id; plain requests are forgotten a minute after their end, kept ones after `requests.keepMs`.',
  },
  method_not_allowed: {
    status: 405,
    type: 'invalid_request_error',
    message: '{path} does not take {method}; use {allowed}.',
    remedy: 'Use the method named in the Allow header.',
  },
  request_timeout: {
    status: 408,
    type: 'invalid_request_error',
    message: 'The request was not received completely within {seconds} s.',
    remedy: 'Send the body faster, or make it smaller.',
  },
  idempotency_key_conflict: {
    status: 409,
    type: 'invalid_request_error',
    message: 'This Idempotency-Key was used with another body.',
    remedy: 'Use a new key for a new request.',
    retryable: false,
  },
  request_too_large: {
    status: 413,
    type: 'invalid_request_error',
    message: 'The request is larger than the {limit} that {who} accepts.',
    remedy: 'Send a smaller request, or raise `server.bodyLimitBytes`.',
  },
  unsupported_media_type: {
    status: 415,
    type: 'invalid_request_error',
    message: 'The content type {contentType} is not accepted here; use application/json.',
    remedy: 'Set "Content-Type: application/json".',
  },
  headers_too_large: {
    status: 431,
    type: 'invalid_request_error',
    message: 'The request headers are too large.',
    remedy: 'Send fewer or shorter headers.',
  },
  rate_limit_exceeded: {
    status: 429,
    type: 'rate_limit_error',
    message: 'Every provider for {model} is busy or rate-limiting; try again in {seconds} s.',
    remedy: 'Wait for the time in Retry-After.',
  },
  queue_full: {
    status: 429,
    type: 'rate_limit_error',
    message: 'The queue for {model} is full; try again in {seconds} s.',
    remedy: 'Wait for the time in Retry-After, add workers, or raise `queue.maxWaiting`.',
  },
  internal_error: {
    status: 500,
    type: 'server_error',
    message: 'Spillway failed on this request. Its id is {request}.',
    remedy: 'Look for the id in the logs, and report it.',
    retryable: false,
  },
  upstream_error: {
    status: 502,
    type: 'upstream_error',
    message: 'Every provider that could serve {model} failed: {trail}.',
    remedy: 'See the attempts in the message; check the providers.',
    retryable: false,
  },
  upstream_truncated: {
    status: 502,
    type: 'upstream_error',
    message: 'The answer of {provider} ended before it was complete.',
    remedy: 'Send the request again; what was received is not a whole answer.',
    retryable: false,
  },
  upstream_credentials_exhausted: {
    status: 502,
    type: 'upstream_error',
    message: 'No provider for {model} accepted its credential: {trail}.',
    remedy: 'The operator must renew the credential of these providers.',
    retryable: false,
  },
  stream_interrupted: {
    status: 502,
    type: 'upstream_error',
    message: 'The answer of {provider} broke off: {reason}.',
    remedy: 'Send the request again; the tokens received are a prefix of one answer.',
    retryable: false,
  },
  no_provider_available: {
    status: 503,
    type: 'server_error',
    message: 'No provider for {model} can serve now: {reason}',
    remedy: 'Wait for the time in Retry-After; check the providers.',
    retryAfterSeconds: 5,
  },
  no_worker: {
    status: 503,
    type: 'server_error',
    message: 'No worker that serves {model} was alive within {waited} s.',
    remedy: 'Start a worker for the provider: ./spillway worker --provider NAME.',
    retryAfterSeconds: 15,
  },
  redis_unavailable: {
    status: 503,
    type: 'server_error',
    message: '{reason}; nothing was accepted.',
    remedy:
      'Try again in a second; check Redis, or give it more memory where the message says that it is full.',
  },
  shutting_down: {
    status: 503,
    type: 'server_error',
    message: 'This server is shutting down; nothing was accepted.',
    remedy: 'Try again at once; another replica will answer.',
  },
  upstream_timeout: {
    status: 504,
    type: 'upstream_error',
    message: 'No provider answered in time: {trail}.',
    remedy: 'Try again later, or raise the timeouts.',
    retryable: false,
  },
  queue_timeout: {
    status: 504,
    type: 'upstream_error',
    message: 'No worker was free for {model} within {waited} s.',
    remedy: 'Add workers, or raise `maxQueueWaitMs`.',
    retryable: false,
  },
  deadline_exceeded: {
    status: 504,
    type: 'upstream_error',
    message: 'The request was not finished within its {seconds} s.',
    remedy: 'Raise the client timeout or `timeouts.totalMs`, or ask for less.',
    retryable: false,
  },
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof errors;

/** Is it a row of this version's table? A ledger entry of a newer version may hold a code that is not. */
export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errors, code);
}

/** Values for the `{name}` places of a message, and `param`, the request member at fault. */
export type ErrorParams = Readonly<Record<string, string | number>>;

/** The body of every error answer; all four keys are always present (WIRE: SDKs read them). */
export interface ErrorBody {
  readonly error: {
    readonly message: string;
    readonly type: ErrorRow['type'];
    readonly param: string | null;
    readonly code: ErrorCode;
  };
}

/** One row of the table with its params filled in: thrown at the edge, stored as code and params in the ledger. */
export class SpillwayError extends Error {
  override readonly name = 'SpillwayError';
  constructor(
    readonly code: ErrorCode,
    readonly params: ErrorParams = {},
    options?: ErrorOptions,
  ) {
    super(errorMessage(code, params), options);
  }
}

/** Fills the message of `code`. A place without a param reads `unknown` rather than `{name}`. */
export function errorMessage(code: ErrorCode, params: ErrorParams = {}): string {
  return errors[code].message.replace(/\{(\w+)\}/g, (_, name: string) => String(params[name] ?? 'unknown'));
}

export function errorBody(code: ErrorCode, params: ErrorParams = {}): ErrorBody {
  const param = params['param'];
  return {
    error: {
      message: errorMessage(code, params),
      type: errors[code].type,
      param: param === undefined ? null : String(param),
      code,
    },
  };
}

/**
 * Seconds above which a Retry-After is mishandled by the SDKs (one ignores it, one retries at once, one sleeps it
 * all); a longer honest wait is sent as `x-should-retry: false` with `x-spillway-eta-ms`.
 */
const MAX_RETRY_AFTER_SECONDS = 60;

/**
 * The headers that go with an error: what SDKs obey when they decide whether and when to try again. `params.seconds`
 * of a 429 or 503 is the wait.
 */
export function errorHeaders(code: ErrorCode, params: ErrorParams = {}): Record<string, string> {
  const row: ErrorRow = errors[code];
  if (row.retryable === false) return { 'x-should-retry': 'false' };
  if (row.status !== 429 && row.status !== 503) return {};
  const wanted = Number(params['seconds']);
  const seconds = Math.max(1, Math.ceil(Number.isFinite(wanted) ? wanted : (row.retryAfterSeconds ?? 1)));
  if (seconds <= MAX_RETRY_AFTER_SECONDS) return { 'retry-after': String(seconds) };
  return { 'x-should-retry': 'false', 'x-spillway-eta-ms': String(seconds * 1000) };
}
