import type { BrokerStatus, ProviderStatus } from '#broker/status-reader.js';
import { noteProvider } from './provider-note.js';
import { formatAge, formatTable } from './table.js';

/** The status as a person reads it: providers with their queues, then workers, then what to see to. */
export function formatStatus({ redis, workers, providers }: BrokerStatus): string[] {
  const waiting = sum(providers.map((each) => each.waiting));
  const running = sum(providers.map((each) => each.running));
  const about = [
    counted(workers.length, 'worker'),
    counted(providers.length, 'provider'),
    `${running} running`,
    `${waiting} waiting`,
  ];
  return [
    `${redis}: ${about.join(', ')}`,
    '',
    ...formatTable([
      ['provider', 'location', 'workers', 'health', 'models', 'running', 'waiting', 'oldest'],
      ...providers.map(toRow),
    ]),
    '',
    ...formatTable([
      ['worker', 'up', 'serves'],
      ...workers.map(({ name, upMs, providers: served }) => [
        name,
        formatAge(upMs),
        served.join(', ') || '-',
      ]),
    ]),
    ...afterBlank(providers.flatMap((each) => noteProvider(each) ?? [])),
  ];
}

function afterBlank(notes: readonly string[]): readonly string[] {
  return notes.length === 0 ? [] : ['', ...notes];
}

function toRow(provider: ProviderStatus): string[] {
  const { name, location, workers, running, concurrency, waiting, oldestWaitMs } = provider;
  return [
    name,
    location ?? '-',
    String(workers),
    healthOf(provider),
    modelsOf(provider),
    concurrency === undefined ? String(running) : `${running} of ${concurrency}`,
    String(waiting),
    oldestWaitMs === undefined ? '-' : formatAge(oldestWaitMs),
  ];
}

/** How many there are, and how many of them need not be loaded first. */
function modelsOf({ models, loaded }: ProviderStatus): string {
  if (!models) return '-';
  return loaded ? `${models.length}, ${loaded.length} loaded` : String(models.length);
}

function healthOf(provider: ProviderStatus): string {
  const { workers, credential, reachable, trouble, breaker, coolDowns = [] } = provider;
  if (workers === 0) return 'no worker';
  if (credential !== undefined && credential !== 'ok') return `credential ${credential}`;
  if (breaker)
    return breaker.nextMs > 0 ? `down, next try in ${formatAge(breaker.nextMs)}` : 'down, on trial';
  if (trouble) return `failing, ${formatAge(trouble.agoMs)} ago`;
  if (reachable === false) return 'away';
  const [longest] = coolDowns.toSorted((a, b) => b.leftMs - a.leftMs);
  return longest ? `busy, ${formatAge(longest.leftMs)} more` : 'ok';
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
