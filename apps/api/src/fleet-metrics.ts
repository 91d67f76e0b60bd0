import { Gauge, type Registry } from 'prom-client';
import type { Broker } from '#broker/broker.js';
import { breakerState } from '#core/health.js';

/**
 * What all processes share, as of the last second: the same on every replica, so an alarm takes the maximum, not the
 * sum. Labels are names that the operator gave.
 */
export function registerFleetMetrics(
  registry: Registry,
  broker: Pick<Broker, 'fleet' | 'deadLetters'>,
): void {
  const gauges = [openBreakers(broker), coolDowns(broker), credentials(broker), deadLetters(broker)];
  for (const gauge of gauges) registry.registerMetric(gauge);
}

function openBreakers(broker: Pick<Broker, 'fleet'>): Gauge {
  return new Gauge({
    name: 'spillway_provider_breaker_open',
    help: '1 while calls to the provider are held back because it failed, half-open included; else 0.',
    labelNames: ['provider'],
    registers: [],
    collect() {
      this.reset();
      const { providers, health } = broker.fleet();
      for (const provider of new Set([...providers.keys(), ...(health?.breakers.keys() ?? [])])) {
        const state = health ? breakerState(health.breakers.get(provider), health.now) : 'closed';
        this.set({ provider }, state === 'closed' ? 0 : 1);
      }
    },
  });
}

function coolDowns(broker: Pick<Broker, 'fleet'>): Gauge {
  return new Gauge({
    name: 'spillway_provider_cooling_targets',
    help: 'Models of the provider that asked to be left alone for a while, now.',
    labelNames: ['provider'],
    registers: [],
    collect() {
      this.reset();
      const { providers, health } = broker.fleet();
      for (const provider of providers.keys()) this.set({ provider }, 0);
      for (const [target, { until }] of health?.coolDowns ?? [])
        if (until > (health?.now ?? 0)) this.inc({ provider: target.slice(0, target.indexOf('/')) });
    },
  });
}

function credentials(broker: Pick<Broker, 'fleet'>): Gauge {
  return new Gauge({
    name: 'spillway_provider_credential_ok',
    help: '0 while no worker of the provider has a credential that it takes; else 1. Absent without a worker.',
    labelNames: ['provider'],
    registers: [],
    collect() {
      this.reset();
      for (const [provider, { credential }] of broker.fleet().providers)
        this.set({ provider }, credential === 'ok' ? 1 : 0);
    },
  });
}

function deadLetters(broker: Pick<Broker, 'deadLetters'>): Gauge {
  return new Gauge({
    name: 'spillway_dead_letters',
    help: 'Requests that were given up because they ended each worker that started them. Absent while Redis is away.',
    registers: [],
    async collect() {
      const count = await broker.deadLetters().catch(() => undefined);
      this.reset();
      if (count === undefined) this.remove();
      else this.set(count);
    },
  });
}
