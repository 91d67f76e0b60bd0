import { boolean, integer, list, map, number, object, orNull, text, type Schema } from '../schema.js';

/** What the broker itself needs of every request for inference. */
export const MODEL: Schema = {
  ...text('A model of `GET /v1/models`, or `<provider>/<model>`.'),
  minLength: 1,
  maxLength: 512,
};

const NAME: Schema = { ...text(), minLength: 1, maxLength: 200, pattern: '^\\S+$' };

/** The one object that the broker takes no other members in. */
const CONTROLS: Schema = {
  type: 'object',
  description:
    'What the caller wishes of the fallback. `fallbakit`, and both inside `extra_body`, are read, too.',
  properties: {
    localModelOnly: boolean('Local targets only: no byte goes to a cloud provider.'),
    forceLocal: boolean('As `localModelOnly`.'),
    cloudModelOnly: boolean('Cloud targets only.'),
    fallback: { ...boolean('False: the first target alone.'), default: true },
    fallbackProvider: {
      ...NAME,
      description: "The provider to fall back to, in place of the route's own fallback.",
    },
    fallbackModel: { ...NAME, description: 'The model to fall back to.' },
  },
  additionalProperties: false,
};

/** What is the broker's own in every body; providers never see it. */
export const BROKER_MEMBERS = { spillway: CONTROLS };

/** What only endpoints that stream have. */
export const STREAM_MEMBERS = {
  stream: orNull({ ...boolean('Answer as server-sent events.'), default: false }),
  stream_options: orNull(
    object({
      include_usage: orNull(boolean('A last chunk with the usage of the whole request, and no choices.')),
    }),
  ),
};

/** How many answers, as the broker checks it. */
export const N: Schema = orNull({ ...integer('How many answers.'), minimum: 1, maximum: 128, default: 1 });

/** What steers the choice of tokens; each provider has its own limits. */
export const SAMPLING_MEMBERS = {
  temperature: orNull(number('0 to 2 at most providers. Higher is more random.')),
  top_p: orNull(number('0 to 1: only the most likely tokens, up to this share of the probability.')),
  frequency_penalty: orNull(number('-2 to 2: tokens that came often become less likely.')),
  presence_penalty: orNull(number('-2 to 2: tokens that came at all become less likely.')),
  logit_bias: orNull(map(number(), 'By token id, -100 to 100: what is added to its likelihood.')),
  seed: orNull(
    integer('The same seed and the same request give the same answer, as far as the provider can.'),
  ),
  stop: {
    anyOf: [text(), list(text()), { type: 'null' as const }],
    description: 'Where to stop; most providers take up to four.',
  },
};

export const USER: Schema = orNull(text("The caller's own name for its user."));

export const METADATA: Schema = orNull(
  map(text(), 'Texts that a provider which stores answers keeps with them.'),
);

/** What a call has used, where its provider tells. */
export const USAGE: Schema = object({
  prompt_tokens: integer(),
  completion_tokens: integer(),
  total_tokens: integer(),
  prompt_tokens_details: orNull(
    object({ cached_tokens: orNull(integer()), audio_tokens: orNull(integer()) }),
  ),
  completion_tokens_details: orNull(
    object({
      reasoning_tokens: orNull(integer()),
      audio_tokens: orNull(integer()),
      accepted_prediction_tokens: orNull(integer()),
      rejected_prediction_tokens: orNull(integer()),
    }),
  ),
});

/** A text, tokens, or a list of one of the two. */
export const TEXT_OR_TOKENS: readonly Schema[] = [
  text(),
  { ...list(text()), minItems: 1 },
  { ...list({ ...integer(), minimum: 0 }), minItems: 1 },
  { ...list({ ...list({ ...integer(), minimum: 0 }), minItems: 1 }), minItems: 1 },
];
