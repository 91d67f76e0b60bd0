import { Controller, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Broker } from '#broker/broker.js';
import { SpillwayError } from '#core/errors.js';
import { InFlight } from './in-flight.js';
import { Metrics } from './metrics.js';
import { Serves } from './serves.js';

/** What orchestrators and monitors ask. */
@Controller()
export class OperationsController {
  constructor(
    private readonly broker: Broker,
    private readonly inFlight: InFlight,
    private readonly metrics: Metrics,
  ) {}

  @Serves('welcome')
  welcome(): object {
    return { name: 'spillway', api: '/v1', health: '/healthz', docs: '/docs' };
  }

  /** This process runs. Says nothing of Redis: to restart the api would not help that. */
  @Serves('healthz')
  healthz(): object {
    return { status: 'ok' };
  }

  /** This replica takes requests: it is not on its way out, and Redis answers. */
  @Serves('readyz')
  readyz(): object {
    if (this.inFlight.isDraining) throw new SpillwayError('shutting_down');
    if (!this.broker.isReady())
      throw new SpillwayError('redis_unavailable', { reason: 'Redis does not answer' });
    return { status: 'ok' };
  }

  @Serves('metrics')
  async prometheus(@Res() reply: FastifyReply): Promise<void> {
    const text = await this.metrics.text();
    void reply.header('content-type', this.metrics.contentType).send(text);
  }
}
