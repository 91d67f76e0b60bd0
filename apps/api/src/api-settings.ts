import type { Logger } from 'pino';
import type { Config } from '#core/config/schema.js';
import type { Fleet } from '#core/fleet.js';
import type { Catalogue } from '#core/route.js';
import type { ApplicationKeys } from './application-keys.js';

/** What the process was started with. A class, so that Nest can inject it by type. */
export class ApiSettings {
  constructor(
    readonly config: Config,
    readonly keys: ApplicationKeys,
    readonly log: Logger,
    /** How long running answers may go on once the process was told to stop, ms: below the usual grace time of 30 s. */
    readonly drainMs = 25_000,
    /** A client that takes nothing for this long, ms, is gone: it would keep its answer, and its place, for nobody. */
    readonly stallMs = config.server.stallTimeoutMs,
  ) {}

  /** What an application may ask for; null: where none are configured. */
  catalogueOf(application: string | null, fleet: Fleet): Catalogue {
    const { models, providers, applications } = this.config;
    const allowed = application === null ? undefined : applications[application]?.models;
    return { models, providers, fleet, allowed };
  }
}
