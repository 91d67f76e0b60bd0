/** What Ollama adds to a name that does not say it, and leaves out of its lists. */
const DEFAULTS = /^(?:[a-z]+:\/\/)?(?:registry\.ollama\.ai\/)?library\/(?=[^/]+$)/;

/**
 * Two names of one model are equal in this form: Ollama takes `Llama3.2` and `registry.ollama.ai/library/llama3.2` for
 * `llama3.2:latest`.
 */
export function normalizeName(name: string): string {
  const lower = name.toLowerCase().replace(DEFAULTS, '');
  return lower.slice(lower.lastIndexOf('/') + 1).includes(':') ? lower : `${lower}:latest`;
}

/** Does the name say that the model runs at Ollama's own cloud, though a local server offers it? */
export function isCloudName(name: string): boolean {
  const normal = normalizeName(name);
  const tag = normal.slice(normal.lastIndexOf(':') + 1);
  return tag === 'cloud' || tag.endsWith('-cloud');
}

/** Is it one of Ollama's own library, and not of a host that the name itself says? */
export function isOfLibrary(name: string): boolean {
  const parts = name.split('/');
  return parts.length <= 2 && !/[.:]/.test(parts.length === 2 ? (parts[0] ?? '') : '');
}
