import { choice, constant, integer, text, type Schema } from './schema.js';

interface Field {
  readonly description: string;
  readonly schema: Schema;
}

interface Parameter extends Field {
  readonly name: string;
  readonly in: 'header' | 'query' | 'path';
  readonly required?: true;
}

const CURSOR = {
  ...text(),
  pattern: '^[1-9]\\d{0,14}-[1-9]\\d{0,14}\\.[1-9]\\d{0,14}$',
  examples: ['1-1.2'],
};

/** What routes read beside their bodies. A path's parameters are found by the names that they have there. */
export const PARAMETERS = {
  id: {
    name: 'id',
    in: 'path',
    required: true,
    description: 'The id of a request: the `x-request-id` of its answer.',
    schema: { ...text(), examples: ['req_0_01M80BZ519P2W0Z568QXGKCPT5'] },
  },
  model: {
    name: 'model',
    in: 'path',
    required: true,
    description: 'The id of a model. Slashes may stand in it as they are, or as `%2F`.',
    schema: text(),
  },
  file: {
    name: 'file',
    in: 'path',
    required: true,
    description: 'One of the files that the page names.',
    schema: text(),
  },
  idempotencyKey: {
    name: 'Idempotency-Key',
    in: 'header',
    description:
      'Requests of one application with the same key are one request, which is carried out once and goes on when its client leaves.',
    schema: { ...text(), pattern: '^[!-~]{1,255}$' },
  },
  onDisconnect: {
    name: 'x-spillway-on-disconnect',
    in: 'header',
    description:
      '`cancel`: a client that closes the connection has its request cancelled. `continue`: it goes on, its events have ids, and it can be read at `/v1/requests/{id}/stream`.',
    schema: { ...choice(['cancel', 'continue']), default: 'cancel' },
  },
  timeoutMs: {
    name: 'x-spillway-timeout-ms',
    in: 'header',
    description:
      'Time from acceptance to the end, ms. The least of this, `timeouts.totalMs` of the configuration and the timeout that an SDK tells of counts.',
    schema: { ...integer(), minimum: 100 },
  },
  startingAfter: {
    name: 'starting_after',
    in: 'query',
    description: 'The id of the last event that the client has: the stream goes on behind it.',
    schema: CURSOR,
  },
  lastEventId: {
    name: 'Last-Event-ID',
    in: 'header',
    description: 'As `starting_after`, and wins over it; an EventSource sends it by itself.',
    schema: CURSOR,
  },
} as const satisfies Record<string, Parameter>;

export type ParameterName = keyof typeof PARAMETERS;

/** What answers have in their heads. */
export const HEADERS = {
  'x-request-id': { description: 'The id of the request, on every answer and every error.', schema: text() },
  'x-spillway-provider': {
    description: 'The provider that answered. Absent where a stream began before that was known.',
    schema: text(),
  },
  'x-spillway-model': { description: 'The name that the model has at that provider.', schema: text() },
  'x-spillway-location': { description: 'Where that provider is.', schema: choice(['local', 'cloud']) },
  'x-spillway-attempts': {
    description: 'How many targets were tried, the one that answered included.',
    schema: { ...integer(), minimum: 1 },
  },
  'x-spillway-queue-ms': { description: 'Wait in the queue, ms.', schema: { ...integer(), minimum: 0 } },
  'x-spillway-dropped': {
    description: 'Members of the request that the provider does not take, and that were left out.',
    schema: { ...text(), examples: ['logit_bias, seed'] },
  },
  'x-spillway-replayed': {
    description: 'The request had ended before it was asked for here.',
    schema: constant('true'),
  },
  'retry-after': {
    description: 'When to try again, s.',
    schema: { ...integer(), minimum: 1, maximum: 60 },
  },
  'x-should-retry': {
    description: 'Another try would not help, or would cost twice; the SDKs obey it.',
    schema: constant('false'),
  },
  'x-spillway-eta-ms': {
    description: 'In place of a `retry-after` above 60 s: the estimate, ms.',
    schema: integer(),
  },
} as const satisfies Record<string, Field>;

export type HeaderName = keyof typeof HEADERS;
