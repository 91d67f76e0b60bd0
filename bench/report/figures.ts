import type { LoadResult, Role } from '../contract.js';
import type { RedisFigures } from '../sampling/redis-figures.js';
import { spreadOf, type Spread } from './statistics.js';

interface FigureRow {
  /** Head of its column. */
  readonly title: string;
  readonly digits: number;
  /** Is more better? */
  readonly more?: true;
}

/** Everything that is told of a window, in the order of the table's columns. */
export const figureRows = {
  requests: { title: 'req/s', digits: 0, more: true },
  events: { title: 'events/s', digits: 0, more: true },
  p50: { title: 'p50 ms', digits: 2 },
  p99: { title: 'p99 ms', digits: 2 },
  first50: { title: 'first p50', digits: 2 },
  first99: { title: 'first p99', digits: 2 },
  gap99: { title: 'gap p99', digits: 1 },
  cpu: { title: 'CPU ms/req', digits: 3 },
  cpuProxy: { title: 'proxy', digits: 3 },
  cpuApi: { title: 'api', digits: 3 },
  cpuWorker: { title: 'worker', digits: 3 },
  cpuRedis: { title: 'redis', digits: 3 },
  cpuEvent: { title: 'CPU us/event', digits: 1 },
  commands: { title: 'cmds/req', digits: 1 },
  scripts: { title: 'scripts/req', digits: 1 },
  scriptUs: { title: 'Lua us/req', digits: 0 },
  memory: { title: 'kB/stream', digits: 1 },
  cancelled: { title: 'cancelled %', digits: 1, more: true },
  idleProxy: { title: 'idle proxy %', digits: 2 },
  idleApi: { title: 'idle api %', digits: 2 },
  idleWorker: { title: 'idle worker %', digits: 2 },
  idleRedis: { title: 'idle redis %', digits: 2 },
} as const satisfies Record<string, FigureRow>;

export type FigureName = keyof typeof figureRows;

export const figureNames = Object.keys(figureRows) as FigureName[];

/** What one window told. A figure that makes no sense there, or cannot be read on this machine, is missing. */
export type Figures = Partial<Record<FigureName, number>>;

/** What was seen of one target in one window. */
export interface Sample {
  readonly load: LoadResult;
  readonly stream: boolean;
  /** CPU in the window, of all processes of a role; undefined: it cannot be read here. */
  readonly cpuMs: Partial<Record<Role, number>> | undefined;
  readonly redis?: RedisFigures | undefined;
  /** More than idle, at the most, of all its processes but Redis, kB; and the streams that were open then. */
  readonly memory?: { readonly kb: number; readonly streams: number } | undefined;
}

/** One round of a scenario: what each target's window told. A window that was disturbed is missing. */
export type Round = Readonly<Record<string, Figures>>;

export interface ScenarioResult {
  readonly name: string;
  readonly about: string;
  readonly rounds: readonly Round[];
  /** Windows that were dropped, and why. */
  readonly dropped: readonly string[];
  /** Answers that were not right. */
  readonly wrong: readonly string[];
  /** By target: how often its Redis ran each command, for a request of its last window. */
  readonly redisCalls?: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

const cpuOfRole = { proxy: 'cpuProxy', api: 'cpuApi', worker: 'cpuWorker', redis: 'cpuRedis' } as const;

/** What a sample says of a request, an event, a stream. */
export function figuresOf({ load, stream, cpuMs, redis, memory }: Sample): Figures {
  const { answered, events, elapsedMs, latency, firstChunk, gap } = load;
  if (answered === 0) return {};
  const figures: Figures = {
    requests: (answered * 1_000) / elapsedMs,
    p50: latency.p50,
    p99: latency.p99,
    first50: firstChunk.p50,
    first99: firstChunk.p99,
  };
  if (stream) Object.assign(figures, { events: (events * 1_000) / elapsedMs, gap99: gap.p99 });
  const roles = Object.entries(cpuMs ?? {}) as [Role, number][];
  for (const [role, ms] of roles) figures[cpuOfRole[role]] = ms / answered;
  if (roles.length > 0) {
    const total = roles.reduce((sum, [, ms]) => sum + ms, 0);
    figures.cpu = total / answered;
    if (stream && events > 0) figures.cpuEvent = (total * 1_000) / events;
  }
  if (redis) {
    figures.commands = redis.commands / answered;
    figures.scripts = redis.scripts / answered;
    figures.scriptUs = redis.scriptUs / answered;
  }
  if (memory) figures.memory = memory.kb / memory.streams;
  return figures;
}

/** How often each command was run for a request, the most frequent first. */
export function callsPerRequest({ redis, load }: Sample): Record<string, number> {
  const calls = Object.entries(redis?.calls ?? {}).toSorted(([, a], [, b]) => b - a);
  return Object.fromEntries(
    calls.map(([name, count]) => [name, Number((count / Math.max(1, load.answered)).toFixed(2))]),
  );
}

/** One figure of a target over all rounds that have it. */
export function spreadOfFigure(
  rounds: readonly Round[],
  target: string,
  figure: FigureName,
): Spread | undefined {
  return spreadOf(rounds.flatMap((round) => round[target]?.[figure] ?? []));
}

/** One target's figure over another's, taken in each round that has both, so that what drifts falls out. */
export function ratioOf(
  rounds: readonly Round[],
  target: string,
  other: string,
  figure: FigureName,
): Spread | undefined {
  return spreadOf(
    rounds.flatMap((round) => {
      const [ours, theirs] = [round[target]?.[figure], round[other]?.[figure]];
      return ours === undefined || theirs === undefined || theirs === 0 ? [] : ours / theirs;
    }),
  );
}

/** Targets of a result, in the order in which they first appear in `order`, others behind. */
export function targetsOf(rounds: readonly Round[], order: readonly string[]): string[] {
  const found = new Set(rounds.flatMap((round) => Object.keys(round)));
  const known = order.filter((name) => found.has(name));
  return [...known, ...[...found].filter((name) => !order.includes(name)).toSorted()];
}
