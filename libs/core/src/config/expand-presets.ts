import { isMap } from './is-map.js';
import { isOwnAddress, UNKNOWN_LOCATION } from './own-address.js';
import { presetAddress, presetKey } from './preset-environment.js';
import { isPresetName, PRESET_NAMES, presetOf, type Preset } from './presets.js';
import type { ConfigPath, PathProblem } from './problem.js';
import { readSet } from './read-set.js';
import { didYouMean } from './suggest.js';
import { parseTemplate, renderTemplate, type Env } from './template.js';

export interface Expanded {
  /** The tree with every preset written out. */
  readonly tree: unknown;
  readonly problems: readonly PathProblem[];
}

/**
 * Writes out `preset: <name>` of every provider: what the preset stands for, under what the file itself says. Secrets
 * stay references, since only `env`'s names are looked at, and never the value of a key.
 */
export function expandPresets(tree: unknown, env: Env): Expanded {
  const providers = isMap(tree) ? tree['providers'] : undefined;
  if (!isMap(tree) || !isMap(providers)) return { tree, problems: [] };
  const problems: PathProblem[] = [];
  const expanded = Object.entries(providers).map(([name, provider]) => {
    const result = expandProvider(provider, env);
    for (const { path, message } of result.problems) {
      problems.push({ path: ['providers', name, ...path], message });
    }
    return [name, result.tree] as const;
  });
  return { tree: { ...tree, providers: Object.fromEntries<unknown>(expanded) }, problems };
}

type Settings = Readonly<Record<string, unknown>>;

function expandProvider(provider: unknown, env: Env): Expanded {
  if (!isMap(provider) || provider['preset'] === undefined) return { tree: provider, problems: [] };
  const { preset: name, resource, kind, apiKey, ...written } = provider;
  if (typeof name !== 'string' || !isPresetName(name)) {
    // Without its preset nothing in it makes sense: one problem is enough, and the name stays known.
    return { tree: { kind: 'demo' }, problems: [problem(['preset'], unknownPreset(name))] };
  }
  const preset = presetOf(name);
  const problems: PathProblem[] = [];
  if (kind !== undefined && kind !== preset.kind) {
    problems.push(problem(['kind'], `the preset ${name} is of the kind ${preset.kind}; remove this line`));
  }
  const fault = resourceFault(name, preset, resource ?? namedResource(preset, env, written['baseUrl']), env);
  if (fault !== undefined) problems.push(problem(['resource'], fault));
  const address = presetAddress(preset, env, typeof resource === 'string' ? resource : undefined);
  const baseUrl = written['baseUrl'] ?? address?.text;
  if (baseUrl === undefined && preset.resource && resource === undefined) {
    problems.push(problem(['baseUrl'], addressMissing(name, preset)));
  }
  const location = written['location'] ?? (isElsewhere(preset, baseUrl, env) ? undefined : preset.location);
  if (location === undefined) problems.push(problem(['location'], UNKNOWN_LOCATION));
  const signs = written['accessKeyId'] !== undefined;
  const filled: Settings = {
    kind: preset.kind,
    ...(location !== undefined && { location }),
    ...(baseUrl !== undefined && { baseUrl }),
    ...preset.settings,
    ...preset.settingsFrom?.(env, apiKey !== undefined || signs),
    ...credential(preset, apiKey, signs ? { authorization: '' } : written['headers'], env),
  };
  return { tree: mergeMaps(filled, written), problems };
}

/** The key where the service takes it, unless the file sends another credential. */
function credential({ keyHeader, ...preset }: Preset, apiKey: unknown, headers: unknown, env: Env): Settings {
  const sent = Object.keys(isMap(headers) ? headers : {}).map((header) => header.toLowerCase());
  const isSent = sent.includes('authorization') || (keyHeader !== undefined && sent.includes(keyHeader));
  const variable = isSent ? undefined : presetKey(preset, env);
  const key = apiKey ?? (variable === undefined ? undefined : `\${${variable}}`);
  if (key === undefined) return {};
  return keyHeader === undefined ? { apiKey: key } : { headers: { [keyHeader]: key } };
}

/** A server that is somewhere on the internet must not count as local by a default. */
function isElsewhere(preset: Preset, baseUrl: unknown, env: Env): boolean {
  if (preset.location === 'cloud' || typeof baseUrl !== 'string') return false;
  const template = parseTemplate(baseUrl);
  const rendered = template.ok ? renderTemplate(template.parts, env) : undefined;
  if (!rendered?.ok || !URL.canParse(rendered.value)) return false;
  return !isOwnAddress(new URL(rendered.value).hostname);
}

function unknownPreset(name: unknown): string {
  const known = PRESET_NAMES.join(', ');
  if (typeof name !== 'string') return `expected the name of a preset; the known ones are ${known}`;
  const hint = didYouMean(name, PRESET_NAMES);
  return `there is no preset ${JSON.stringify(name)}${hint === '' ? `; the known ones are ${known}` : hint}`;
}

/** What stands in the variable for it, where that names the address. */
function namedResource(
  { resource, baseUrlVariable }: Preset,
  env: Env,
  baseUrl: unknown,
): string | undefined {
  if (!resource || baseUrl !== undefined || readSet(env, baseUrlVariable) !== undefined) return undefined;
  return readSet(env, resource.variable);
}

/** It is part of a host name: anything else in it could lead the key to another host. */
function resourceFault(name: string, { resource }: Preset, written: unknown, env: Env): string | undefined {
  if (written === undefined) return undefined;
  if (!resource) return `the preset ${name} has no resources; remove this line`;
  const template = typeof written === 'string' ? parseTemplate(written) : undefined;
  const rendered = template?.ok ? renderTemplate(template.parts, env) : undefined;
  // A variable that is not set is told of where the address is read.
  if (template?.ok && !rendered?.ok) return undefined;
  if (rendered?.ok && /^[A-Za-z0-9-]+$/.test(rendered.value)) return undefined;
  return `expected the <name> of ${resource.before}<name>${resource.after}`;
}

function addressMissing(name: string, { resource, baseUrlVariable }: Preset): string {
  const others = resource ? `write \`resource\`, or set ${resource.variable}; or write` : 'write';
  return `the preset ${name} does not know its address: ${others} \`baseUrl\`, or set ${baseUrlVariable}`;
}

/** Member by member, and so within maps; what the file says wins. */
function mergeMaps(preset: Settings, written: Settings): Settings {
  const merged = Object.entries(written).map(([name, value]) => {
    const before = Object.hasOwn(preset, name) ? preset[name] : undefined;
    return [name, isMap(before) && isMap(value) ? mergeMaps(before, value) : value] as const;
  });
  return Object.fromEntries([...Object.entries(preset), ...merged]);
}

function problem(path: ConfigPath, message: string): PathProblem {
  return { path, message };
}
