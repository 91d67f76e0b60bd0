import type { LoadedConfig } from '#config/load-config.js';
import { mergeCapabilities } from '#core/capabilities.js';
import { effectiveTimeouts } from '#core/config/timeouts.js';
import type { ProviderConfig } from '#core/config/schema.js';
import { capabilitiesOfKind } from '#core/kind-capabilities.js';
import { createClient } from './create-client.js';
import { ServedProvider, type ServedProviderOptions } from './served-provider.js';

/** Builds what serves one configured provider; the only place where its secrets are used. */
export function serveProvider(
  name: string,
  { loaded, log, announce }: { loaded: LoadedConfig } & Pick<ServedProviderOptions, 'log' | 'announce'>,
): ServedProvider {
  const { config, environment } = loaded;
  const provider = config.providers[name];
  if (!provider) throw new RangeError(`There is no provider "${name}" in the configuration.`);
  const { kind, location, concurrency } = provider;
  const capabilities = mergeCapabilities(capabilitiesOfKind(kind), provider.capabilities);
  return new ServedProvider({
    name,
    kind,
    location,
    concurrency,
    optional: 'optional' in provider && provider.optional,
    ...modelsOf(provider),
    timeoutsOf: (target) => effectiveTimeouts(config, target),
    ...(capabilities && { capabilities }),
    client: createClient(name, provider, { env: environment.variables, log }),
    log,
    announce,
  });
}

/** What it offers by the configuration: all there is to know of an upstream whose own list says something else. */
function modelsOf(provider: ProviderConfig): { readonly models?: readonly string[] } {
  if (provider.kind === 'demo') return {};
  const listsOthers = provider.kind === 'openai-compatible' && provider.quirks.listsOthers;
  const models = provider.models ?? (listsOthers ? [] : undefined);
  return models ? { models } : {};
}
