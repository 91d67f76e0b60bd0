import type { BrokerLog } from '#broker/connection.js';
import type { Capabilities } from '#core/capabilities.js';
import type { CredentialState, ProviderAnnouncement } from '#core/fleet.js';
import type { Failure } from '#core/failure.js';
import type { Run } from '#core/ledger/transitions.js';
import type { Location, Target } from '#core/target.js';
import { ProviderTroubles } from './provider-troubles.js';
import type { CallEnd, CallTimeouts, Discovery, Provider, ProviderFrame } from '#providers/provider.js';

/** How often the upstream is asked what it offers, ms: own boxes come and go, cloud accounts hardly ever. */
const DISCOVER_MS = { local: 5_000, cloud: 60_000 } as const satisfies Record<Location, number>;
const DISCOVER_TIMEOUT_MS = 5_000;

export interface ServedProviderOptions {
  readonly name: string;
  readonly kind: string;
  readonly location: Location;
  readonly concurrency: number;
  /** What the configuration says it offers; then its own list is not read. */
  readonly models?: readonly string[];
  /** It is not there until it has answered with its models. Default: it is there. */
  readonly optional?: boolean;
  readonly timeoutsOf: (target: Target) => CallTimeouts;
  /** What it lacks by the configuration; announced, so that plans know. */
  readonly capabilities?: Capabilities;
  /** Undefined where a credential is configured whose variable is not set: then nothing can be called. */
  readonly client: Provider | undefined;
  readonly log: BrokerLog;
  /** Writes a heartbeat now: plans must not go on with a refused credential until the next one. */
  readonly announce: () => void;
}

/** A provider as this worker serves it: its client, what it offers, and whether it takes our credential. */
export class ServedProvider {
  private models: readonly string[];
  private loaded: readonly string[] | undefined;
  private credential: CredentialState;
  /** It is there: always, or since it first answered. From then on its models are known while it is away, too. */
  private present: boolean;
  private reachable = true;
  private readonly troubles: ProviderTroubles;
  private timer: NodeJS.Timeout | undefined;
  private readonly closing = new AbortController();

  constructor(private readonly options: ServedProviderOptions) {
    this.models = options.models ?? [];
    this.credential = options.client ? 'ok' : 'missing';
    this.present = options.optional !== true;
    this.troubles = new ProviderTroubles(options.name, options.log);
  }

  /** False for an optional one that has not been seen yet. */
  get isPresent(): boolean {
    return this.present;
  }

  /** A demo that is there only while nothing else is. */
  get isStopgap(): boolean {
    return this.options.kind === 'demo' && this.options.optional === true;
  }

  /** Asks the upstream what it offers, now and every so often. Resolves when it has answered once, or does not. */
  async start(): Promise<void> {
    const { client, location, name, log } = this.options;
    if (!client) {
      log.warn(
        { provider: name },
        'the credential of this provider is not set; its queue is left to other workers',
      );
      return;
    }
    this.timer = setInterval(() => void this.look(), DISCOVER_MS[location]);
    await this.look();
  }

  /** Asks once. Never rejects. */
  async look(): Promise<void> {
    const signal = AbortSignal.any([this.closing.signal, AbortSignal.timeout(DISCOVER_TIMEOUT_MS)]);
    const found = await this.options.client?.discover(signal);
    if (!found) return;
    if (this.options.optional === true) this.noteWhereabouts(found);
    else this.troubles.looked(found);
    const { models, credential, loaded } = found;
    this.noteLoaded(loaded);
    if (this.options.models !== undefined) {
      // It cannot be asked for its list; that it refuses to tell says nothing of our credential.
      if (credential === 'ok' && models !== undefined) this.noteCredential(credential, 'list of models');
      return;
    }
    if (models !== undefined) this.models = models;
    if (models !== undefined || credential === 'rejected') this.noteCredential(credential, 'list of models');
  }

  announcement(): ProviderAnnouncement {
    const { name, kind, location, concurrency, capabilities } = this.options;
    const { models, loaded, credential, reachable } = this;
    const { trouble } = this.troubles;
    return {
      ...{ name, kind, location, concurrency, models, credential },
      ...(loaded && { loaded }),
      ...(!reachable && { reachable }),
      ...(trouble && { trouble }),
      ...(capabilities && { capabilities }),
    };
  }

  /** One upstream call for a run. */
  async *infer(
    call: { request: string; run: Run; target: Target },
    signal: AbortSignal,
  ): AsyncGenerator<ProviderFrame, CallEnd, void> {
    const { client, location, timeoutsOf } = this.options;
    if (!client) return NO_CREDENTIAL;
    const { request, target, run } = call;
    if (target.location === 'local' && location === 'cloud') return NOT_LOCAL;
    const { epoch, endpoint, body, stream, includeUsage } = run;
    const end = yield* client.infer(
      {
        ...{ request, epoch, endpoint, body, stream, includeUsage },
        model: target.model,
        timeouts: timeoutsOf(target),
        // As the plan had them: what it did not know of cannot have been told to the client.
        ...(target.capabilities && { capabilities: target.capabilities }),
      },
      signal,
    );
    if (end.ok) this.troubles.answered();
    return end;
  }

  /** Learns from a failed call: what is wrong is announced, and told to the operator once. */
  observe(failure: Failure): void {
    this.troubles.failed(failure);
    if (failure.category === 'credential' && this.credential === 'ok')
      this.noteCredential('rejected', failure.reason);
  }

  async close(): Promise<void> {
    clearInterval(this.timer);
    this.closing.abort();
    await this.options.client?.close();
  }

  /** Which models need no loading is told when it changes. */
  private noteLoaded(loaded: readonly string[] | undefined): void {
    const { name, log } = this.options;
    const before = this.loaded?.join() ?? '';
    this.loaded = loaded;
    if (loaded && loaded.join() !== before)
      log.info({ provider: name, loaded }, 'loaded models of the provider');
  }

  private noteCredential(state: CredentialState, reason: string): void {
    const { name, log, announce } = this.options;
    const before = this.credential;
    this.credential = state;
    if (before === state) return;
    if (state === 'rejected') log.error({ provider: name, reason }, 'the provider refuses our credential');
    else if (before === 'rejected') log.info({ provider: name }, 'the provider takes our credential again');
    announce();
  }

  /** An optional provider comes with its first list of models; once seen, it can only be away. */
  private noteWhereabouts({ models = [], away, unready, broker }: Discovery): void {
    const { name, log } = this.options;
    const answers = models.length > 0 && broker !== true && unready !== true;
    if (!this.present) {
      if (answers) log.info({ provider: name, models: models.length }, 'found a provider');
      this.present = answers;
    } else if (answers && !this.reachable) {
      log.info({ provider: name }, 'the provider is back');
      this.reachable = true;
    } else if ((away || unready) && this.reachable) {
      log.warn({ provider: name }, away ? 'the provider is away' : 'the provider is not ready');
      this.reachable = false;
    }
  }
}

/** The plan was made before this worker was heard of, and the request may be one that has to stay local. */
const NOT_LOCAL: CallEnd = {
  ok: false,
  aborted: false,
  phase: 'not_sent',
  facts: { kind: 'status', status: 404, message: 'This provider is no local one.' },
};

const NO_CREDENTIAL: CallEnd = {
  ok: false,
  aborted: false,
  phase: 'not_sent',
  facts: { kind: 'no_credential' },
};
