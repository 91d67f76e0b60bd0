import { errorHeaders, errors, type ErrorBody, type ErrorCode, type ErrorRow } from '#core/errors.js';
import { errorsOf, parametersOf, shownPath, type HttpRoute } from '../http-route.js';
import { HTTP_ROUTES } from '../http-routes.js';
import { HEADERS, PARAMETERS, type HeaderName } from './fields.js';
import { ref, type Schema } from './schema.js';
import { SCHEMAS } from './schemas.js';

/** The members of an OpenAPI 3.1 document that ours has. */
export interface OpenApiDocument {
  readonly openapi: '3.1.0';
  readonly info: object;
  readonly servers: readonly object[];
  readonly tags: readonly { readonly name: HttpRoute['group']; readonly description: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, Schema>>;
    readonly parameters: object;
    readonly headers: object;
    readonly examples: Readonly<Record<string, { readonly value: ErrorBody }>>;
    readonly securitySchemes: object;
  };
}

interface Reference {
  readonly $ref: string;
}

interface Operation {
  readonly operationId: string;
  readonly tags: readonly HttpRoute['group'][];
  readonly summary: string;
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
  readonly parameters?: readonly Reference[];
  readonly requestBody?: { readonly required: true; readonly content: Content };
  readonly responses: Readonly<Record<string, Response>>;
}

interface Response {
  readonly description: string;
  readonly headers: Readonly<Record<string, Reference>>;
  readonly content?: Content;
}

type Content = Readonly<Record<string, MediaType>>;

interface MediaType {
  readonly schema: Schema;
  readonly examples?: Readonly<Record<string, Reference>>;
}

const INFO = {
  title: 'Spillway',
  version: 'v1',
  summary: 'One OpenAI-compatible endpoint in front of your own GPUs and your cloud accounts.',
  description:
    'A request waits in a durable queue for a free worker, moves on to the next provider when one fails, and is answered once. Every GET is answered to HEAD, too. What is not described here is a 404 `not_found`, and another method a 405 `method_not_allowed` with `Allow`.',
  license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
};

const TAGS: OpenApiDocument['tags'] = [
  { name: 'inference', description: 'What the OpenAI SDKs call.' },
  { name: 'requests', description: 'Requests by their id: from any replica, after a broken connection.' },
  { name: 'models', description: 'What can be asked for.' },
  { name: 'operations', description: 'For orchestrators and monitors.' },
  { name: 'description', description: 'What this is.' },
];

const SECURITY_SCHEMES = {
  key: {
    type: 'http',
    scheme: 'bearer',
    description:
      'A key listed under `applications` in the configuration. Where it lists none, any key does, and none.',
  },
};

/** The API as an OpenAPI document, made from the table of its routes. */
export function openApiDocument(): OpenApiDocument {
  const paths: Record<string, Record<string, Operation>> = {};
  for (const [name, route] of Object.entries<HttpRoute>(HTTP_ROUTES)) {
    const operations = (paths[shownPath(route.path)] ??= {});
    operations[route.method.toLowerCase()] = operationOf(name, route);
  }
  return {
    openapi: '3.1.0',
    info: INFO,
    servers: [{ url: '/', description: 'Where this document came from.' }],
    tags: TAGS,
    paths,
    components: {
      schemas: SCHEMAS,
      parameters: PARAMETERS,
      headers: HEADERS,
      examples: errorExamples(),
      securitySchemes: SECURITY_SCHEMES,
    },
  };
}

function operationOf(name: string, route: HttpRoute): Operation {
  const { group, summary, access, path, reads = [], body } = route;
  const parameters = [...parametersOf(path), ...reads].map((field) => refTo('parameters', field));
  return {
    operationId: name,
    tags: [group],
    summary,
    security: access === 'application' ? [{ key: [] }] : [],
    ...(parameters.length > 0 && { parameters }),
    ...(body !== undefined && { requestBody: { required: true, content: json(ref(body)) } }),
    responses: { '200': answerOf(route), ...failuresOf(route) },
  };
}

function answerOf({ summary, answers, headers = [] }: HttpRoute): Response {
  const content = Object.entries(answers).map(([type, schema]) => [type, { schema: ref(schema) }] as const);
  return {
    description: 'text/event-stream' in answers ? `${summary}. ${EVENTS}` : summary,
    headers: headersOf(headers),
    content: Object.fromEntries(content),
  };
}

const EVENTS =
  'As events, the schema is that of the `data` of each; the last one is `[DONE]`, or an error, `{"error": …}`. Lines that begin with a colon tell how a request without output stands.';

/** The errors of a route by their statuses. */
function failuresOf(route: HttpRoute): Record<string, Response> {
  const byStatus = Object.groupBy(errorsOf(route), (code) => errors[code].status);
  return Object.fromEntries(Object.entries(byStatus).map(([status, codes]) => [status, failureOf(codes)]));
}

/** All errors have one form; which codes there are is told by the examples, which have their names. */
function failureOf(codes: readonly ErrorCode[]): Response {
  const lines = codes.map((code) => `- \`${code}\`: ${errors[code].message}`);
  return {
    description: lines.join('\n'),
    headers: headersOf(codes.flatMap(retryHeadersOf)),
    content: json(ref('ErrorBody'), Object.fromEntries(codes.map((code) => [code, refTo('examples', code)]))),
  };
}

/** What tells an SDK whether and when to try again, after a short wait and after a long one. */
function retryHeadersOf(code: ErrorCode): HeaderName[] {
  const headers = { ...errorHeaders(code), ...errorHeaders(code, { seconds: 3_600 }) };
  return Object.keys(headers) as HeaderName[];
}

function headersOf(names: readonly HeaderName[]): Record<string, Reference> {
  const all: readonly HeaderName[] = ['x-request-id', ...names];
  return Object.fromEntries(all.map((name) => [name, refTo('headers', name)]));
}

/** Each error that some route answers with, its message as the table has it. */
function errorExamples(): OpenApiDocument['components']['examples'] {
  const codes = new Set(Object.values<HttpRoute>(HTTP_ROUTES).flatMap(errorsOf));
  return Object.fromEntries(
    [...codes].map((code) => {
      const { message, type }: ErrorRow = errors[code];
      return [code, { value: { error: { message, type, param: null, code } } }];
    }),
  );
}

function json(schema: Schema, examples?: MediaType['examples']): Content {
  return { 'application/json': { schema, ...(examples && { examples }) } };
}

function refTo(kind: 'parameters' | 'headers' | 'examples', name: string): Reference {
  return { $ref: `#/components/${kind}/${name}` };
}
