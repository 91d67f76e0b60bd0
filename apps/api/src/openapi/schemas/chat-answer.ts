import {
  choice,
  constant,
  integer,
  list,
  map,
  number,
  object,
  orNull,
  ref,
  text,
  type Schema,
} from '../schema.js';
import { USAGE } from './members.js';

const FINISH_REASON = text('`stop`, `length`, `tool_calls`, `content_filter`, or `function_call`.');

const LOGPROB: Schema = object({
  token: text(),
  logprob: number(),
  bytes: orNull(list(integer())),
  top_logprobs: list(object({ token: text(), logprob: number(), bytes: orNull(list(integer())) })),
});

const LOGPROBS = orNull(object({ content: orNull(list(LOGPROB)), refusal: orNull(list(LOGPROB)) }));

/** What a message and a piece of one have alike. */
const SAID = {
  content: orNull(text()),
  refusal: orNull(text()),
  reasoning_content: orNull(
    text('What the model thought, of providers that tell it; some call it `reasoning`.'),
  ),
  reasoning: orNull(text()),
  annotations: orNull(list(map({}))),
  audio: orNull(
    object({ id: text(), data: text('Base64.'), expires_at: integer('Unix time, s.'), transcript: text() }),
  ),
  function_call: { ...orNull(object({ name: text(), arguments: text() })), deprecated: true },
};

const TOOL_CALL_PIECE = object({
  index: integer('Which of the calls this is a piece of.'),
  id: text('In the first piece of a call only.'),
  type: choice(['function', 'custom']),
  function: object({ name: text('In the first piece only.'), arguments: text('To be put together.') }),
});

/** What every answer tells of itself. */
const HEAD = {
  id: text(),
  created: integer('Unix time, s.'),
  model: text('The model that answered, as its provider calls it.'),
  service_tier: orNull(text()),
  system_fingerprint: orNull(text()),
};

export const CHAT_ANSWERS = {
  ChatCompletion: object(
    {
      ...HEAD,
      object: constant('chat.completion'),
      choices: {
        ...list(
          object(
            {
              index: integer(),
              message: object({ role: text(), ...SAID, tool_calls: orNull(list(ref('ToolCall'))) }),
              finish_reason: orNull(FINISH_REASON),
              logprobs: LOGPROBS,
            },
            { required: ['index', 'message'] },
          ),
        ),
        minItems: 1,
      },
      usage: USAGE,
    },
    {
      required: ['id', 'object', 'created', 'model', 'choices'],
      description: "In the provider's own bytes; it may hold more.",
      examples: [
        {
          id: 'chatcmpl-1',
          object: 'chat.completion',
          created: 1795295951,
          model: 'demo',
          choices: [{ index: 0, message: { role: 'assistant', content: 'Hello!' }, finish_reason: 'stop' }],
          usage: { prompt_tokens: 6, completion_tokens: 2, total_tokens: 8 },
        },
      ],
    },
  ),
  ChatCompletionChunk: object(
    {
      ...HEAD,
      object: constant('chat.completion.chunk'),
      choices: list(
        object(
          {
            index: integer(),
            delta: object({ role: text(), ...SAID, tool_calls: orNull(list(TOOL_CALL_PIECE)) }),
            finish_reason: orNull(FINISH_REASON),
            logprobs: LOGPROBS,
          },
          { required: ['index', 'delta'] },
        ),
        'Empty in the chunk with the usage.',
      ),
      usage: orNull(USAGE),
    },
    {
      required: ['id', 'object', 'created', 'model', 'choices'],
      description: 'The data of one event. Those of one answer have one `id` and one `created`.',
      examples: [
        {
          id: 'chatcmpl-1',
          object: 'chat.completion.chunk',
          created: 1795295951,
          model: 'demo',
          choices: [{ index: 0, delta: { content: 'Hello' }, finish_reason: null }],
        },
      ],
    },
  ),
} satisfies Record<string, Schema>;
