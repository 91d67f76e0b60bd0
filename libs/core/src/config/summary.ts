import type { BedrockConfig, Config } from './schema.js';
import { resolveSecret, type SecretRef } from './secret.js';
import type { Env } from './template.js';

/** What a configuration holds, safe to print: names and counts, no key, no URL. */
export interface ConfigSummary {
  readonly providers: readonly {
    readonly name: string;
    readonly kind: string;
    readonly location: string;
    readonly concurrency: number;
    /** It exists only while it is there. */
    readonly optional: boolean;
    /** The model with which it stands in for local ones. */
    readonly fallbackModel?: string;
    /** `none`: the provider needs no secret by this file. `variable`: the first one that is not set here. */
    readonly credential:
      { readonly state: 'set' | 'none' } | { readonly state: 'missing'; readonly variable: string };
  }[];
  readonly models: readonly { readonly id: string; readonly targets: readonly string[] }[];
  readonly applications: readonly {
    readonly name: string;
    readonly keys: number;
    /** What it may ask for; absent: everything. */
    readonly models?: readonly string[];
  }[];
}

export function summarizeConfig(config: Config, env: Env): ConfigSummary {
  return {
    providers: Object.entries(config.providers).map(([name, provider]) => ({
      name,
      kind: provider.kind,
      location: provider.location,
      concurrency: provider.concurrency,
      optional: 'optional' in provider && provider.optional,
      ...(provider.kind !== 'demo' && provider.fallbackModel !== undefined
        ? { fallbackModel: provider.fallbackModel }
        : {}),
      credential: credentialOf(providerSecrets(provider), env),
    })),
    models: Object.entries(config.models).map(([id, { targets }]) => ({
      id,
      targets: targets.map(({ provider, model }) => `${provider}/${model}`),
    })),
    applications: Object.entries(config.applications).map(([name, { apiKeys, models }]) => ({
      name,
      keys: apiKeys.length,
      ...(models === undefined ? {} : { models }),
    })),
  };
}

function providerSecrets(provider: Config['providers'][string]): readonly SecretRef[] {
  if (provider.kind === 'demo') return [];
  const { accessKeyId, secretAccessKey, sessionToken } =
    provider.kind === 'bedrock' ? provider : ({} as Partial<BedrockConfig>);
  const keys = [provider.apiKey, accessKeyId, secretAccessKey, sessionToken];
  return [...keys.filter((key) => key !== undefined), ...Object.values(provider.headers)];
}

function credentialOf(
  secrets: readonly SecretRef[],
  env: Env,
): ConfigSummary['providers'][number]['credential'] {
  if (secrets.length === 0) return { state: 'none' };
  for (const secret of secrets) {
    const resolved = resolveSecret(secret, env);
    if (resolved.kind === 'missing') return { state: 'missing', variable: resolved.variable };
  }
  return { state: 'set' };
}

/** The summary as lines: what `spillway check` prints after a file without problems. */
export function formatSummary(summary: ConfigSummary): string[] {
  const { providers, models, applications } = summary;
  return [
    counted(providers.length, 'provider', 'providers'),
    ...providers.map(
      ({ name, kind, location, concurrency, optional, fallbackModel, credential }) =>
        `  ${name} (${kind}, ${location}, ${concurrency} at once${optional ? ', optional' : ''}${credentialText(credential)})` +
        (fallbackModel === undefined ? '' : `; stands in for local models with ${fallbackModel}`),
    ),
    counted(models.length, 'model', 'models'),
    ...models.map(({ id, targets }) => `  ${id} -> ${targets.join(', then ')}`),
    applications.length === 0
      ? 'no applications: any key is accepted'
      : counted(applications.length, 'application', 'applications'),
    ...applications.map(
      ({ name, keys, models: only }) =>
        `  ${name} (${counted(keys, 'key', 'keys')}${only === undefined ? '' : `, only ${only.join(', ')}`})`,
    ),
  ];
}

function credentialText(credential: ConfigSummary['providers'][number]['credential']): string {
  switch (credential.state) {
    case 'none':
      return '';
    case 'set':
      return ', credential set';
    case 'missing':
      return `, credential missing${credential.variable === '' ? '' : `: ${credential.variable} is not set`}`;
  }
}

function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}
