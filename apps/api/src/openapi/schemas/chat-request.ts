import {
  anyOf,
  boolean,
  choice,
  constant,
  integer,
  list,
  map,
  object,
  orNull,
  ref,
  text,
  type Schema,
} from '../schema.js';
import { BROKER_MEMBERS, METADATA, MODEL, N, SAMPLING_MEMBERS, STREAM_MEMBERS, USER } from './members.js';

const FUNCTION = object({
  name: text(),
  description: text(),
  parameters: map({}, 'A JSON Schema of the arguments.'),
  strict: orNull(boolean('The arguments keep to the schema.')),
});

const TOOL_CHOICE = anyOf(
  [
    choice(['none', 'auto', 'required']),
    object({ type: constant('function'), function: object({ name: text() }) }),
    object({ type: constant('custom'), custom: object({ name: text() }) }),
    object({
      type: constant('allowed_tools'),
      allowed_tools: object({ mode: choice(['auto', 'required']), tools: list(map({})) }),
    }),
  ],
  'Whether tools are called, and which.',
);

const RESPONSE_FORMAT = anyOf(
  [
    object({ type: constant('text') }),
    object({ type: constant('json_object') }),
    object({
      type: constant('json_schema'),
      json_schema: object({
        name: text(),
        description: text(),
        schema: map({}, 'The JSON Schema of the answer.'),
        strict: orNull(boolean()),
      }),
    }),
  ],
  'What form the answer has.',
);

/** What is said of the answer's content. */
const ANSWER_MEMBERS = {
  response_format: RESPONSE_FORMAT,
  tools: list(ref('Tool'), 'What the model may call.'),
  tool_choice: TOOL_CHOICE,
  parallel_tool_calls: boolean('More than one call in an answer.'),
  logprobs: orNull(boolean('Tell how likely each token was.')),
  top_logprobs: orNull(integer('0 to 20: how many of the likeliest tokens are told at each place.')),
  max_completion_tokens: orNull(integer('Most tokens of an answer, its reasoning included.')),
  max_tokens: { ...orNull(integer('As `max_completion_tokens`, whose place that took.')), deprecated: true },
  modalities: orNull(list(text(), '`text`, `audio`.')),
  audio: orNull(
    object({ voice: anyOf([text(), map({})]), format: text('`wav`, `mp3`, `flac`, `opus` or `pcm16`.') }),
  ),
  prediction: orNull(
    object(
      { type: constant('content'), content: anyOf([text(), list(map({}))]) },
      { description: 'What most of the answer is known to be.' },
    ),
  ),
  reasoning_effort: orNull(
    text('`none`, `minimal`, `low`, `medium`, `high` …: how long the model may think.'),
  ),
  verbosity: orNull(text('`low`, `medium` or `high`.')),
  web_search_options: map({}, 'For models that search the web.'),
};

/** What is for the provider's own books. */
const ACCOUNT_MEMBERS = {
  service_tier: orNull(
    text('`auto`, `default`, `flex`, `priority` …: what the call costs, and how long it may take.'),
  ),
  store: orNull(boolean('The provider keeps the answer.')),
  metadata: METADATA,
  user: USER,
  safety_identifier: text("The caller's own name for its user, for the provider's policies."),
  prompt_cache_key: text('Requests with the same key find the same cache.'),
};

/** How functions were given before there were tools. */
const FUNCTION_MEMBERS = {
  functions: { ...list(FUNCTION), deprecated: true },
  function_call: {
    ...anyOf([choice(['none', 'auto']), object({ name: text() })]),
    deprecated: true,
  },
};

export const CHAT_REQUEST = {
  ChatCompletionRequest: object(
    {
      model: MODEL,
      messages: { ...list(ref('ChatMessage')), minItems: 1 },
      ...STREAM_MEMBERS,
      n: N,
      ...ANSWER_MEMBERS,
      ...SAMPLING_MEMBERS,
      ...ACCOUNT_MEMBERS,
      ...FUNCTION_MEMBERS,
      ...BROKER_MEMBERS,
    },
    {
      required: ['model', 'messages'],
      description: 'Members that are not named here pass through to the provider as they are.',
      examples: [{ model: 'demo', messages: [{ role: 'user', content: 'Say hello in one sentence.' }] }],
    },
  ),
  Tool: anyOf([
    object({ type: constant('function'), function: FUNCTION }),
    object({
      type: constant('custom'),
      custom: object({
        name: text(),
        description: text(),
        format: map({}, '`{"type": "text"}`, or a grammar.'),
      }),
    }),
  ]),
} satisfies Record<string, Schema>;
