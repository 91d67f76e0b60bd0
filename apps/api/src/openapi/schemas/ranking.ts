import { anyOf, boolean, integer, list, map, number, object, orNull, text, type Schema } from '../schema.js';
import { BROKER_MEMBERS, MODEL } from './members.js';

export const RANKINGS = {
  ModerationRequest: object(
    {
      model: { ...MODEL, default: 'omni-moderation-latest' },
      input: anyOf(
        [text(), { ...list(anyOf([text(), map({})])), minItems: 1 }],
        'A text, or a list of texts or of content parts: `{"type": "text", …}`, `{"type": "image_url", …}`.',
      ),
      ...BROKER_MEMBERS,
    },
    { required: ['input'], examples: [{ model: 'omni-moderation-latest', input: 'a text' }] },
  ),
  Moderation: object(
    {
      id: text(),
      model: text(),
      results: {
        ...list(
          object({
            flagged: boolean(),
            categories: map(orNull(boolean()), 'What was found, by category.'),
            category_scores: map(number(), 'How sure the model is, 0 to 1, by category.'),
            category_applied_input_types: map(list(text())),
          }),
        ),
        minItems: 1,
      },
    },
    { required: ['results'] },
  ),
  RerankRequest: object(
    {
      model: MODEL,
      query: { ...text('What is looked for.'), minLength: 1 },
      documents: {
        ...list(anyOf([text(), map({})]), 'Texts, or objects as the provider knows them.'),
        minItems: 1,
      },
      top_n: orNull(integer('How many of the best are told.')),
      return_documents: orNull(boolean('Repeat each document in the answer.')),
      max_tokens_per_doc: orNull(integer()),
      ...BROKER_MEMBERS,
    },
    {
      required: ['model', 'query', 'documents'],
      examples: [{ model: 'bge-reranker', query: 'what is looked for', documents: ['one text', 'another'] }],
    },
  ),
  RerankResult: object(
    {
      id: text(),
      model: text(),
      results: {
        ...list(
          object(
            {
              index: integer('The place of the document in the request.'),
              relevance_score: number(),
              document: anyOf([text(), map({}), { type: 'null' }]),
            },
            { required: ['index'] },
          ),
        ),
        minItems: 1,
      },
    },
    { required: ['results'] },
  ),
} satisfies Record<string, Schema>;
