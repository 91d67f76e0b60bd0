import { mergeCapabilities, THOUGHT_NAMES, type Capabilities } from '../capabilities.js';
import { capabilitiesOfKind } from '../kind-capabilities.js';
import { parseConfig } from './parse-config.js';
import { PRESET_NAMES, presetOf, type PresetName } from './presets.js';
import type { ProviderConfig } from './schema.js';

/** The generated parts of docs/providers: what is made of the table cannot say anything else than it. */

const START = '<!-- generated from the presets: start -->';
const END = '<!-- generated from the presets: end -->';

/** The page of a preset with its generated part renewed; throws where it has no place for it. */
export function insertPreset(page: string, name: PresetName): string {
  return insert(page, describePreset(name));
}

/** The index of the pages, likewise. */
export function insertPresetIndex(page: string): string {
  return insert(page, PRESET_NAMES.map(indexLine).join('\n'));
}

function insert(page: string, part: string): string {
  const start = page.indexOf(START);
  const end = page.indexOf(END);
  if (start < 0 || end < start) throw new Error(`The page needs the lines "${START}" and "${END}".`);
  return `${page.slice(0, start + START.length)}\n\n${part}\n\n${page.slice(end)}`;
}

function indexLine(name: PresetName): string {
  const { title, kind, location, keys, keyOptional } = presetOf(name);
  const key = keyOptional ? '' : `, \`${keys[0]}\``;
  return `- [\`${name}\`](${name}.md): ${title}; kind \`${kind}\`, \`${location}\`${key}`;
}

function describePreset(name: PresetName): string {
  const provider = writtenOut(name);
  const capabilities = mergeCapabilities(capabilitiesOfKind(provider.kind), provider.capabilities) ?? {};
  const differences = [...capabilityLines(capabilities), ...quirkLines(provider)];
  return [
    '```yaml',
    'providers:',
    `  ${name}: { preset: ${name} }`,
    '```',
    '',
    ...factLines(name, provider).map((line) => `- ${line}`),
    '',
    differences.length === 0
      ? 'Nothing of a request is changed, but for the name of the model and the request for usage in streams.'
      : 'What a request gets on its way:',
    ...(differences.length === 0 ? [] : ['', ...differences.map((line) => `- ${line}`)]),
  ].join('\n');
}

/** The preset as the schema reads it, with an address for those that have none of their own. */
function writtenOut(name: PresetName): Exclude<ProviderConfig, { readonly kind: 'demo' }> {
  const tree = { providers: { [name]: { preset: name, baseUrl: 'http://localhost/v1' } } };
  const parsed = parseConfig(tree, {});
  const provider = parsed.ok ? parsed.config.providers[name] : undefined;
  if (!provider || provider.kind === 'demo') throw new Error(`The preset ${name} is not right.`);
  return provider;
}

function factLines(name: PresetName, provider: ReturnType<typeof writtenOut>): readonly string[] {
  const { kind, location, baseUrl, baseUrlVariable, resource, found, addressFrom } = presetOf(name);
  const address = resource
    ? `\`${resource.before}<resource>${resource.after}\`, with \`resource\` or \`${resource.variable}\``
    : baseUrl === undefined
      ? 'that of its region'
      : `\`${baseUrl}\``;
  const health = 'healthPath' in provider ? provider.healthPath : undefined;
  const { firstTokenMs } = provider.timeouts;
  return [
    `kind \`${kind}\`, location \`${location}\``,
    `address: ${address}; another one with \`baseUrl\` or \`${baseUrlVariable}\`${addressFrom ? ', or as its own variables say' : ''}`,
    `credential: ${credentialOf(name)}`,
    ...(firstTokenMs === undefined
      ? []
      : [`\`timeouts.firstTokenMs\`: ${firstTokenMs}, since its first call may load the model`]),
    ...(health === undefined ? [] : [`readiness: \`GET ${health}\` beside the API; 5xx counts as away`]),
    found
      ? `found without a file, as \`${found.as ?? name}\`${found.fallbackModel ? `; stands in for local models with \`${found.fallbackModel}\`` : ''}`
      : 'not looked for without a file',
  ];
}

function credentialOf(name: PresetName): string {
  const { keys, keyOptional, keyHeader, settingsFrom } = presetOf(name);
  const where = keys.map((key) => `\`${key}\``).join(', else ');
  const header = keyHeader === undefined ? '' : `, sent as \`${keyHeader}\``;
  if (!keyOptional) return `${where}${header}`;
  const signed = Object.keys(settingsFrom?.({}, false) ?? {}).includes('accessKeyId');
  return `${where}; where it is not set, ${signed ? 'the keys of AWS that sign requests' : 'none is sent'}`;
}

const ELSEWHERE = 'goes to another target of the model, or is refused with 400 `unsupported_parameter`';

/** How each capability shows; undefined where there is nothing to tell. */
const CAPABILITY_LINES: {
  readonly [Name in keyof Capabilities]-?: (
    value: NonNullable<Capabilities[Name]>,
  ) => string | readonly string[] | undefined;
} = {
  endpoints: (endpoints) => `Only ${endpoints.join(' and ')}; any other endpoint ${ELSEWHERE}`,
  n: (how) =>
    how === 'emulated'
      ? '`n` above 1: as many calls at once, merged by index'
      : how === 'unsupported'
        ? `\`n\` above 1 ${ELSEWHERE}`
        : undefined,
  tools: lacking('`tools`'),
  parallelToolCalls: lacking('`parallel_tool_calls: true`'),
  forcedTools: (has) =>
    has
      ? undefined
      : 'A `tool_choice` that asks for a call has no force, and is named in `x-spillway-dropped`',
  logprobs: lacking('`logprobs`'),
  structuredOutputs: lacking('`response_format` of the type `json_schema`'),
  images: lacking('An image'),
  audio: lacking('Audio'),
  files: lacking('A file'),
  developerRole: (has) => (has ? undefined : 'The role `developer` becomes `system`'),
  thoughts: (names) => {
    const others = THOUGHT_NAMES.filter((name) => !names.includes(name)).map((name) => `\`${name}\``);
    return others.length === 0 ? undefined : `Left out of earlier messages: ${others.join(', ')}`;
  },
  maxTokens: (known) => {
    const other = known === 'max_tokens' ? 'max_completion_tokens' : 'max_tokens';
    return `\`${other}\` becomes \`${known}\``;
  },
  dimensions: (has) => (has === true ? undefined : `\`dimensions\` ${ELSEWHERE}`),
  embeddingBatch: (most) => `Embeddings: at most ${most} inputs a call; more are sent in several`,
  parameters: (rules) => {
    const named = (rule: 'drop' | 'refuse') =>
      Object.keys(rules)
        .filter((member) => rules[member] === rule)
        .map((member) => `\`${member}\``)
        .join(', ');
    const [dropped, refused] = [named('drop'), named('refuse')];
    return [
      ...(dropped === '' ? [] : [`Left out, and named in \`x-spillway-dropped\`: ${dropped}`]),
      ...(refused === '' ? [] : [`A request with one of these ${ELSEWHERE}: ${refused}`]),
    ];
  },
};

function lacking(what: string): (has: boolean) => string | undefined {
  return (has) => (has ? undefined : `${what} ${ELSEWHERE}`);
}

function capabilityLines(capabilities: Capabilities): readonly string[] {
  return Object.entries(CAPABILITY_LINES).flatMap(([name, line]) => {
    const value: unknown = Reflect.get(capabilities, name);
    return value === undefined ? [] : ((line as (value: unknown) => string | readonly string[])(value) ?? []);
  });
}

function quirkLines(provider: ReturnType<typeof writtenOut>): readonly string[] {
  if (provider.kind !== 'openai-compatible') return [];
  const { quirks, defaults = {} } = provider;
  const added = Object.entries(defaults).map(
    ([name, value]) => `A chat or completion without \`${name}\` gets \`${JSON.stringify(value)}\``,
  );
  return [
    ...(quirks.stopInText
      ? ['The stop word that ended an answer is taken off its text, in streams too']
      : []),
    ...(quirks.usageUnasked ? ['`stream_options` are not sent: it gives the usage of a stream unasked'] : []),
    ...(quirks.listsOthers
      ? [
          'Its list of models is not read: name what it serves under `models`, or ask for `<provider>/<model>`',
        ]
      : []),
    ...added,
  ];
}
