import { describe, expect, it } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { parse } from 'yaml';

const root = path.resolve(import.meta.dirname, '..');
const compose = await readFile(path.join(root, 'docker-compose.yml'), 'utf8');
const example = await readFile(path.join(root, '.env.example'), 'utf8');
const config = await readFile(path.join(root, 'deploy/compose/spillway.yaml'), 'utf8');

interface Service {
  readonly healthcheck?: object;
  readonly container_name?: string;
  readonly stop_grace_period?: string;
  readonly ports?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

const { services } = parse(compose, { merge: true }) as { services: Readonly<Record<string, Service>> };
const workers = Object.entries(services).filter(([name]) => name.startsWith('worker-'));

describe('docker-compose.yml', () => {
  it('needs no variable, and .env.example names each one, unset', () => {
    const used = [...compose.replaceAll('$$', '').matchAll(/\$\{?(\w+)(:-)?/g)];
    expect(used.length).toBeGreaterThan(5);
    expect(used.filter(([, , hasDefault]) => hasDefault === undefined)).toEqual([]);
    const named = [...example.matchAll(/^#(\w+)=/gm)].map(([, name]) => name);
    expect(named).toEqual(expect.arrayContaining(used.map(([, name]) => name)));
    expect(example.split('\n').filter((line) => line !== '' && !line.startsWith('#'))).toEqual([]);
  });

  it('hands its workers each secret of the configuration that they serve, and the api none', () => {
    const secrets = [...config.matchAll(/apiKey: '\$\{(\w+)\}'/g)].map(([, name]) => name ?? '');
    expect(secrets.length).toBeGreaterThan(0);
    for (const secret of secrets) {
      const holders = Object.keys(services).filter((name) => secret in (services[name]?.environment ?? {}));
      expect(holders.filter((name) => !name.startsWith('worker-'))).toEqual([]);
      expect(holders.length).toBeGreaterThan(0);
    }
  });

  it('serves every provider of the configuration', () => {
    const { providers } = parse(config) as { providers: object };
    const served = workers.flatMap(([, { environment }]) =>
      environment?.['SPILLWAY_WORKER_PROVIDERS']?.split(','),
    );
    expect(new Set(served)).toEqual(new Set(Object.keys(providers)));
  });

  it('lets every service be waited for and scaled, and gives each answer time to end', () => {
    expect(workers.length).toBeGreaterThan(1);
    for (const { healthcheck, container_name } of Object.values(services)) {
      expect(healthcheck).toBeDefined();
      expect(container_name).toBeUndefined();
    }
    for (const [, { ports, stop_grace_period }] of workers) {
      expect(ports).toBeUndefined();
      expect(Number(stop_grace_period?.replace(/s$/, ''))).toBeGreaterThan(25 + 4); // the drain, and its overrun
    }
  });
});
