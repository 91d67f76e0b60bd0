import { MAX_RETRY_AFTER_MS } from '#core/retry-after.js';
import type { ResponseHeaders } from '../http/exchange.js';
import { readUpstreamError, type UpstreamError } from '../http/upstream-error.js';
import { isRecord } from '../json.js';
import type { AiSdkKind } from './kinds.js';

/** An error response: its words, its status where that misleads, and the wait it asks for beside Retry-After. */
export interface Refusal {
  readonly status: number;
  readonly error: UpstreamError;
  /** ms. */
  readonly waitMs?: number;
}

interface ErrorResponse {
  readonly status: number;
  readonly headers: ResponseHeaders;
  /** Undefined where it is not JSON. */
  readonly body: unknown;
}

/** Reads an error response in the way of its kind. */
export function readRefusal(kind: AiSdkKind, { status, headers, body }: ErrorResponse): Refusal {
  const error = readUpstreamError(body);
  switch (kind) {
    case 'anthropic':
      return { status, error };
    case 'gemini':
      return { status, ...readGoogleError(body, error) };
    case 'bedrock':
      return readAwsError(status, headers, error);
  }
}

/** `{error: {code, message, status, details: [{'@type': …RetryInfo, retryDelay: '34s'}]}}` */
function readGoogleError(body: unknown, error: UpstreamError): Pick<Refusal, 'error' | 'waitMs'> {
  const outer: unknown = Array.isArray(body) ? body[0] : body;
  const inner = isRecord(outer) && isRecord(outer['error']) ? outer['error'] : {};
  const details = Array.isArray(inner['details']) ? inner['details'].filter(isRecord) : [];
  const delay = details.map((detail) => detail['retryDelay']).find((value) => typeof value === 'string');
  const seconds = /^(\d+(?:\.\d+)?)s$/.exec(delay ?? '')?.[1];
  const type = typeof inner['status'] === 'string' ? { type: inner['status'] } : {};
  const waitMs = Math.min(Math.round(Number(seconds) * 1000), MAX_RETRY_AFTER_MS);
  return { error: { ...error, ...type }, ...(seconds !== undefined && { waitMs }) };
}

/** The name of an error is in a header: `ThrottlingException:http://…` */
function readAwsError(status: number, headers: ResponseHeaders, error: UpstreamError): Refusal {
  const type = String(headers['x-amzn-errortype'] ?? error.type ?? '').split(/[:#]/)[0];
  const named = { ...error, ...(type !== undefined && type !== '' && { type }) };
  // The account's share of the model, not a mistake of the caller.
  if (type === 'ServiceQuotaExceededException') return { status: 429, error: named };
  // Said of one model that the account has not been given, and not of the credential.
  if (status === 403 && /access to the model/i.test(error.message ?? '')) {
    return { status, error: { ...named, code: 'model_not_supported' } };
  }
  return { status, error: named };
}
