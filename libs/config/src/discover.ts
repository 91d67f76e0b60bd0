import type { Environment } from './environment.js';

/** A configuration made without a file: the tree as a file would have it, and the providers that were found. */
export interface Discovered {
  readonly tree: unknown;
  readonly providers: readonly string[];
}

/** Services that a key in the environment is enough for. */
const BY_KEY = [
  { name: 'openai', variable: 'OPENAI_API_KEY', baseUrl: 'https://api.openai.com/v1' },
] as const;

/**
 * What can be served without a file: the services whose keys are set, and only if there is none the built-in demo.
 * Base URLs come from this table alone; `OPENAI_BASE_URL` is a client's setting and may point back at this broker.
 */
export function discoverConfig({ variables }: Environment): Discovered {
  const found = BY_KEY.filter(({ variable }) => (variables[variable] ?? '').trim() !== '');
  const services = found.map(({ name, variable, baseUrl }) => {
    const provider: unknown = {
      kind: 'openai-compatible',
      location: 'cloud',
      baseUrl,
      apiKey: `\${${variable}}`,
    };
    return [name, provider] as const;
  });
  const providers = services.length > 0 ? Object.fromEntries(services) : { demo: { kind: 'demo' } };
  return { tree: { providers }, providers: Object.keys(providers) };
}
