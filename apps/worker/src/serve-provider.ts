import type { LoadedConfig } from '#config/load-config.js';
import { mergeCapabilities } from '#core/capabilities.js';
import { effectiveTimeouts } from '#core/config/timeouts.js';
import type { ProviderConfig } from '#core/config/schema.js';
import { resolveSecret, type SecretRef } from '#core/config/secret.js';
import type { Env } from '#core/config/template.js';
import { createProvider } from '#providers/create-provider.js';
import type { Provider } from '#providers/provider.js';
import { ServedProvider, type ServedProviderOptions } from './served-provider.js';

/** Builds what serves one configured provider; the only place where its secrets are resolved. */
export function serveProvider(
  name: string,
  { loaded, log, announce }: { loaded: LoadedConfig } & Pick<ServedProviderOptions, 'log' | 'announce'>,
): ServedProvider {
  const { config, environment } = loaded;
  const provider = config.providers[name];
  if (!provider) throw new RangeError(`There is no provider "${name}" in the configuration.`);
  const { kind, location, concurrency } = provider;
  const capabilities = mergeCapabilities(provider.capabilities);
  return new ServedProvider({
    name,
    kind,
    location,
    concurrency,
    optional: provider.optional ?? false,
    ...modelsOf(provider),
    timeoutsOf: (target) => effectiveTimeouts(config, target),
    ...(capabilities && { capabilities }),
    client: clientOf(name, provider, environment.variables),
    log,
    announce,
  });
}

/** What it offers by the configuration: all there is to know of an upstream whose own list says something else. */
function modelsOf(provider: ProviderConfig): { readonly models?: readonly string[] } {
  if (provider.kind === 'demo') return {};
  const models = provider.models ?? (provider.quirks.listsOthers ? [] : undefined);
  return models ? { models } : {};
}

/** Undefined where a secret is not set. */
function clientOf(name: string, provider: ProviderConfig, env: Env): Provider | undefined {
  if (provider.kind === 'demo') return createProvider({ kind: 'demo' });
  const apiKey = provider.apiKey && resolveSecret(provider.apiKey, env);
  const headers = resolveHeaders(provider.headers, env);
  if (apiKey?.kind === 'missing' || !headers) return undefined;
  return createProvider({
    kind: provider.kind,
    name,
    baseUrl: provider.baseUrl,
    headers,
    ...(apiKey && { apiKey: apiKey.value }),
    ...{ defaults: provider.defaults, healthPath: provider.healthPath },
    ...{ stopInText: provider.quirks.stopInText, usageUnasked: provider.quirks.usageUnasked },
    environment: env,
  });
}

function resolveHeaders(
  refs: Readonly<Record<string, SecretRef>>,
  env: Env,
): Record<string, string> | undefined {
  const headers: Record<string, string> = {};
  for (const [header, ref] of Object.entries(refs)) {
    const resolved = resolveSecret(ref, env);
    if (resolved.kind === 'missing') return undefined;
    headers[header] = resolved.value;
  }
  return headers;
}
