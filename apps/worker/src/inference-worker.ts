import { writeFile } from 'node:fs/promises';
import { Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import type { BrokerLog } from '#broker/connection.js';
import { WorkerBroker } from '#broker/worker-broker.js';
import type { LoadedConfig } from '#config/load-config.js';
import { HEARTBEAT_MS } from '#core/fleet.js';
import { processJob } from './process-job.js';
import { serveProvider } from './serve-provider.js';
import type { ServedProvider } from './served-provider.js';

/** Serves the configured providers from the first heartbeat to the end of the drain. */
@Injectable()
export class InferenceWorker implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly broker: WorkerBroker;
  private readonly providers: readonly ServedProvider[];
  private heartbeat: NodeJS.Timeout | undefined;
  private beating = false;

  constructor(
    private readonly loaded: LoadedConfig,
    private readonly log: BrokerLog,
  ) {
    const { config, environment, workerProviders } = loaded;
    this.broker = new WorkerBroker({ redis: config.redis, allowVolatile: environment.allowVolatile, log });
    this.providers = workerProviders.map((name) => serveProvider(name, loaded, log));
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.broker.start();
    for (const provider of this.providers) provider.start();
    await this.beat();
    this.heartbeat = setInterval(() => void this.beat(), HEARTBEAT_MS);
    await Promise.all(this.providers.map((provider) => this.consume(provider)));
    this.log.info({ worker: this.broker.name, providers: this.loaded.workerProviders }, 'worker is ready');
  }

  /** Drains: the heartbeat goes on, since this worker still answers for the runs in its hands. */
  async beforeApplicationShutdown(signal?: string): Promise<void> {
    const { drainMs } = this.loaded.config.worker;
    this.log.info({ worker: this.broker.name, signal, drainMs }, 'draining');
    await this.broker.close(drainMs);
    clearInterval(this.heartbeat);
    await Promise.all(this.providers.map((provider) => provider.close()));
  }

  /** A worker without a credential leaves the queue to those that have one. */
  private async consume(provider: ServedProvider): Promise<void> {
    const { name, concurrency, credential } = provider.announcement();
    if (credential === 'missing') return;
    const { broker, log } = this;
    await broker.consume(name, {
      concurrency,
      workerConcurrency: this.loaded.config.providers[name]?.workerConcurrency ?? concurrency,
      process: (job, signal) => processJob({ broker, provider, log }, job, signal),
    });
  }

  private async beat(): Promise<void> {
    // While Redis is away one beat waits for it; more would only pile up.
    if (this.beating) return;
    this.beating = true;
    const { heartbeatFile } = this.loaded.environment;
    try {
      await this.broker.beat(this.providers.map((provider) => provider.announcement()));
      if (heartbeatFile !== undefined) await writeFile(heartbeatFile, '');
    } catch (error) {
      this.log.warn({ reason: String(error) }, 'the heartbeat was refused');
    } finally {
      this.beating = false;
    }
  }
}
