import { isMap } from './is-map.js';
import { pathKey, type ConfigPath, type PathProblem } from './problem.js';
import { didYouMean } from './suggest.js';

/**
 * What the schema cannot see: names that must exist, and fallbacks that come back. Works on the tree before the
 * schema has, so that one run shows these problems together with all others; what has a wrong form is left to the
 * schema.
 */
export function checkReferences(tree: unknown, fromEnvironment: ReadonlySet<string>): PathProblem[] {
  const problems: PathProblem[] = [];
  const providers = member(tree, 'providers');
  const names = isMap(providers) ? Object.keys(providers) : providers === undefined ? [] : undefined;
  for (const [id, model] of entries(member(tree, 'models'))) {
    const targets = member(model, 'targets');
    if (!Array.isArray(targets)) continue;
    const path: ConfigPath = ['models', id, 'targets'];
    if (names) problems.push(...unknownProviders(targets, names, path, fromEnvironment));
    problems.push(...repeatedTargets(targets, id, path));
  }
  for (const [name, provider] of entries(providers)) {
    problems.push(...doubleCredential(name, provider), ...bedrockCredential(name, provider));
  }
  return problems;
}

function unknownProviders(
  targets: readonly unknown[],
  names: readonly string[],
  path: ConfigPath,
  fromEnvironment: ReadonlySet<string>,
): PathProblem[] {
  return targets.flatMap((target, index) => {
    const name = member(target, 'provider');
    if (typeof name !== 'string' || name === '' || names.includes(name)) return [];
    const place = [...path, index, 'provider'];
    if (fromEnvironment.has(pathKey(place))) {
      return [{ path: place, message: 'the environment names a provider that does not exist here' }];
    }
    const hint = didYouMean(name, names);
    const known = names.length === 0 ? '; `providers` is empty' : `; the known ones are ${names.join(', ')}`;
    return [
      { path: place, message: `there is no provider ${JSON.stringify(name)}${hint === '' ? known : hint}` },
    ];
  });
}

/** A fallback must lead somewhere new: the same provider and model again would fail again, and may be billed again. */
function repeatedTargets(targets: readonly unknown[], id: string, path: ConfigPath): PathProblem[] {
  const seen = new Map<string, number>();
  const problems: PathProblem[] = [];
  for (const [index, target] of targets.entries()) {
    const provider = member(target, 'provider');
    const model = member(target, 'model') ?? id;
    if (typeof provider !== 'string' || typeof model !== 'string') continue;
    const first = seen.get(pathKey([provider, model]));
    if (first === undefined) seen.set(pathKey([provider, model]), index);
    else {
      const message = `a fallback loop: the provider and model of targets[${first}] again; remove one of the two`;
      problems.push({ path: [...path, index], message });
    }
  }
  return problems;
}

function doubleCredential(name: string, provider: unknown): PathProblem[] {
  if (typeof member(provider, 'apiKey') !== 'string') return [];
  return entries(member(provider, 'headers'))
    .filter(([header]) => header.toLowerCase() === 'authorization')
    .map(([header]) => ({
      path: ['providers', name, 'headers', header],
      message: 'apiKey is sent as this header already; remove one of the two',
    }));
}

/** A key, or the two that sign: with less there is nothing to send. */
function bedrockCredential(name: string, provider: unknown): PathProblem[] {
  if (member(provider, 'kind') !== 'bedrock') return [];
  const has = (field: string) => member(provider, field) !== undefined;
  const path: ConfigPath = ['providers', name];
  if (!has('apiKey') && !has('accessKeyId') && !has('secretAccessKey')) {
    return [{ path, message: 'a credential is required: apiKey, or accessKeyId and secretAccessKey' }];
  }
  if (has('accessKeyId') !== has('secretAccessKey')) {
    return [{ path, message: 'accessKeyId and secretAccessKey belong together; add the other one' }];
  }
  if (has('apiKey') && has('accessKeyId')) {
    return [{ path, message: 'apiKey is used alone; remove it, or accessKeyId and secretAccessKey' }];
  }
  return [];
}

function member(value: unknown, name: string): unknown {
  return isMap(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

function entries(value: unknown): [string, unknown][] {
  return isMap(value) ? Object.entries(value) : [];
}
