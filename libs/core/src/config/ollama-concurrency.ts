import { isMap } from './is-map.js';
import type { Env } from './template.js';

/** Ollama's own variable: calls that one model takes at once. */
const VARIABLE = 'OLLAMA_NUM_PARALLEL';

/**
 * The tree with `concurrency: ${OLLAMA_NUM_PARALLEL}` in each Ollama that does not say how many calls it takes, where
 * that variable is set to a number; 0 leaves it to the server, and so to our own default.
 */
export function withOllamaConcurrency(tree: unknown, env: Env): unknown {
  const providers = isMap(tree) ? tree['providers'] : undefined;
  if (!isMap(tree) || !isMap(providers) || !/^\s*[1-9]\d{0,3}\s*$/.test(env[VARIABLE] ?? '')) return tree;
  const filled = Object.entries(providers).map(([name, provider]) => {
    const isMeant = isMap(provider) && provider['kind'] === 'ollama' && !('concurrency' in provider);
    return [name, isMeant ? { ...provider, concurrency: `\${${VARIABLE}}` } : provider] as const;
  });
  return { ...tree, providers: Object.fromEntries<unknown>(filled) };
}
