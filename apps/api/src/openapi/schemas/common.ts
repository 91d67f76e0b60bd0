import { errors } from '#core/errors.js';
import { choice, constant, integer, list, object, orNull, ref, text, type Schema } from '../schema.js';

const rows = Object.entries(errors);

export const COMMON = {
  ErrorBody: object({ error: ref('ErrorDetail') }, { required: ['error'] }),
  ErrorDetail: object(
    {
      message: text('What is wrong, where, and what to do.'),
      type: choice([...new Set(rows.map(([, { type }]) => type))]),
      param: orNull(text('The member of the request at fault, where there is one.')),
      code: choice(
        rows.map(([code]) => code),
        'What programs should look at.',
      ),
    },
    { required: ['message', 'type', 'param', 'code'], description: 'All four members are always there.' },
  ),
  Model: object(
    {
      id: text(),
      object: constant('model'),
      created: integer('The same for every model: nobody knows it.'),
      owned_by: text('The first provider that is asked.'),
    },
    { required: ['id', 'object', 'created', 'owned_by'] },
  ),
  ModelList: object({ object: constant('list'), data: list(ref('Model')) }, { required: ['object', 'data'] }),
  Health: object({ status: constant('ok') }, { required: ['status'] }),
  Welcome: object(
    { name: constant('spillway'), api: text(), health: text(), docs: text() },
    { required: ['name', 'api', 'health'] },
  ),
  OpenApiDocument: object({ openapi: text(), paths: object({}) }, { required: ['openapi', 'paths'] }),
  Text: text(),
} satisfies Record<string, Schema>;
