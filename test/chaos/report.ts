import type { Violation } from './check-client.js';
import { FaultTimes } from './fault-times.js';
import type { ClientHistory, Histories, UpstreamCall } from './history.js';

export interface Percentiles {
  readonly count: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

/** What a campaign came to, in numbers. */
export interface Report {
  /** What was asked, and how many asked it: with a key two clients may ask the same. */
  readonly requests: number;
  readonly clients: number;
  readonly tokensRead: number;
  /** How clients fared: `answered`, `left`, `broken`, or an error's code. */
  readonly endings: Readonly<Record<string, number>>;
  /** Kept requests whose connection broke, and what they came to at another replica. */
  readonly wentOn: Readonly<Record<string, number>>;
  /** Requests that were told that Redis was away while it was not. */
  readonly falselyRefused: number;
  readonly calls: number;
  readonly rows: Readonly<Record<string, number>>;
  readonly deadLetters: number;
  /** By kind, and kills also by the point at which they struck. */
  readonly faults: Readonly<Record<string, number>>;
  /** Runs that were under way when their worker was killed. */
  readonly runsLost: number;
  /** From a worker's kill to the typed error or the successor's first frame at the client, ms. */
  readonly recoveryMs: Percentiles;
  /** From the kill of a worker that had taken a job and not claimed it, to the call that another made, ms. */
  readonly unclaimedMs: Percentiles;
  /** From a client's leaving to the close of its call's socket, ms. */
  readonly closedMs: Percentiles;
  /** How long past its deadline each request that got that far ended, ms. */
  readonly lateMs: Percentiles;
  readonly violations: readonly Violation[];
  /** Whose recovery, closing and lateness took longest: where to look first. */
  readonly slowest: readonly Slow[];
}

/** The worst cases of each measure. */
export interface Slow {
  readonly measure: string;
  readonly about: string;
  readonly ms: number;
}

/** How many of each measure are worth a look. */
const SLOWEST = 3;

export function reportOn(histories: Histories, violations: readonly Violation[]): Report {
  const { clients, calls, faults, rows, dead } = histories;
  const times = new FaultTimes(faults);
  const byMarker = new Map<string, UpstreamCall[]>();
  for (const call of calls) byMarker.set(call.marker, [...(byMarker.get(call.marker) ?? []), call]);
  const callsOf = ({ marker }: ClientHistory) => byMarker.get(marker) ?? [];
  const measure = (of: (client: ClientHistory) => readonly number[]) =>
    clients.flatMap((client) => of(client).map((ms) => ({ about: client.marker, ms })));
  const measures = {
    recoveryMs: measure((client) => recoveryOf(client, callsOf(client), times)),
    unclaimedMs: measure((client) => unclaimedOf(client, callsOf(client), histories)),
    closedMs: measure((client) => closingsOf(client, callsOf(client), times)),
    lateMs: measure(latenessOf),
  };
  return {
    requests: new Set(clients.map(({ marker }) => marker)).size,
    clients: clients.length,
    tokensRead: clients.reduce((sum, { events }) => sum + countTokens(events), 0),
    endings: countBy(clients.map(endingOf)),
    wentOn: countBy(
      clients.flatMap((client) => (client.apis.length > 1 ? [`${client.kept} ${endingOf(client)}`] : [])),
    ),
    falselyRefused: clients.filter(
      (client) =>
        endingOf(client) === 'redis_unavailable' && !times.redisAway(client.sentAt - 1_000, client.endedAt),
    ).length,
    calls: calls.length,
    rows: countBy(rows.map(({ outcome }) => outcome)),
    deadLetters: dead.length,
    faults: countBy(
      faults.flatMap(({ kind, point }) => (kind === 'kill' ? [kind, `kill ${point}`] : [kind])),
    ),
    runsLost: calls.filter((call) => isLost(call, times)).length,
    ...mapValues(measures, (values) => percentilesOf(values.map(({ ms }) => ms))),
    violations,
    slowest: Object.entries(measures).flatMap(([measure, values]) =>
      values
        .toSorted((one, other) => other.ms - one.ms)
        .slice(0, SLOWEST)
        .map(({ about, ms }) => ({ measure, about, ms })),
    ),
  };
}

function mapValues<Key extends string, From, To>(
  values: Readonly<Record<Key, From>>,
  map: (value: From) => To,
): Record<Key, To> {
  const entries = Object.entries(values) as [Key, From][];
  return Object.fromEntries(entries.map(([key, value]) => [key, map(value)])) as Record<Key, To>;
}

/** How long past its deadline it ended; nothing for one that did not get that far. */
function latenessOf({ ending, endedAt, sentAt, timeoutMs }: ClientHistory): number[] {
  const lateMs = endedAt - sentAt - timeoutMs;
  return ending === 'whole' && lateMs >= 0 ? [lateMs] : [];
}

/** Figures and failures as text, for people. */
export function printReport(
  title: string,
  { figures, failures }: { readonly figures: object; readonly failures: readonly string[] },
): string {
  const lines = Object.entries(figures).map(
    ([name, value]: [string, unknown]) => `  ${name.padEnd(13)} ${showFigure(value)}`,
  );
  const shown = failures.slice(0, 50).map((text) => `  ! ${text}`);
  return [title, ...lines, `  ${'failures'.padEnd(13)} ${failures.length}`, ...shown].join('\n');
}

function showFigure(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  return Object.entries(value)
    .map(([name, each]) => `${name} ${String(each)}`)
    .join(', ');
}

export function percentilesOf(values: readonly number[]): Percentiles {
  const sorted = values.toSorted((one, other) => one - other);
  const at = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
  return { count: sorted.length, p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) };
}

export function countBy(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names.toSorted()) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

export function endingOf({ ending, events }: ClientHistory): string {
  const [, kind, code] = events.find(([, each]) => each === 'done' || each === 'error') ?? [];
  if (kind === 'error') return code ?? '';
  return kind === 'done' && ending === 'whole' ? 'answered' : ending;
}

function countTokens(events: ClientHistory['events']): number {
  return events.reduce(
    (sum, [, kind, text]) => (kind === 'token' ? sum + text.trimEnd().split(' ').length : sum),
    0,
  );
}

/** It was under way when its worker was killed. */
function isLost(
  { worker, startedAt, finished, closedAt = Infinity }: UpstreamCall,
  times: FaultTimes,
): boolean {
  const killedAt = times.killedAt(worker);
  return killedAt !== undefined && !finished && startedAt <= killedAt && closedAt >= killedAt;
}

/** Of the last of a client's runs that was lost to a kill; nothing where something else got in the way. */
function recoveryOf(client: ClientHistory, calls: readonly UpstreamCall[], times: FaultTimes): number[] {
  const lost = calls.findLastIndex((call) => isLost(call, times));
  const call = calls[lost];
  const killedAt = call && times.killedAt(call.worker);
  if (!call || killedAt === undefined || client.ending !== 'whole') return [];
  if (
    times.redisAway(killedAt, client.endedAt) ||
    client.apis.some((api) => times.struck(api, killedAt, client.endedAt))
  )
    return [];
  const successor = calls[lost + 1];
  if (successor && times.struck(successor.worker, successor.startedAt, client.endedAt)) return [];
  // A run between the two was lost as well, before it made its call.
  if (successor && (successor.epoch ?? 0) > (call.epoch ?? 0) + 1) return [];
  // A whole answer's first frame is its last: what counts is when its call was made.
  if (!client.stream && successor) return [successor.startedAt - killedAt];
  const own = `${client.marker}/${call.number}/`;
  const next = client.events.find(
    ([at, kind, text]) => at >= killedAt && !(kind === 'token' && text.startsWith(own)),
  );
  return next ? [next[0] - killedAt] : [];
}

/** Between the job and the claim only the queue knows that a worker is gone. */
function unclaimedOf(
  { request, ending }: ClientHistory,
  calls: readonly UpstreamCall[],
  { faults }: Histories,
): number[] {
  const kills = faults.filter((fault) => fault.request === request && request !== '');
  const [kill] = kills;
  if (ending !== 'whole' || kill?.point !== 'before-claim' || kills.length > 1) return [];
  const next = calls.find(({ startedAt }) => startedAt > kill.from);
  return next ? [next.startedAt - kill.from] : [];
}

/** Of the calls that were open when their client left; a killed or frozen process is another matter. */
function closingsOf(client: ClientHistory, calls: readonly UpstreamCall[], times: FaultTimes): number[] {
  const { ending, endedAt, apis } = client;
  if (ending !== 'left') return [];
  return calls.flatMap(({ startedAt, closedAt = Infinity, worker }) => {
    if (startedAt > endedAt || closedAt <= endedAt) return [];
    const until = endedAt + 2_000;
    if (apis.some((api) => times.struck(api, startedAt, until)) || times.struck(worker, startedAt, until))
      return [];
    return times.redisAway(startedAt, until) ? [] : [closedAt - endedAt];
  });
}
