import { Injectable } from '@nestjs/common';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { Broker } from '#broker/broker.js';
import { ApiSettings } from './api-settings.js';
import { registerFleetMetrics } from './fleet-metrics.js';
import { InFlight } from './in-flight.js';
import type { RequestRecord } from './request-record.js';

/** How often the lag of the event loop is looked at, ms: each look wakes a process that has nothing else to do. */
const LOOP_LOOK_MS = 100;

const SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600];

/** The model label of everything that the configuration does not name: a client must not be able to make labels. */
const OTHER = 'other';

/** What /metrics tells, in Prometheus' text form. No label holds a prompt or anything else that a client wrote. */
@Injectable()
export class Metrics {
  private readonly registry = new Registry();
  private readonly outcomes = new Counter({
    name: 'spillway_requests_total',
    help: 'Inference requests that ended, by outcome: ok, client_gone, or the error code.',
    labelNames: ['model', 'provider', 'stream', 'outcome'],
    registers: [this.registry],
  });
  private readonly attempts = new Counter({
    name: 'spillway_attempts_total',
    help: 'Attempts of the inference requests that ended here, by provider: ok, or the kind of failure.',
    labelNames: ['provider', 'outcome'],
    registers: [this.registry],
  });
  private readonly durations = new Histogram({
    name: 'spillway_request_duration_seconds',
    help: 'From the arrival of an inference request to the end of its answer.',
    labelNames: ['model', 'stream'],
    buckets: SECONDS,
    registers: [this.registry],
  });
  private readonly firstOutputs = new Histogram({
    name: 'spillway_first_output_seconds',
    help: 'From the arrival of an inference request to its first output.',
    labelNames: ['model', 'stream'],
    buckets: SECONDS,
    registers: [this.registry],
  });
  private readonly queueWaits = new Histogram({
    name: 'spillway_queue_wait_seconds',
    help: 'From the acceptance of an inference request to its first claim by a worker.',
    labelNames: ['provider'],
    buckets: SECONDS,
    registers: [this.registry],
  });

  private readonly attached = new Counter({
    name: 'spillway_requests_attached_total',
    help: 'Inference requests that were answered by one that was there already, by their idempotency key.',
    registers: [this.registry],
  });
  private readonly followed = new Counter({
    name: 'spillway_requests_followed_total',
    help: 'Readings of a request by its id: resumed streams, and answers fetched later.',
    registers: [this.registry],
  });

  constructor(
    private readonly settings: ApiSettings,
    broker: Broker,
    inFlight: InFlight,
  ) {
    collectDefaultMetrics({ register: this.registry, eventLoopMonitoringPrecision: LOOP_LOOK_MS });
    const requests = new Gauge({
      name: 'spillway_requests_in_flight',
      help: 'Inference requests that this replica has not answered yet.',
      registers: [],
      collect() {
        this.set(inFlight.count);
      },
    });
    const waiting = new Gauge({
      name: 'spillway_queue_waiting',
      help: 'Attempts that wait for a worker, by provider; the same on every replica. Absent while Redis is away.',
      labelNames: ['provider'],
      registers: [],
      async collect() {
        const depths = await broker.depths().catch(() => []);
        this.reset();
        for (const depth of depths) this.set({ provider: depth.provider }, depth.waiting);
      },
    });
    this.registry.registerMetric(requests);
    this.registry.registerMetric(waiting);
    registerFleetMetrics(this.registry, broker);
  }

  /** Counts an inference request that ended, or another reading of one. */
  observe(record: RequestRecord, endedAt: number): void {
    if (record.via === 'id') return this.followed.inc();
    if (record.via === 'key') this.attached.inc();
    // Those of an attached one are counted where its request was asked for.
    else for (const { provider, outcome } of record.made) this.attempts.inc({ provider, outcome });
    const model = this.labelOf(record.model);
    const stream = String(record.stream ?? false);
    const provider = record.provider ?? 'none';
    this.outcomes.inc({ model, provider, stream, outcome: record.outcome ?? 'ok' });
    this.durations.observe({ model, stream }, (endedAt - record.startedAt) / 1000);
    if (record.firstMs !== null) this.firstOutputs.observe({ model, stream }, record.firstMs / 1000);
    // An attached one has waited in no queue: the one it is attached to has.
    if (record.queueMs !== null && record.via === null)
      this.queueWaits.observe({ provider }, record.queueMs / 1000);
  }

  text(): Promise<string> {
    return this.registry.metrics();
  }

  get contentType(): string {
    return this.registry.contentType;
  }

  private labelOf(model: string | null): string {
    return model !== null && Object.hasOwn(this.settings.config.models, model) ? model : OTHER;
  }
}
