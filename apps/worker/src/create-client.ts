import type { BrokerLog } from '#broker/connection.js';
import type { BedrockConfig, DemoConfig, ProviderConfig } from '#core/config/schema.js';
import { resolveSecret, type SecretRef } from '#core/config/secret.js';
import type { Env } from '#core/config/template.js';
import { createProvider } from '#providers/create-provider.js';
import type { Provider } from '#providers/provider.js';

/** The client of one configured provider, its secrets resolved; undefined where one of them is not set. */
export function createClient(
  name: string,
  provider: ProviderConfig,
  context: ClientContext,
): Provider | undefined {
  if (provider.kind === 'demo') return createProvider({ kind: 'demo' });
  const { env, log } = context;
  const headers = resolveAll(provider.headers, env);
  const keys = resolveAll(keysOf(provider), env);
  if (!headers || !keys) return undefined;
  const shared = { name, headers, environment: env };
  const { apiKey = '' } = keys;
  switch (provider.kind) {
    case 'openai-compatible': {
      const { kind, baseUrl, defaults, healthPath, quirks } = provider;
      const { stopInText, usageUnasked } = quirks;
      const more = { defaults, healthPath, stopInText, usageUnasked };
      return createProvider({ kind, baseUrl, ...shared, ...keys, ...more });
    }
    case 'ollama': {
      const { kind, baseUrl, location, coldStartMs, pull, keepAlive, options, think, truncate } = provider;
      const defaults = { keepAlive, options, think, truncate };
      return createProvider({
        kind,
        baseUrl,
        location,
        coldStartMs,
        pull,
        ...shared,
        ...keys,
        defaults,
        log,
      });
    }
    case 'anthropic':
    case 'gemini':
    case 'bedrock': {
      const { baseUrl, maxTokens, providerOptions } = provider;
      const account =
        provider.kind === 'bedrock'
          ? { kind: provider.kind, region: provider.region, ...keys }
          : { kind: provider.kind, apiKey };
      return createProvider({
        ...{ ...shared, ...account, baseUrl, maxTokens, providerOptions },
        warn: (warning) => log.warn(warning, 'the provider does not take a setting of a request'),
      });
    }
  }
}

interface ClientContext {
  readonly env: Env;
  readonly log: BrokerLog;
}

/** Its secrets by the name of their setting. */
function keysOf(provider: Exclude<ProviderConfig, DemoConfig>): Readonly<Record<string, SecretRef>> {
  const { apiKey } = provider;
  const { accessKeyId, secretAccessKey, sessionToken } =
    provider.kind === 'bedrock' ? provider : ({} as Partial<BedrockConfig>);
  return {
    ...(apiKey && { apiKey }),
    ...(accessKeyId && { accessKeyId }),
    ...(secretAccessKey && { secretAccessKey }),
    ...(sessionToken && { sessionToken }),
  };
}

/** Undefined where one of them is not set. */
function resolveAll(refs: Readonly<Record<string, SecretRef>>, env: Env): Record<string, string> | undefined {
  const values: Record<string, string> = {};
  for (const [name, ref] of Object.entries(refs)) {
    const resolved = resolveSecret(ref, env);
    if (resolved.kind === 'missing') return undefined;
    values[name] = resolved.value;
  }
  return values;
}
