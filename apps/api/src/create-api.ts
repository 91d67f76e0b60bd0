import type { Socket } from 'node:net';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Broker } from '#broker/broker.js';
import { ApiModule } from './api.module.js';
import type { ApiSettings } from './api-settings.js';
import { Edge } from './edge.js';
import { ErrorFilter } from './error-filter.js';
import { InFlight } from './in-flight.js';
import { Metrics } from './metrics.js';
import { NestLog } from './nest-log.js';
import { describeRequest, type RequestRecord } from './request-record.js';
import { VanishedClients } from './vanished-clients.js';

/**
 * Builds the HTTP api around a started broker, which it closes when it is closed itself. The caller listens.
 *
 * @throws if a route declares no access
 */
export async function createApi(settings: ApiSettings, broker: Broker): Promise<NestFastifyApplication> {
  const filter = new ErrorFilter(settings);
  const inFlight = new InFlight();
  const edge = new Edge({
    settings,
    inFlight,
    newRequestId: () => broker.newRequestId(),
    onError: (thrown, request, reply) => filter.reply(thrown, request, reply),
    onEnd: (record, status) => end(record, status),
  });
  const adapter = new FastifyAdapter({ ...edge.serverOptions(), skipMiddie: true });
  const fastify = adapter.getInstance();
  edge.install(fastify);
  const vanished = new VanishedClients(() => inFlight.count > 0);
  fastify.server.on('connection', (socket: Socket) => vanished.watch(socket));
  fastify.addHook('onClose', () => vanished.stop());
  vanished.start();
  const app = await NestFactory.create<NestFastifyApplication>(
    ApiModule.with(settings, broker, inFlight),
    adapter,
    { bodyParser: false, abortOnError: false, logger: new NestLog(settings.log) },
  );
  app.useGlobalFilters(filter);
  const metrics = app.get(Metrics);
  const end = (record: RequestRecord, status: number | null): void => {
    const now = performance.now();
    if (record.stream !== null) metrics.observe(record, now);
    // Probes and lists of models are asked for every few seconds, and tell something only when they are refused.
    const asked = record.stream !== null || status === null || status >= 400;
    const level = asked && !isProbe(record) ? 'info' : 'debug';
    settings.log[level](describeRequest(record, status, now), 'request');
  };
  await app.init();
  return app;
}

function isProbe({ route }: RequestRecord): boolean {
  return route !== null && !route.startsWith('/v1/');
}
