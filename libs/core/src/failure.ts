import type { ErrorCode } from './errors.js';

/**
 * How far an upstream call had come when it failed.
 * - `not_sent`: no byte of the request reached the provider, so it cannot have been billed
 * - `possibly_accepted`: sent, no response headers yet
 * - `headers`: the provider answered, no output yet
 * - `visible`: output that the client may have seen (streams only)
 */
export type Phase = 'not_sent' | 'possibly_accepted' | 'headers' | 'visible';

/** What a provider client saw, as facts; `classifyFailure` says what they mean. */
export type CallFacts =
  /** An HTTP status of 400 or above, or an error object inside a 200. */
  | {
      readonly kind: 'status';
      readonly status: number;
      /** `error.code` and `error.type` of the body, where it was JSON. */
      readonly code?: string;
      readonly type?: string;
      /** `error.param`: the request member the upstream complains about. */
      readonly param?: string;
      /** The upstream's own words: scrubbed and shown only for the caller's own mistakes. */
      readonly message?: string;
      /** From Retry-After in any of its forms, clamped to 0..300 000 ms. */
      readonly retryAfterMs?: number;
    }
  /** DNS, TCP or TLS refused: `ECONNREFUSED`, `ENOTFOUND`, `CERT_HAS_EXPIRED`… */
  | { readonly kind: 'connect'; readonly code: string }
  /** The connection broke after the request was sent. */
  | { readonly kind: 'disconnect'; readonly code: string }
  | { readonly kind: 'timeout'; readonly timer: 'first_token' | 'idle' | 'stream' | 'response' }
  /** The stream ended with neither a finish nor [DONE]. */
  | { readonly kind: 'truncated' }
  /** Not the protocol: HTML, bad JSON, an oversized line or body. `reason` is ours, never upstream text. */
  | { readonly kind: 'malformed'; readonly reason: string }
  /** The worker holds no usable credential for the provider. */
  | { readonly kind: 'no_credential' }
  /** It is well, but gets ready first, and longer than this call may wait. `reason` is ours. */
  | { readonly kind: 'preparing'; readonly reason: string; readonly retryAfterMs: number };

/**
 * - `caller`: another provider would refuse it too
 * - `context`: only a target with a longer context may take it
 * - `credential`: ours, never the caller's; the provider is otherwise well
 * - `backpressure`: busy, not broken
 * - `unusable`: this provider does not have this model
 * - `unsupported`: this model of this provider cannot do what the request asks for; others are asked of it as before
 * - `fault`: broken
 */
export type FailureCategory =
  'caller' | 'context' | 'credential' | 'backpressure' | 'unusable' | 'unsupported' | 'fault';

/** A failed call, judged: what the verdict needs, and what the trail and the client are told. */
export interface Failure {
  readonly category: FailureCategory;
  readonly phase: Phase;
  /** What the client gets if nothing else can be tried. */
  readonly code: ErrorCode;
  /** Short, ours, safe to show: `503`, `ECONNREFUSED`, `first token timeout`. */
  readonly reason: string;
  readonly retryAfterMs?: number;
  /** Scrubbed upstream words and the member at fault; only for `caller` and `unsupported`. */
  readonly detail?: { readonly message?: string; readonly param?: string; readonly status?: number };
}
