import { HttpException } from '@nestjs/common';
import {
  errorBody,
  errorHeaders,
  errors,
  SpillwayError,
  type ErrorCode,
  type ErrorParams,
} from '#core/errors.js';
import { toPlainText } from './plain-text.js';

/** What a message about a refused request may tell; all of it is the client's own. */
export interface RefusedRequest {
  readonly id: string;
  readonly method: string;
  /** The path without its query, which may hold a key. */
  readonly path: string;
  readonly contentType: string | undefined;
  readonly bodyLimitBytes: number;
}

/** The error that a client gets for anything thrown on its request. What nobody foresaw is `internal_error`. */
export function toSpillwayError(thrown: unknown, request: RefusedRequest): SpillwayError {
  if (thrown instanceof SpillwayError) return thrown;
  const cause = thrown instanceof HttpException ? thrown.cause : thrown;
  const { id, method, path, contentType, bodyLimitBytes } = request;
  switch (codeOf(cause)) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new SpillwayError('request_too_large', {
        limit: formatBytes(bodyLimitBytes),
        who: 'this server',
      });
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new SpillwayError('unsupported_media_type', {
        contentType: toPlainText(contentType ?? '(none)'),
      });
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return new SpillwayError('invalid_value', {
        reason: 'The body is not as long as its Content-Length says.',
      });
    case 'FST_ERR_BAD_URL':
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return new SpillwayError('not_found', { method, path });
  }
  // Nest's own, of a path with nothing where a name should be.
  if (statusOf(thrown) === 404) return new SpillwayError('not_found', { method, path });
  if (isCallersFault(thrown)) {
    return new SpillwayError(
      'invalid_value',
      { reason: 'The request could not be read.' },
      { cause: thrown },
    );
  }
  return new SpillwayError('internal_error', { request: id }, { cause: thrown });
}

/** What Node's parser gave up on, before there was a request. */
export function errorOfConnection(
  nodeCode: string | undefined,
  timeoutMs: number,
): { readonly code: ErrorCode; readonly params: ErrorParams } {
  switch (nodeCode) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return { code: 'request_timeout', params: { seconds: timeoutMs / 1000 } };
    case 'HPE_HEADER_OVERFLOW':
      return { code: 'headers_too_large', params: {} };
    default:
      return { code: 'invalid_value', params: { reason: 'This is not a valid HTTP/1.1 request.' } };
  }
}

/** A whole HTTP response as text, for a connection on which no response object can be had any more. */
export function rawErrorResponse(code: ErrorCode, params: ErrorParams, id: string): string {
  const body = JSON.stringify(errorBody(code, params));
  const headers = {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    'x-request-id': id,
    connection: 'close',
    ...errorHeaders(code, params),
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${errors[code].status} ${code}\r\n${lines.join('')}\r\n${body}`;
}

/** Longest path that a message repeats. */
const PATH_MAX_CHARS = 200;

/** A URL's path, for a message. Without the query: some clients put keys there. */
export function pathOf(url: string): string {
  return url.replace(/[?#].*$/s, '').slice(0, PATH_MAX_CHARS);
}

function codeOf(thrown: unknown): unknown {
  return typeof thrown === 'object' && thrown !== null && 'code' in thrown ? thrown.code : undefined;
}

function statusOf(thrown: unknown): number | undefined {
  return thrown instanceof HttpException ? thrown.getStatus() : undefined;
}

/** A 4xx of Fastify or Nest that this page does not know by name. */
function isCallersFault(thrown: unknown): boolean {
  const status = statusOf(thrown);
  return status !== undefined && status >= 400 && status < 500;
}

/** `32 MiB`, `1.5 KiB`, `900 bytes`. */
export function formatBytes(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB'];
  const power = bytes < 1 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), units.length - 1);
  return `${Number((bytes / 1024 ** power).toFixed(1))} ${units[power]}`;
}
