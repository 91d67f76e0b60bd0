import type { BrokerStatus, ProviderStatus } from '#broker/status-reader.js';
import { noteProvider } from './provider-note.js';

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
    ...table([
      ['provider', 'location', 'workers', 'health', 'models', 'running', 'waiting', 'oldest'],
      ...providers.map(toRow),
    ]),
    '',
    ...table([
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
  const { name, location, workers, models, running, concurrency, waiting, oldestWaitMs } = provider;
  return [
    name,
    location ?? '-',
    String(workers),
    healthOf(provider),
    String(models?.length ?? '-'),
    concurrency === undefined ? String(running) : `${running} of ${concurrency}`,
    String(waiting),
    oldestWaitMs === undefined ? '-' : formatAge(oldestWaitMs),
  ];
}

function healthOf({ workers, credential, reachable, trouble }: ProviderStatus): string {
  if (workers === 0) return 'no worker';
  if (credential !== undefined && credential !== 'ok') return `credential ${credential}`;
  if (trouble) return `failing, ${formatAge(trouble.agoMs)} ago`;
  return reachable === false ? 'away' : 'ok';
}

/** `40 s`, `12 min`, `3 h`, `2 d`. */
export function formatAge(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min`;
  return seconds < 86_400 ? `${Math.floor(seconds / 3_600)} h` : `${Math.floor(seconds / 86_400)} d`;
}

function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
