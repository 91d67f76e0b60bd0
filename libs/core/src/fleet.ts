import type { Capabilities } from './capabilities.js';
import type { Health } from './health.js';
import type { Location } from './target.js';

/** `ok` also where the upstream needs none; `missing`: its environment variable is not set; `rejected`: 401 or 403. */
export type CredentialState = 'ok' | 'missing' | 'rejected';

/** What one worker says of one provider it serves, in every heartbeat. Unknown fields are ignored by readers. */
export interface ProviderAnnouncement {
  readonly name: string;
  readonly kind: string;
  readonly location: Location;
  /** Calls at once over all workers of the provider. */
  readonly concurrency: number;
  /** What the upstream says it offers; empty where it cannot be asked. */
  readonly models: readonly string[];
  /** Those of them that are in the memory of its upstream. Absent (also from older workers): it does not say. */
  readonly loaded?: readonly string[];
  readonly credential: CredentialState;
  /** False: nobody answers at its address now, though somebody did before. Absent (also from older workers): not known to be so. */
  readonly reachable?: boolean;
  /** What is wrong with it, as the worker last saw. Absent (also from older workers): nothing that is known. */
  readonly trouble?: ProviderTrouble;
  /** What it lacks by the worker's configuration. Absent (also from older workers): nothing that is known. */
  readonly capabilities?: Capabilities;
}

/** Why calls to a provider fail now. */
export interface ProviderTrouble {
  /** Short and ours: `503`, `ECONNREFUSED`, `nobody answers at its address`. */
  readonly reason: string;
  /** When it last failed, Unix ms, by the worker's clock. */
  readonly at: number;
}

/** A worker's heartbeat, written every `HEARTBEAT_MS` and readable for `HEARTBEAT_TTL_MS`. */
export interface WorkerHeartbeat {
  readonly v: 1;
  /** Names its host and process; unique in the installation. */
  readonly worker: string;
  readonly pid: number;
  /** Unix time, ms. */
  readonly startedAt: number;
  readonly providers: readonly ProviderAnnouncement[];
}

export const HEARTBEAT_MS = 2_000;

/**
 * A provider without a heartbeat for this long has no worker (RELIABILITY: a restart must not push local prompts to
 * the cloud, so this is longer than a restart takes).
 */
export const HEARTBEAT_TTL_MS = 15_000;

/** What the api and the sweeper know of the workers, read from the heartbeats. */
export interface Fleet {
  /** Providers with a live worker, by name. Where workers differ, models are united, `ok` credentials, reachable ones and the cloud win. */
  readonly providers: ReadonlyMap<string, ProviderAnnouncement>;
  /** What providers lately did not have: an endpoint and a model each, as `unusableKey` writes them. */
  readonly unusable: ReadonlySet<string>;
  /** How the providers do. Absent: nothing is known, so every target is taken for well. */
  readonly health?: Health;
}
