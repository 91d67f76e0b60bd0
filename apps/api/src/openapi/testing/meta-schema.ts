/**
 * What OpenAPI 3.1 allows in a document, as far as ours goes: strict, so that a member in the wrong place, or with a
 * wrong name, is found. JSON Schemas themselves are checked by compiling them.
 */
export const META_SCHEMA = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  $ref: '#/$defs/document',
  $defs: {
    document: {
      type: 'object',
      required: ['openapi', 'info', 'paths'],
      properties: {
        openapi: { type: 'string', pattern: '^3\\.1\\.\\d+$' },
        info: { $ref: '#/$defs/info' },
        servers: { type: 'array', minItems: 1, items: { $ref: '#/$defs/server' } },
        tags: { type: 'array', items: { $ref: '#/$defs/tag' } },
        paths: {
          type: 'object',
          propertyNames: { pattern: '^/' },
          additionalProperties: { $ref: '#/$defs/pathItem' },
        },
        components: { $ref: '#/$defs/components' },
      },
      additionalProperties: false,
    },
    info: {
      type: 'object',
      required: ['title', 'version'],
      properties: {
        title: { type: 'string' },
        version: { type: 'string' },
        summary: { type: 'string' },
        description: { type: 'string' },
        license: {
          type: 'object',
          required: ['name'],
          properties: { name: { type: 'string' }, identifier: { type: 'string' } },
          additionalProperties: false,
        },
      },
      additionalProperties: false,
    },
    server: {
      type: 'object',
      required: ['url'],
      properties: { url: { type: 'string' }, description: { type: 'string' } },
      additionalProperties: false,
    },
    tag: {
      type: 'object',
      required: ['name'],
      properties: { name: { type: 'string' }, description: { type: 'string' } },
      additionalProperties: false,
    },
    pathItem: {
      type: 'object',
      minProperties: 1,
      properties: {
        get: { $ref: '#/$defs/operation' },
        post: { $ref: '#/$defs/operation' },
        delete: { $ref: '#/$defs/operation' },
      },
      additionalProperties: false,
    },
    operation: {
      type: 'object',
      required: ['operationId', 'tags', 'summary', 'security', 'responses'],
      properties: {
        operationId: { type: 'string', pattern: '^[a-z][A-Za-z]*$' },
        tags: { type: 'array', minItems: 1, items: { type: 'string' } },
        summary: { type: 'string', minLength: 1 },
        security: { type: 'array', items: { $ref: '#/$defs/securityRequirement' } },
        parameters: { type: 'array', uniqueItems: true, items: { $ref: '#/$defs/reference' } },
        requestBody: { $ref: '#/$defs/requestBody' },
        responses: {
          type: 'object',
          required: ['200'],
          propertyNames: { pattern: '^[1-5]\\d\\d$' },
          additionalProperties: { $ref: '#/$defs/response' },
        },
      },
      additionalProperties: false,
    },
    securityRequirement: {
      type: 'object',
      additionalProperties: { type: 'array', items: { type: 'string' } },
    },
    requestBody: {
      type: 'object',
      required: ['content'],
      properties: { required: { type: 'boolean' }, content: { $ref: '#/$defs/content' } },
      additionalProperties: false,
    },
    response: {
      type: 'object',
      required: ['description'],
      properties: {
        description: { type: 'string', minLength: 1 },
        headers: { type: 'object', additionalProperties: { $ref: '#/$defs/reference' } },
        content: { $ref: '#/$defs/content' },
      },
      additionalProperties: false,
    },
    content: {
      type: 'object',
      minProperties: 1,
      propertyNames: { pattern: '^[a-z]+/[a-z+-]+$' },
      additionalProperties: {
        type: 'object',
        required: ['schema'],
        properties: {
          schema: { $ref: '#/$defs/schema' },
          examples: { type: 'object', additionalProperties: { $ref: '#/$defs/reference' } },
        },
        additionalProperties: false,
      },
    },
    components: {
      type: 'object',
      properties: {
        schemas: { $ref: '#/$defs/schemas' },
        parameters: { type: 'object', additionalProperties: { $ref: '#/$defs/parameter' } },
        headers: { type: 'object', additionalProperties: { $ref: '#/$defs/header' } },
        examples: { type: 'object', additionalProperties: { $ref: '#/$defs/example' } },
        securitySchemes: { type: 'object', additionalProperties: { $ref: '#/$defs/securityScheme' } },
      },
      additionalProperties: false,
    },
    schemas: {
      type: 'object',
      propertyNames: { pattern: '^[A-Z][A-Za-z]*$' },
      additionalProperties: { $ref: '#/$defs/schema' },
    },
    schema: { type: 'object' },
    parameter: {
      type: 'object',
      required: ['name', 'in', 'schema'],
      properties: {
        name: { type: 'string', minLength: 1 },
        in: { enum: ['query', 'header', 'path'] },
        description: { type: 'string' },
        required: { type: 'boolean' },
        schema: { $ref: '#/$defs/schema' },
      },
      additionalProperties: false,
      // OpenAPI: a parameter of a path is always required.
      anyOf: [
        { properties: { in: { enum: ['query', 'header'] } } },
        { properties: { required: { const: true } }, required: ['required'] },
      ],
    },
    header: {
      type: 'object',
      required: ['schema'],
      properties: { description: { type: 'string' }, schema: { $ref: '#/$defs/schema' } },
      additionalProperties: false,
    },
    example: {
      type: 'object',
      required: ['value'],
      properties: { value: {} },
      additionalProperties: false,
    },
    securityScheme: {
      type: 'object',
      required: ['type', 'scheme'],
      properties: {
        type: { const: 'http' },
        scheme: { const: 'bearer' },
        description: { type: 'string' },
      },
      additionalProperties: false,
    },
    reference: {
      type: 'object',
      required: ['$ref'],
      properties: { $ref: { type: 'string', pattern: '^#/components/' } },
      additionalProperties: false,
    },
  },
};
