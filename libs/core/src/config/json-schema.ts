import { z } from 'zod';
import { configSchema } from './schema.js';

/** The members of a JSON Schema that this project uses. */
export interface JsonSchema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | JsonSchema;
  readonly items?: JsonSchema;
  readonly oneOf?: readonly JsonSchema[];
  readonly anyOf?: readonly JsonSchema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
}

/** What editors check spillway.yaml with; docs/spillway.schema.json is this, printed. Draft 7: the one they all know. */
export function configJsonSchema(): JsonSchema {
  const schema = z.toJSONSchema(configSchema, {
    io: 'input',
    target: 'draft-07',
    override: ({ zodSchema, jsonSchema }) => {
      const { def } = zodSchema._zod;
      // Left out for settings that are read leniently, as numbers are.
      if (def.type === 'default') jsonSchema.default = def.defaultValue;
      if (def.type === 'number') allowVariable(jsonSchema);
    },
  });
  const { $schema, ...rest } = schema;
  return { $schema, title: 'Spillway configuration (spillway.yaml)', ...rest } as JsonSchema;
}

/** A number may also be written as `"${NAME:-4100}"`. */
function allowVariable(schema: z.core.JSONSchema.BaseSchema): void {
  const { type, minimum, maximum } = schema;
  delete schema.type;
  delete schema.minimum;
  delete schema.maximum;
  schema.anyOf = [
    { type, minimum, maximum } as z.core.JSONSchema.BaseSchema,
    { type: 'string', pattern: '\\$\\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\\}' },
  ];
}

/** The text of docs/spillway.schema.json. */
export function printConfigJsonSchema(): string {
  return `${JSON.stringify(configJsonSchema(), null, 2)}\n`;
}
