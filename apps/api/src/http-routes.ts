import { ENDPOINTS } from '#core/endpoint.js';
import type { ErrorCode } from '#core/errors.js';
import type { HttpRoute } from './http-route.js';
import type { HeaderName, ParameterName } from './openapi/fields.js';

/** How a request that was taken in may end. */
const OUTCOMES: readonly ErrorCode[] = [
  ...(['upstream_rejected', 'content_policy_violation', 'context_length_exceeded'] as const),
  ...(['model_not_found', 'rate_limit_exceeded', 'stream_interrupted'] as const),
  ...(['upstream_error', 'upstream_truncated', 'upstream_credentials_exhausted'] as const),
  ...(['no_provider_available', 'no_worker', 'redis_unavailable', 'shutting_down'] as const),
  ...(['upstream_timeout', 'queue_timeout', 'deadline_exceeded'] as const),
];

/** Who answered, and how often it was tried. */
const SERVED_BY: readonly HeaderName[] = [
  ...(['x-spillway-provider', 'x-spillway-model', 'x-spillway-location'] as const),
  ...(['x-spillway-attempts', 'x-spillway-queue-ms'] as const),
  ...(['x-spillway-dropped', 'x-spillway-replayed'] as const),
];

const LIFETIME: readonly ParameterName[] = ['idempotencyKey', 'onDisconnect', 'timeoutMs'];

/** What the inference routes have in common. */
const INFERENCE = {
  method: 'POST',
  access: 'application',
  group: 'inference',
  reads: LIFETIME,
  headers: SERVED_BY,
  errors: [
    ...(['unsupported_parameter', 'model_not_allowed', 'idempotency_key_conflict', 'queue_full'] as const),
    ...OUTCOMES,
  ],
} as const satisfies Partial<HttpRoute>;

const OF_REQUEST: readonly ErrorCode[] = ['request_not_found', 'redis_unavailable'];

/** Every route of the api, by the name that its handler gives to `@Serves()`. */
export const HTTP_ROUTES = {
  completeChat: {
    ...INFERENCE,
    path: `/v1${ENDPOINTS.chat.path}`,
    summary: 'a chat completion, whole or as a stream ("stream": true)',
    body: 'ChatCompletionRequest',
    answers: { 'application/json': 'ChatCompletion', 'text/event-stream': 'ChatCompletionChunk' },
  },
  complete: {
    ...INFERENCE,
    path: `/v1${ENDPOINTS.completions.path}`,
    summary: 'a legacy completion, whole or as a stream',
    body: 'CompletionRequest',
    answers: { 'application/json': 'Completion', 'text/event-stream': 'Completion' },
  },
  embed: {
    ...INFERENCE,
    path: `/v1${ENDPOINTS.embeddings.path}`,
    summary: 'embeddings of texts or tokens, in their order',
    body: 'EmbeddingRequest',
    answers: { 'application/json': 'EmbeddingList' },
  },
  moderate: {
    ...INFERENCE,
    path: `/v1${ENDPOINTS.moderations.path}`,
    summary: 'what a moderation model finds in texts or images',
    body: 'ModerationRequest',
    answers: { 'application/json': 'Moderation' },
  },
  rerank: {
    ...INFERENCE,
    path: `/v1${ENDPOINTS.rerank.path}`,
    summary: 'documents in the order of their relevance to a query',
    body: 'RerankRequest',
    answers: { 'application/json': 'RerankResult' },
  },
  showRequest: {
    method: 'GET',
    path: '/v1/requests/{id}',
    access: 'application',
    group: 'requests',
    summary: 'where a request stands; its answer, once it has one',
    answers: { 'application/json': 'RequestState' },
    errors: OF_REQUEST,
  },
  followRequest: {
    method: 'GET',
    path: '/v1/requests/{id}/stream',
    access: 'application',
    group: 'requests',
    summary: 'the answer of a request: waits for it, or goes on with a stream',
    reads: ['startingAfter', 'lastEventId'],
    answers: { 'application/json': 'AnyAnswer', 'text/event-stream': 'AnyChunk' },
    headers: SERVED_BY,
    errors: [...OF_REQUEST, ...OUTCOMES],
  },
  cancelRequest: {
    method: 'POST',
    path: '/v1/requests/{id}/cancel',
    access: 'application',
    group: 'requests',
    summary: 'ends a request; answers as GET /v1/requests/{id} does',
    answers: { 'application/json': 'RequestState' },
    errors: OF_REQUEST,
  },
  removeRequest: {
    method: 'DELETE',
    path: '/v1/requests/{id}',
    access: 'application',
    group: 'requests',
    summary: 'ends a request if need be, and forgets it',
    answers: { 'application/json': 'RequestRemoved' },
    errors: OF_REQUEST,
  },
  listModels: {
    method: 'GET',
    path: '/v1/models',
    access: 'application',
    group: 'models',
    summary: 'the models that the key may ask for: configured ones, then those that workers announce',
    answers: { 'application/json': 'ModelList' },
    errors: [],
  },
  describeModel: {
    method: 'GET',
    path: '/v1/models/{+model}',
    access: 'application',
    group: 'models',
    summary: 'one of them; ids may hold slashes, written as they are or as %2F',
    answers: { 'application/json': 'Model' },
    errors: ['model_not_allowed', 'model_not_found'],
  },
  healthz: {
    method: 'GET',
    path: '/healthz',
    access: 'public',
    group: 'operations',
    summary: '200 while the process runs',
    answers: { 'application/json': 'Health' },
    errors: [],
  },
  readyz: {
    method: 'GET',
    path: '/readyz',
    access: 'public',
    group: 'operations',
    summary:
      '200 while this replica takes requests; 503 without Redis (known within 2 s), and while it shuts down',
    answers: { 'application/json': 'Health' },
    errors: ['redis_unavailable', 'shutting_down'],
  },
  metrics: {
    method: 'GET',
    path: '/metrics',
    access: 'public',
    group: 'operations',
    summary: 'Prometheus metrics; keep it off the internet in your proxy',
    answers: { 'text/plain': 'Text' },
    errors: [],
  },
  welcome: {
    method: 'GET',
    path: '/',
    access: 'public',
    group: 'description',
    summary: 'a short JSON welcome',
    answers: { 'application/json': 'Welcome' },
    errors: [],
  },
  openApi: {
    method: 'GET',
    path: '/openapi.json',
    access: 'public',
    group: 'description',
    summary: 'this API as an OpenAPI 3.1 document',
    answers: { 'application/json': 'OpenApiDocument' },
    errors: [],
  },
  docs: {
    method: 'GET',
    path: '/docs',
    access: 'public',
    group: 'description',
    summary: 'a page to read and try that document; nothing of it comes from another host',
    answers: { 'text/html': 'Text' },
    errors: [],
  },
  docsFile: {
    method: 'GET',
    path: '/docs/{file}',
    access: 'public',
    group: 'description',
    summary: 'what that page is made of',
    answers: { 'application/javascript': 'Text', 'text/css': 'Text', 'image/png': 'Text' },
    errors: [],
  },
} as const satisfies Record<string, HttpRoute>;

export type HttpRouteName = keyof typeof HTTP_ROUTES;
