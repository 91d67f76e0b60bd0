import {
  anyOf,
  choice,
  constant,
  integer,
  list,
  number,
  object,
  orNull,
  text,
  type Schema,
} from '../schema.js';
import { BROKER_MEMBERS, MODEL, TEXT_OR_TOKENS, USER } from './members.js';

/** As what is completed, but no text of it may be empty. */
const INPUT = TEXT_OR_TOKENS.map((variant): Schema => {
  if (variant.type === 'string') return { ...variant, minLength: 1 };
  return variant.items?.type === 'string'
    ? { ...variant, items: { ...variant.items, minLength: 1 } }
    : variant;
});

export const EMBEDDINGS = {
  EmbeddingRequest: object(
    {
      model: MODEL,
      input: anyOf(
        INPUT,
        "A text, token ids, or a list of one of the two. A list longer than the provider's batches is split, and the answer has its order.",
      ),
      encoding_format: orNull({ ...choice(['float', 'base64']), default: 'float' }),
      dimensions: orNull({ ...integer('How long the vectors are, of models that can choose.'), minimum: 1 }),
      user: USER,
      ...BROKER_MEMBERS,
    },
    { required: ['model', 'input'], examples: [{ model: 'demo', input: ['one text', 'another'] }] },
  ),
  EmbeddingList: object(
    {
      object: constant('list'),
      model: text('The model that answered, as its provider calls it.'),
      data: {
        ...list(
          object(
            {
              object: constant('embedding'),
              index: integer('The place of its text in the request.'),
              embedding: anyOf([list(number()), text('`base64`: 32-bit floats, little-endian.')]),
            },
            { required: ['object', 'index', 'embedding'] },
          ),
        ),
        minItems: 1,
      },
      usage: object({ prompt_tokens: integer(), total_tokens: integer() }),
    },
    { required: ['object', 'data', 'model'] },
  ),
} satisfies Record<string, Schema>;
