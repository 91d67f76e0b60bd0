import { Module, type DynamicModule } from '@nestjs/common';
import type { BrokerLog } from '#broker/connection.js';
import type { LoadedConfig } from '#config/load-config.js';
import { InferenceWorker } from './inference-worker.js';

/** The worker's one module; its lifecycle is that of `InferenceWorker`. */
@Module({})
export class WorkerModule {
  static of(loaded: LoadedConfig, log: BrokerLog): DynamicModule {
    const worker = { provide: InferenceWorker, useFactory: () => new InferenceWorker(loaded, log) };
    return { module: WorkerModule, providers: [worker] };
  }
}
