type JsonType = 'string' | 'number' | 'integer' | 'boolean' | 'object' | 'array' | 'null';

/** The members of a JSON Schema (2020-12, as OpenAPI 3.1 has it) that the document uses. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: JsonType | readonly JsonType[];
  readonly description?: string;
  readonly enum?: readonly (string | boolean | null)[];
  readonly const?: string | boolean;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly deprecated?: boolean;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly pattern?: string;
}

/** Another schema of the document, by its name there. */
export function ref(name: string): Schema {
  return { $ref: `#/components/schemas/${name}` };
}

export function text(description?: string): Schema {
  return { type: 'string', ...(description !== undefined && { description }) };
}

export function number(description?: string): Schema {
  return { type: 'number', ...(description !== undefined && { description }) };
}

export function integer(description?: string): Schema {
  return { type: 'integer', ...(description !== undefined && { description }) };
}

export function boolean(description?: string): Schema {
  return { type: 'boolean', ...(description !== undefined && { description }) };
}

export function constant(value: string | boolean): Schema {
  return { const: value };
}

/** One of these texts. */
export function choice(values: readonly string[], description?: string): Schema {
  return { type: 'string', enum: values, ...(description !== undefined && { description }) };
}

export function list(items: Schema, description?: string): Schema {
  return { type: 'array', items, ...(description !== undefined && { description }) };
}

/** An object with at least these members, of which `required` must be there. Others pass through as they are. */
export function object(
  properties: Readonly<Record<string, Schema>>,
  { required, description, examples }: Pick<Schema, 'required' | 'description' | 'examples'> = {},
): Schema {
  return {
    type: 'object',
    ...(description !== undefined && { description }),
    properties,
    ...(required && { required }),
    additionalProperties: true,
    ...(examples && { examples }),
  };
}

/** An object whose members all have one form. */
export function map(additionalProperties: Schema, description?: string): Schema {
  return { type: 'object', additionalProperties, ...(description !== undefined && { description }) };
}

export function anyOf(variants: readonly Schema[], description?: string): Schema {
  return { anyOf: variants, ...(description !== undefined && { description }) };
}

/** The same, or null, which stands for a member that is not there. */
export function orNull(schema: Schema): Schema {
  const { type, enum: values, description, ...rest } = schema;
  if (typeof type !== 'string') {
    const { description: inner, ...variant } = schema;
    return { anyOf: [variant, { type: 'null' }], ...(inner !== undefined && { description: inner }) };
  }
  return {
    type: [type, 'null'],
    ...(description !== undefined && { description }),
    ...(values && { enum: [...values, null] }),
    ...rest,
  };
}
