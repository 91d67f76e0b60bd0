import type { ErrorCode } from '#core/errors.js';
import type { HeaderName, ParameterName } from './openapi/fields.js';
import type { SchemaName } from './openapi/schemas.js';

/** Who may use a route: anybody, or an application that the configuration names, by its key. */
export type Access = 'public' | 'application';

type MediaType =
  | 'application/json'
  | 'application/javascript'
  | 'image/png'
  | 'text/css'
  | 'text/event-stream'
  | 'text/html'
  | 'text/plain';

/**
 * One route of the api, and all that is said of it anywhere: the router, the access check, the OpenAPI document, the
 * table of docs/api.md and the tests read this.
 */
export interface HttpRoute {
  /** A GET is answered to HEAD, too. */
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** With its parameters in braces; `{+name}` takes slashes, too, as in RFC 6570. */
  readonly path: string;
  readonly access: Access;
  readonly group: 'inference' | 'models' | 'requests' | 'operations' | 'description';
  /** What it answers, in plain words. */
  readonly summary: string;
  /** What it reads beside its path and its body. */
  readonly reads?: readonly ParameterName[];
  /** Its JSON body; absent: it has none. */
  readonly body?: SchemaName;
  /** What a 200 holds, by media type. */
  readonly answers: Readonly<Partial<Record<MediaType, SchemaName>>>;
  /** Headers that a 200 may have beside `x-request-id`. */
  readonly headers?: readonly HeaderName[];
  /** Errors that its handler may answer with, beside those of `errorsOf`. */
  readonly errors: readonly ErrorCode[];
}

/** What the edge may answer on any route, from what Node made of the request. */
const EVERYWHERE: readonly ErrorCode[] = [
  'invalid_value',
  'request_timeout',
  'headers_too_large',
  'internal_error',
];
/** What a request with a body may be told before anybody looks into the body. */
const WITH_BODY: readonly ErrorCode[] = ['request_too_large', 'unsupported_media_type'];
const WITH_KEY: readonly ErrorCode[] = ['invalid_api_key', 'shutting_down'];

/** Every error that a route may answer with, each once. */
export function errorsOf({ method, path, access, body, errors }: HttpRoute): readonly ErrorCode[] {
  const all: ErrorCode[] = [...EVERYWHERE];
  if (parametersOf(path).length > 0) all.push('not_found');
  if (method !== 'GET') all.push(...WITH_BODY);
  if (body !== undefined) all.push('invalid_json');
  if (access === 'application') all.push(...WITH_KEY);
  return [...new Set([...all, ...errors])];
}

/** The parameters of a path, in their order. */
export function parametersOf(path: string): string[] {
  return [...path.matchAll(/\{\+?(\w+)\}/g)].flatMap(([, name]) => name ?? []);
}

/** As the router has it: `/v1/models/*`, `/v1/requests/:id`. */
export function routerPath(path: string): string {
  return path.replace(/\{\+\w+\}/g, '*').replace(/\{(\w+)\}/g, ':$1');
}

/** As it is shown: `/v1/models/{model}`. */
export function shownPath(path: string): string {
  return path.replaceAll('{+', '{');
}
