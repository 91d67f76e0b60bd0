import { Module, type DynamicModule } from '@nestjs/common';
import type { BeforeApplicationShutdown, OnApplicationShutdown } from '@nestjs/common';
import { Broker } from '#broker/broker.js';
import { ApiSettings } from './api-settings.js';
import { DocsController } from './docs.controller.js';
import { InFlight } from './in-flight.js';
import { Inference } from './inference.js';
import { InferenceController } from './inference.controller.js';
import { Metrics } from './metrics.js';
import { OperationsController } from './operations.controller.js';
import { Requests } from './requests.js';
import { RequestsController } from './requests.controller.js';

@Module({
  controllers: [InferenceController, RequestsController, OperationsController, DocsController],
  providers: [Inference, Metrics, Requests],
})
export class ApiModule implements BeforeApplicationShutdown, OnApplicationShutdown {
  constructor(
    private readonly settings: ApiSettings,
    private readonly broker: Broker,
    private readonly inFlight: InFlight,
  ) {}

  static with(settings: ApiSettings, broker: Broker, inFlight: InFlight): DynamicModule {
    return {
      module: ApiModule,
      providers: [
        { provide: ApiSettings, useValue: settings },
        { provide: Broker, useValue: broker },
        { provide: InFlight, useValue: inFlight },
      ],
    };
  }

  /** While the server still listens: new requests get a clear refusal, running ones their answer. */
  async beforeApplicationShutdown(): Promise<void> {
    await this.inFlight.drain(this.settings.drainMs);
  }

  /** After the last connection is closed: nobody needs Redis any more. */
  async onApplicationShutdown(): Promise<void> {
    await this.broker.close();
  }
}
