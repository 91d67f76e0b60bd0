import type { Env } from '#core/config/template.js';
import type { Location } from '#core/target.js';
import type { Environment } from './environment.js';
import { isOwnAddress } from './own-address.js';
import { CLOUD_SERVICES, LOCAL_SERVICES, type CloudService, type LocalService } from './services.js';

/** A configuration made without a file: the tree as a file would have it, and where its providers come from. */
export interface Discovered {
  readonly tree: { readonly providers: Readonly<Record<string, DiscoveredProvider>> };
  readonly services: readonly DiscoveredService[];
}

/** A provider as a file would have it; its secrets are references. */
export interface DiscoveredProvider {
  readonly kind: 'openai-compatible' | 'demo';
  readonly location?: Location;
  readonly baseUrl?: string;
  readonly apiKey?: string;
  readonly models?: readonly string[];
  readonly fallbackModel?: string;
  readonly optional?: true;
  readonly timeouts?: { readonly firstTokenMs: number };
}

/** Why a provider is in a configuration that has no file. */
export type DiscoveredService = { readonly name: string } & (
  | {
      readonly by: 'key';
      readonly variable: string;
      readonly baseUrl: string;
      readonly models?: readonly string[];
      readonly fallbackModel?: string;
    }
  /** It may run there; whether it does, its worker finds out, and goes on looking. */
  | {
      readonly by: 'address';
      readonly baseUrl: string;
      readonly location: Location;
      /** Where its key is, if it has one. */
      readonly keyVariable?: string;
    }
  | { readonly by: 'nothing-else' }
);

/** Of `server.port`. */
const DEFAULT_PORT = '4100';

/** Own boxes load a model on its first call. */
const LOCAL_FIRST_TOKEN_MS = 120_000;

/**
 * What can be served without a file: model servers at their usual addresses, as far as they answer; the cloud accounts
 * whose keys are set; and the built-in demo for as long as there is none of them. Says what to look for and asks
 * nobody, so that api and worker come to the same.
 *
 * Addresses of accounts come from our table, or from a variable of our own: `OPENAI_BASE_URL` is a client's setting and
 * may point back at this broker.
 */
export function discoverConfig(environment: Environment): Discovered {
  const locals = LOCAL_SERVICES.flatMap((service) => findServer(service, environment));
  const accounts = CLOUD_SERVICES.flatMap((service) => findAccount(service, environment));
  const rest: Entry[] = accounts.length > 0 ? [] : [DEMO];
  const entries = [...locals, ...accounts, ...rest];
  return {
    tree: { providers: Object.fromEntries(entries.map(({ service, provider }) => [service.name, provider])) },
    services: entries.map(({ service }) => service),
  };
}

function findServer(
  { name, variable, keyVariable, port }: LocalService,
  { variables, port: own = DEFAULT_PORT }: Environment,
): Entry[] {
  const host = name === 'ollama' ? ollamaUrl(read(variables, 'OLLAMA_HOST')) : undefined;
  const asked = read(variables, variable) ?? host;
  const baseUrl = asked ?? `http://127.0.0.1:${port}/v1`;
  // Else this broker would find itself.
  if (asked === undefined && String(port) === own) return [];
  const isForeign = URL.canParse(baseUrl) && !isOwnAddress(new URL(baseUrl).hostname);
  const location = isForeign ? 'cloud' : 'local';
  const hasKey = read(variables, keyVariable) !== undefined;
  const provider: DiscoveredProvider = {
    kind: 'openai-compatible',
    location,
    baseUrl,
    ...(hasKey && { apiKey: `\${${keyVariable}}` }),
    optional: true,
    timeouts: { firstTokenMs: LOCAL_FIRST_TOKEN_MS },
  };
  return [{ service: { name, by: 'address', baseUrl, location, ...(hasKey && { keyVariable }) }, provider }];
}

function findAccount(
  { name, variables: keys, baseUrl, fallbackModel, models }: CloudService,
  { variables, cloudFallback }: Environment,
): Entry[] {
  const variable = keys.find((key) => read(variables, key) !== undefined);
  if (variable === undefined) return [];
  const model = read(variables, ownVariable(name, 'FALLBACK_MODEL')) ?? fallbackModel;
  const shared = {
    baseUrl: read(variables, ownVariable(name, 'BASE_URL')) ?? baseUrl,
    ...(models && { models }),
    ...(cloudFallback && { fallbackModel: model }),
  };
  const apiKey = `\${${variable}}`;
  return [
    {
      service: { name, by: 'key', variable, ...shared },
      provider: { kind: 'openai-compatible', location: 'cloud', apiKey, ...shared },
    },
  ];
}

/** Text for a configuration: what stands in a variable is not looked into again. */
function read(variables: Env, name: string): string | undefined {
  const value = variables[name]?.trim() ?? '';
  return value === '' ? undefined : value.replaceAll('${', '$${');
}

interface Entry {
  readonly service: DiscoveredService;
  readonly provider: DiscoveredProvider;
}

const DEMO: Entry = {
  service: { name: 'demo', by: 'nothing-else' },
  provider: { kind: 'demo', optional: true },
};

/** `SPILLWAY_OPENAI_BASE_URL` and the like. */
function ownVariable(name: string, setting: string): string {
  return `SPILLWAY_${name.toUpperCase().replaceAll('-', '_')}_${setting}`;
}

const OLLAMA_PORT = 11434;

/**
 * The API's root from `OLLAMA_HOST`, which Ollama's server and client share: `[scheme://]host[:port]`, each part
 * optional. A server that listens everywhere is reached on loopback.
 */
export function ollamaUrl(host: string | undefined): string | undefined {
  if (host === undefined) return undefined;
  const [, scheme = '', rest = ''] = /^(?:(https?):\/\/)?(.*)$/i.exec(host) ?? [];
  const named = /^(:|$)/.test(rest) ? `127.0.0.1${rest}` : rest;
  const text = `${scheme === '' ? 'http' : scheme}://${named}`;
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  const port = url.port || /:(80|443)\/*$/.exec(named)?.[1] || (scheme === '' ? OLLAMA_PORT : '');
  const name = ['0.0.0.0', '[::]'].includes(url.hostname) ? '127.0.0.1' : url.hostname;
  return `${url.protocol}//${name}${port === '' ? '' : `:${port}`}${url.pathname.replace(/\/+$/, '')}/v1`;
}
