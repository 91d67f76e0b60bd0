import { z } from 'zod';
import { PRESET_NAMES, presetOf } from './presets.js';
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
  const { properties, ...others } = rest as JsonSchema;
  const title = 'Spillway configuration (spillway.yaml)';
  return { $schema, title, ...others, properties: withPresets(properties) } as JsonSchema;
}

/** A provider may name a preset in place of its kind; then nothing else of it is required. */
function withPresets(properties: JsonSchema['properties']): JsonSchema['properties'] {
  const providers = properties?.['providers'];
  const provider = providers?.additionalProperties;
  if (!providers || typeof provider !== 'object' || !provider.oneOf) return properties;
  const oneOf = [...presetVariants(provider.oneOf), ...provider.oneOf];
  return { ...properties, providers: { ...providers, additionalProperties: { ...provider, oneOf } } };
}

function presetVariants(kinds: readonly JsonSchema[]): readonly JsonSchema[] {
  return kinds.flatMap(({ properties = {}, ...variant }) => {
    const { kind, ...settings } = properties;
    const names = PRESET_NAMES.filter((name) => presetOf(name).kind === kind?.const);
    if (names.length === 0) return [];
    const resource = names.some((name) => presetOf(name).resource) ? { resource: RESOURCE } : {};
    const preset = { type: 'string', enum: names, description: PRESET };
    return [{ ...variant, properties: { preset, ...resource, ...settings }, required: ['preset'] }];
  });
}

const PRESET =
  'A known service: stands for its kind, location, address, the variable of its key, and what it lacks or does differently (docs/providers). What is written beside it wins.';

const RESOURCE: JsonSchema = {
  type: 'string',
  description:
    'Of the preset `azure`: the name in `https://<name>.openai.azure.com`. Default: `AZURE_OPENAI_RESOURCE`.',
};

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
