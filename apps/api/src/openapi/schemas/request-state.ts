import {
  anyOf,
  boolean,
  choice,
  constant,
  integer,
  object,
  orNull,
  ref,
  text,
  type Schema,
} from '../schema.js';

/** What a request may be answered with, whatever its endpoint. */
const ANSWERS = ['ChatCompletion', 'Completion', 'EmbeddingList', 'Moderation', 'RerankResult'] as const;

export const REQUEST_STATES = {
  RequestState: object(
    {
      id: text(),
      object: constant('request'),
      status: choice(['queued', 'in_progress', 'completed', 'failed', 'cancelled']),
      model: text('As it was asked for.'),
      stream: boolean(),
      created: integer('Unix time, s.'),
      deadline: integer('Unix time, s.'),
      ended: orNull(integer('Unix time, s; null before the end.')),
      position: integer('Only while queued: 1 is next.'),
      eta_ms: integer('Only while queued, and once the queue has moved: an estimate.'),
      attempts: integer('How many targets it was given to, the present one included.'),
      provider: text('Of the present or last attempt.'),
      error: orNull(ref('ErrorDetail')),
      response: ref('AnyAnswer'),
    },
    {
      required: [
        ...['id', 'object', 'status', 'model', 'stream', 'created', 'deadline', 'ended'],
        ...['attempts', 'provider', 'error'],
      ],
      description: '`response` is there once a request without `stream` is completed.',
    },
  ),
  RequestRemoved: object(
    { id: text(), object: constant('request'), deleted: constant(true) },
    { required: ['id', 'object', 'deleted'] },
  ),
  AnyAnswer: anyOf(ANSWERS.map(ref), 'What the request itself is answered with.'),
  AnyChunk: anyOf(
    ['ChatCompletionChunk', 'Completion'].map(ref),
    'The data of one event, as in the stream of the request itself.',
  ),
} satisfies Record<string, Schema>;
