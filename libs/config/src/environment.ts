import type { Env } from '#core/config/template.js';

/** What the environment says, typed. Empty variables are as unset ones: containers pass unset variables on as empty. */
export interface Environment {
  /** Every variable, for `${NAME}` and `resolveSecret`. Not enumerable: a logged `Environment` must show no secret. */
  readonly variables: Env;
  /** SPILLWAY_CONFIG: path of the configuration file. Default: `spillway.yaml` in the working directory, if there. */
  readonly configPath?: string;
  /** HOST, PORT and REDIS_URL, which win over the file; still text, checked with the file. */
  readonly host?: string;
  readonly port?: string;
  readonly redisUrl?: string;
  /** SPILLWAY_WORKER_PROVIDERS, separated by commas: what a worker serves. Default: every provider of its file. */
  readonly workerProviders?: readonly string[];
  /** SPILLWAY_ALLOW_NO_AUTH=1: the api may be reached from other machines without any key. */
  readonly allowNoAuth: boolean;
  /** SPILLWAY_HEARTBEAT_FILE: a file that a worker writes anew with every heartbeat, for healthchecks. */
  readonly heartbeatFile?: string;
  /** False: SPILLWAY_CLOUD_FALLBACK=0; without a file no cloud account takes over a local model's request. */
  readonly cloudFallback: boolean;
  /** SPILLWAY_ALLOW_VOLATILE=1: a Redis that forgets or evicts is accepted; accepted requests may then be lost. */
  readonly allowVolatile: boolean;
}

/** The only place of the project that reads the environment. `variables` is given by tests. */
export function readEnvironment(variables: Env = process.env): Environment {
  const all = { ...variables };
  const providers = set(all, 'SPILLWAY_WORKER_PROVIDERS')
    ?.split(/[\s,]+/)
    .filter((name) => name !== '');
  const environment = {
    ...named('configPath', set(all, 'SPILLWAY_CONFIG')),
    ...named('host', set(all, 'HOST')),
    ...named('port', set(all, 'PORT')),
    ...named('redisUrl', set(all, 'REDIS_URL')),
    ...named('workerProviders', providers),
    ...named('heartbeatFile', set(all, 'SPILLWAY_HEARTBEAT_FILE')),
    cloudFallback: !isOff(set(all, 'SPILLWAY_CLOUD_FALLBACK')),
    allowNoAuth: isOn(set(all, 'SPILLWAY_ALLOW_NO_AUTH')),
    allowVolatile: isOn(set(all, 'SPILLWAY_ALLOW_VOLATILE')),
  };
  return Object.defineProperty(environment, 'variables', { value: all }) as typeof environment & {
    variables: Env;
  };
}

function set(variables: Env, name: string): string | undefined {
  const value = variables[name]?.trim();
  return value === '' ? undefined : value;
}

function named<Name extends string, Value>(
  name: Name,
  value: Value | undefined,
): { readonly [K in Name]?: Value } {
  return value === undefined ? {} : ({ [name]: value } as { readonly [K in Name]: Value });
}

/** Anything but a clear yes is no: these switches take protection away. */
function isOn(value: string | undefined): boolean {
  return value === '1' || value?.toLowerCase() === 'true';
}

/** Any try at a no is one: this switch keeps prompts at home. */
function isOff(value: string | undefined): boolean {
  return value !== undefined && !isOn(value);
}
