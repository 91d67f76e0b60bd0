import { writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import type { BrokerLog } from '#broker/connection.js';
import { WorkerBroker } from '#broker/worker-broker.js';
import type { LoadedConfig } from '#config/load-config.js';
import { HEARTBEAT_MS } from '#core/fleet.js';
import { processJob } from './process-job.js';
import { serveProvider } from './serve-provider.js';
import type { ServedProvider } from './served-provider.js';

/** How long the first heartbeat waits for the upstreams to say what they offer, ms. */
const FIRST_LOOK_MS = 500;

/** Serves the configured providers from the first heartbeat to the end of the drain. */
@Injectable()
export class InferenceWorker implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly broker: WorkerBroker;
  private readonly providers: readonly ServedProvider[];
  private heartbeat: NodeJS.Timeout | undefined;
  private beating = false;
  private beatAgain = false;
  private draining = false;
  private readonly consumed = new Set<ServedProvider>();

  constructor(
    private readonly loaded: LoadedConfig,
    private readonly log: BrokerLog,
  ) {
    const { config, environment, workerProviders } = loaded;
    this.broker = new WorkerBroker({ redis: config.redis, allowVolatile: environment.allowVolatile, log });
    this.providers = workerProviders.map((name) =>
      serveProvider(name, { loaded, log, announce: () => void this.beat() }),
    );
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.broker.start();
    const looks = Promise.all(this.providers.map((provider) => provider.start()));
    // What answers at once is in the first heartbeat; nobody waits for what does not.
    await Promise.race([looks, delay(FIRST_LOOK_MS, undefined, { ref: false })]);
    await this.beat();
    this.heartbeat = setInterval(() => void this.beat(), HEARTBEAT_MS);
    const providers = this.present().map((provider) => provider.announcement().name);
    this.log.info({ worker: this.broker.name, providers }, 'worker is ready');
  }

  /** Drains: the heartbeat goes on, since this worker still answers for the runs in its hands. */
  async beforeApplicationShutdown(signal?: string): Promise<void> {
    const { drainMs } = this.loaded.config.worker;
    this.draining = true;
    this.log.info({ worker: this.broker.name, signal, drainMs }, 'draining');
    await this.broker.close(drainMs);
    clearInterval(this.heartbeat);
    await Promise.all(this.providers.map((provider) => provider.close()));
  }

  /** The providers that are there now; a stopgap only while nothing else is. */
  private present(): readonly ServedProvider[] {
    const present = this.providers.filter(({ isPresent }) => isPresent);
    const real = present.filter(({ isStopgap }) => !isStopgap);
    return real.length > 0 ? real : present;
  }

  /** A worker without a credential leaves the queue to those that have one. */
  private async consume(provider: ServedProvider): Promise<void> {
    if (this.draining || this.consumed.has(provider)) return;
    this.consumed.add(provider);
    const { name, concurrency, credential } = provider.announcement();
    if (credential === 'missing') return;
    const { broker, log } = this;
    const { maxRetryDelayMs } = this.loaded.config.queue;
    const consumer = broker.consume(name, {
      concurrency,
      workerConcurrency: this.loaded.config.providers[name]?.workerConcurrency ?? concurrency,
      process: (job, control) => processJob({ broker, provider, log, maxRetryDelayMs }, job, control),
    });
    // Else the next heartbeat would not try again.
    await consumer.catch((error: unknown) => {
      this.consumed.delete(provider);
      throw error;
    });
  }

  private async beat(): Promise<void> {
    // While Redis is away one beat waits for it; more would only pile up. What changed meanwhile is told after it.
    if (this.beating) {
      this.beatAgain = true;
      return;
    }
    this.beating = true;
    this.beatAgain = false;
    const { heartbeatFile } = this.loaded.environment;
    try {
      const present = this.present();
      await this.broker.beat(present.map((provider) => provider.announcement()));
      await Promise.all(present.map((provider) => this.consume(provider)));
      if (heartbeatFile !== undefined) await writeFile(heartbeatFile, '');
    } catch (error) {
      this.log.warn({ reason: String(error) }, 'the heartbeat was refused');
    } finally {
      this.beating = false;
    }
    if (this.beatAgain && !this.draining) await this.beat();
  }
}
