import type { Preset } from './presets.js';
import { readSet } from './read-set.js';
import type { Env } from './template.js';

/** The service's address by the environment or the table, and as text for a file; undefined where neither says. */
export function presetAddress(
  preset: Preset,
  env: Env,
  resource?: string,
): { readonly url: string; readonly text: string } | undefined {
  const asked = readSet(env, preset.baseUrlVariable);
  if (asked !== undefined) return { url: asked, text: `\${${preset.baseUrlVariable}}` };
  const named = preset.resource && addressOfResource(preset.resource, env, resource);
  const url = named ?? preset.addressFrom?.(env) ?? preset.baseUrl;
  return url === undefined ? undefined : { url, text: named === undefined ? literal(url) : url };
}

/** What a `resource` in the file says may hold variables itself. */
function addressOfResource(
  { before, after, variable }: NonNullable<Preset['resource']>,
  env: Env,
  written: string | undefined,
): string | undefined {
  const name = written ?? (readSet(env, variable) === undefined ? undefined : `\${${variable}}`);
  return name === undefined ? undefined : `${before}${name}${after}`;
}

/** The variable that holds the key; the first of them where none is set, and undefined where it needs none. */
export function presetKey({ keys, keyOptional }: Preset, env: Env): string | undefined {
  const found = keys.find((key) => readSet(env, key) !== undefined);
  return found ?? (keyOptional ? undefined : keys[0]);
}

/** Text for a file in which nothing is a variable. */
export function literal(text: string): string {
  return text.replaceAll('${', '$${');
}
