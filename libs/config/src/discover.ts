import { isOwnAddress } from '#core/config/own-address.js';
import { literal, presetAddress, presetKey } from '#core/config/preset-environment.js';
import { PRESET_NAMES, presetOf, type Preset, type PresetName } from '#core/config/presets.js';
import { readSet } from '#core/config/read-set.js';
import type { Location } from '#core/target.js';
import type { Environment } from './environment.js';

/** A configuration made without a file: the tree as a file would have it, and where its providers come from. */
export interface Discovered {
  readonly tree: { readonly providers: Readonly<Record<string, DiscoveredProvider>> };
  readonly services: readonly DiscoveredService[];
}

/** A provider as a file would have it. */
export type DiscoveredProvider =
  | {
      readonly preset: PresetName;
      readonly location?: Location;
      readonly fallbackModel?: string;
      readonly optional?: true;
    }
  | { readonly kind: 'demo'; readonly optional: true };

/** Why a provider is in a configuration that has no file. */
export type DiscoveredService = { readonly name: string } & (
  | {
      readonly by: 'key';
      readonly preset: PresetName;
      readonly variable: string;
      /** Only where it is not the preset's own. */
      readonly baseUrl?: string;
      readonly fallbackModel?: string;
    }
  /** It may run there; whether it does, its worker finds out, and goes on looking. */
  | {
      readonly by: 'address';
      readonly preset: PresetName;
      readonly baseUrl: string;
      readonly location: Location;
      /** Where its key is, if it has one. */
      readonly keyVariable?: string;
    }
  | { readonly by: 'nothing-else' }
);

interface Entry {
  readonly service: DiscoveredService;
  readonly provider: DiscoveredProvider;
}

/** Of `server.port`. */
const DEFAULT_PORT = '4100';

const DEMO: Entry = {
  service: { name: 'demo', by: 'nothing-else' },
  provider: { kind: 'demo', optional: true },
};

/**
 * What can be served without a file: model servers at their usual addresses, as far as they answer; the cloud accounts
 * whose keys are set; and the built-in demo for as long as there is none of them. Says what to look for and asks
 * nobody, so that api and worker come to the same.
 *
 * Addresses of accounts come from the table of presets, or from a variable of our own: `OPENAI_BASE_URL` is a client's
 * setting and may point back at this broker.
 */
export function discoverConfig(environment: Environment): Discovered {
  const found = PRESET_NAMES.filter((name) => presetOf(name).found !== undefined);
  const isServer = (name: PresetName) => presetOf(name).location === 'local';
  const locals = found.filter(isServer).flatMap((name) => findServer(name, environment));
  const accounts = found.filter((name) => !isServer(name)).flatMap((name) => findAccount(name, environment));
  const rest: Entry[] = accounts.length > 0 ? [] : [DEMO];
  const entries = [...locals, ...accounts, ...rest];
  return {
    tree: { providers: Object.fromEntries(entries.map(({ service, provider }) => [service.name, provider])) },
    services: entries.map(({ service }) => service),
  };
}

function findServer(preset: PresetName, { variables, port: own = DEFAULT_PORT }: Environment): Entry[] {
  const service = presetOf(preset);
  const address = presetAddress(service, variables);
  // Else this broker would find itself.
  if (address === undefined || isUsual(service, address.url, own)) return [];
  const { url: baseUrl } = address;
  const isForeign = URL.canParse(baseUrl) && !isOwnAddress(new URL(baseUrl).hostname);
  const location = isForeign ? 'cloud' : 'local';
  const keyVariable = presetKey(service, variables);
  const name = service.found?.as ?? preset;
  return [
    {
      service: { name, by: 'address', preset, baseUrl, location, ...(keyVariable && { keyVariable }) },
      provider: { preset, location, optional: true },
    },
  ];
}

/** Is this where it would be by itself, and at the port where this broker listens? */
function isUsual({ baseUrl }: Preset, url: string, port: string): boolean {
  return url === baseUrl && new URL(url).port === port;
}

function findAccount(preset: PresetName, { variables, cloudFallback }: Environment): Entry[] {
  const service = presetOf(preset);
  const variable = service.keys.find((key) => readSet(variables, key) !== undefined);
  const address = presetAddress(service, variables);
  if (variable === undefined || address === undefined) return [];
  const asked = readSet(variables, service.baseUrlVariable);
  const own = readSet(variables, fallbackVariable(preset));
  const fallbackModel = cloudFallback ? (own ?? service.found?.fallbackModel) : undefined;
  return [
    {
      service: {
        ...{ name: service.found?.as ?? preset, by: 'key', preset, variable },
        ...(asked !== undefined && { baseUrl: asked }),
        ...(fallbackModel !== undefined && { fallbackModel }),
      },
      provider: {
        preset,
        ...(fallbackModel !== undefined && { fallbackModel: literal(fallbackModel) }),
      },
    },
  ];
}

function fallbackVariable(name: string): string {
  return `SPILLWAY_${name.toUpperCase().replaceAll('-', '_')}_FALLBACK_MODEL`;
}
