import { configJsonSchema, type JsonSchema } from './json-schema.js';

const START = '<!-- generated from the schema: start -->';
const END = '<!-- generated from the schema: end -->';

/** The page with its generated part renewed; throws where the page has no place for it. */
export function insertReference(page: string): string {
  const start = page.indexOf(START);
  const end = page.indexOf(END);
  if (start < 0 || end < start) throw new Error(`The page needs the lines "${START}" and "${END}".`);
  return `${page.slice(0, start + START.length)}\n\n${renderReference()}\n\n${page.slice(end)}`;
}

/**
 * The tables of docs/configuration.md: each section of the file with its settings. Made from the schema, so that the
 * page cannot say anything else than the code does.
 */
function renderReference(): string {
  return Object.entries(configJsonSchema().properties ?? {})
    .map(([name, schema]) =>
      [`### \`${name}\``, '', schema.description ?? '', '', ...table(name, schema)].join('\n'),
    )
    .join('\n\n');
}

function table(name: string, schema: JsonSchema): string[] {
  return ['| setting | type | default | meaning |', '|---|---|---|---|', ...rows(name, schema)];
}

/** One row per setting; maps of names and lists show their place as `<name>` and `[]`. */
function rows(path: string, schema: JsonSchema): string[] {
  if (schema.oneOf) return schema.oneOf.flatMap((variant) => variantRows(path, variant));
  if (schema.properties) {
    return Object.entries(schema.properties).flatMap(([name, member]) => {
      const place = `${path}.${name}`;
      return [row(place, member, schema.required?.includes(name) ?? false), ...rows(place, member)];
    });
  }
  if (typeof schema.additionalProperties === 'object' && !isScalar(schema.additionalProperties)) {
    return rows(`${path}.<name>`, schema.additionalProperties);
  }
  if (schema.items && !isScalar(schema.items)) return rows(`${path}[]`, schema.items);
  return [];
}

function variantRows(path: string, variant: JsonSchema): string[] {
  if (variant.properties?.['preset']) return presetRows(path, variant.properties);
  const kind = String(variant.properties?.['kind']?.const);
  const { kind: named, ...others } = variant.properties ?? {};
  const heading = `| \`${path}.kind: ${kind}\` | | | ${cell(named?.description ?? '')} |`;
  return [heading, ...rows(path, { ...variant, properties: others })];
}

/** Its other settings are those of its kind. */
function presetRows(path: string, { preset, resource }: NonNullable<JsonSchema['properties']>): string[] {
  return [
    ...(preset ? [row(`${path}.preset`, preset, false)] : []),
    ...(resource ? [row(`${path}.resource`, resource, false)] : []),
  ];
}

function row(place: string, schema: JsonSchema, required: boolean): string {
  return `| \`${place}\` | ${typeOf(schema)} | ${defaultOf(schema, required)} | ${cell(schema.description ?? '')} |`;
}

function defaultOf(schema: JsonSchema, required: boolean): string {
  if (required) return 'required';
  return schema.default === undefined || typeof schema.default === 'object'
    ? ''
    : `\`${JSON.stringify(schema.default).replaceAll('"', '')}\``;
}

function typeOf(schema: JsonSchema): string {
  const [first, ...others] = schema.anyOf ?? [];
  if (first?.type === 'integer') return `${first.minimum} to ${first.maximum}`;
  if (first) return [first, ...others].map(typeOf).join(', ');
  if (schema.enum) return schema.enum.map((value) => `\`${String(value)}\``).join(', ');
  if (schema.type === 'boolean') return '`true`, `false`';
  if (schema.type === 'array') return 'list';
  return schema.type === 'object' ? 'map' : 'text';
}

function isScalar(schema: JsonSchema): boolean {
  return schema.type === 'string' && schema.properties === undefined;
}

/** A `|` would end the cell. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
