import {
  anyOf,
  boolean,
  constant,
  integer,
  list,
  map,
  number,
  object,
  orNull,
  text,
  type Schema,
} from '../schema.js';
import {
  BROKER_MEMBERS,
  MODEL,
  N,
  SAMPLING_MEMBERS,
  STREAM_MEMBERS,
  TEXT_OR_TOKENS,
  USAGE,
  USER,
} from './members.js';

export const COMPLETIONS = {
  CompletionRequest: object(
    {
      model: MODEL,
      prompt: anyOf(TEXT_OR_TOKENS, 'A text, token ids, or a list of one of the two.'),
      ...STREAM_MEMBERS,
      n: N,
      max_tokens: orNull(integer('Most tokens of an answer.')),
      suffix: orNull(text('What comes behind the answer.')),
      echo: orNull(boolean('Repeat the prompt in front of the answer.')),
      best_of: orNull(integer('How many answers are made to choose the best `n` of.')),
      logprobs: orNull(integer('How many of the likeliest tokens are told at each place.')),
      ...SAMPLING_MEMBERS,
      user: USER,
      ...BROKER_MEMBERS,
    },
    {
      required: ['model', 'prompt'],
      examples: [{ model: 'demo', prompt: 'Once upon a time', max_tokens: 16 }],
    },
  ),
  Completion: object(
    {
      id: text(),
      object: constant('text_completion'),
      created: integer('Unix time, s.'),
      model: text('The model that answered, as its provider calls it.'),
      choices: list(
        object(
          {
            index: integer(),
            text: text(),
            finish_reason: orNull(text('`stop`, `length` or `content_filter`.')),
            logprobs: orNull(
              object({
                tokens: orNull(list(text())),
                token_logprobs: orNull(list(orNull(number()))),
                top_logprobs: orNull(list(orNull(map(number())))),
                text_offset: orNull(list(integer())),
              }),
            ),
          },
          { required: ['index', 'text'] },
        ),
      ),
      usage: orNull(USAGE),
      system_fingerprint: orNull(text()),
    },
    {
      required: ['id', 'object', 'created', 'model', 'choices'],
      description: 'A whole answer, or the data of one event of a stream.',
    },
  ),
} satisfies Record<string, Schema>;
