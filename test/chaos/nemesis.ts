import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { ChaosUpstream } from './chaos-upstream.js';
import type { Cluster, Member } from './cluster.js';
import type { Fault } from './history.js';
import {
  API_POINTS,
  UPSTREAM_POINTS,
  WORKER_POINTS,
  type ApiPoint,
  type RedisPoint,
  type UpstreamPoint,
  type WorkerPoint,
} from './kill-points.js';
import type { Random } from '../support/random.js';

export type Strike =
  | { readonly kind: 'kill-worker'; readonly point: 'any' | UpstreamPoint | WorkerPoint }
  | { readonly kind: 'kill-api'; readonly point: 'any' | ApiPoint }
  | { readonly kind: 'freeze' | 'redis-restart' | 'redis-pause' | 'pubsub-cut' };

/** How long a named point is waited for before the process is killed wherever it is, ms. */
const POINT_MS = 15_000;
/** As long as fewer than this many of a kind serve, none of them is struck. */
const LEAST_READY = 2;

/** How many of the kills strike an api. */
const API_SHARE = 0.08;

type Mutable<Type> = { -readonly [Key in keyof Type]: Type[Key] };

export interface NemesisOptions {
  readonly cluster: Cluster;
  readonly upstream: ChaosUpstream;
  readonly redis: Redis;
  readonly random: Random;
}

/** Breaks things on demand, and remembers what it did when. */
export class Nemesis {
  readonly faults: Mutable<Fault>[] = [];
  private readonly upstreamTraps = new Map<
    string,
    { point: UpstreamPoint; onReached: (request: string) => void }
  >();

  constructor(private readonly options: NemesisOptions) {
    options.upstream.onPoint = (worker, point, request) => {
      const trap = this.upstreamTraps.get(worker);
      if (trap?.point === point) trap.onReached(request);
    };
  }

  /** Resolves once it is over: the process was killed or runs again, Redis answers again. */
  async strike(strike: Strike, signal: AbortSignal): Promise<void> {
    switch (strike.kind) {
      case 'kill-worker':
        return this.killWorker(strike.point, signal);
      case 'kill-api': {
        const { point } = strike;
        const api = await this.victim('api', point !== 'any', signal);
        return point === 'any' ? this.kill(api, 'any') : this.killAtRedis(api, point);
      }
      case 'freeze': {
        const role = this.options.random.chance(0.85) ? 'worker' : 'api';
        return this.freeze(await this.victim(role, false, signal));
      }
      case 'redis-restart':
        return this.restartRedis();
      case 'redis-pause':
        return this.pauseRedis();
      case 'pubsub-cut':
        return this.cutPubSub();
    }
  }

  private async victim(role: Member['role'], proxied: boolean, signal: AbortSignal): Promise<Member> {
    const { cluster, random } = this.options;
    for (;;) {
      const ready = cluster.ready(role);
      const victims = proxied ? ready.filter(({ proxy }) => proxy) : ready;
      const victim = ready.length > LEAST_READY ? random.pick(victims) : undefined;
      if (victim) return victim;
      await delay(100, undefined, { signal });
    }
  }

  private async killWorker(point: 'any' | UpstreamPoint | WorkerPoint, signal: AbortSignal): Promise<void> {
    const worker = await this.victim('worker', isWorkerPoint(point), signal);
    if (point === 'any') return this.kill(worker, 'any');
    if (isWorkerPoint(point)) {
      if (point === 'between-next-and-add') this.options.upstream.failFirstTargets(worker.name);
      return this.killAtRedis(worker, point);
    }
    await this.killAt(worker, point, (onReached) => {
      this.upstreamTraps.set(worker.name, { point, onReached });
    });
    this.upstreamTraps.delete(worker.name);
  }

  private async killAtRedis(member: Member, point: RedisPoint): Promise<void> {
    await this.killAt(member, point, (onReached) => member.proxy?.arm(point, onReached));
  }

  /** Kills it at the named point, in the same tick in which that is noticed, or after a while wherever it is. */
  private async killAt(
    member: Member,
    point: string,
    arm: (onReached: (request: string) => void) => void,
  ): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const strike = (where: string, request: string) => {
      clearTimeout(timer);
      this.kill(member, where, request);
      resolve();
    };
    const timer = setTimeout(() => strike('any', ''), POINT_MS);
    member.state = 'armed';
    arm((request) => strike(point, request));
    await promise;
  }

  private kill(member: Member, point: string, request = ''): void {
    if (member.state === 'dead') return;
    this.note({ kind: 'kill', process: member.name, point, request });
    this.options.cluster.kill(member);
  }

  /** Below the lease of 5 s, and above. */
  private async freeze(member: Member): Promise<void> {
    const { random } = this.options;
    const isLong = member.role === 'worker' && random.chance(0.6);
    const ms = isLong ? random.between(5_500, 10_000) : random.between(200, 4_000);
    member.state = 'frozen';
    const fault = this.note({ kind: 'freeze', process: member.name, point: 'any', request: '' });
    fault.to = Infinity;
    member.child.signal('SIGSTOP');
    await delay(ms);
    member.child.signal('SIGCONT');
    fault.to = Date.now();
    if (member.child.isRunning) member.state = 'ready';
  }

  private async restartRedis(): Promise<void> {
    const { cluster, redis, random } = this.options;
    const fault = this.note({ kind: 'redis-restart', process: '', point: 'any', request: '' });
    fault.to = Infinity;
    if (random.chance(0.7)) await cluster.redis.kill();
    await cluster.redis.restart();
    await redis.ping();
    fault.to = Date.now();
  }

  private async pauseRedis(): Promise<void> {
    const { redis, random } = this.options;
    const fault = this.note({ kind: 'redis-pause', process: '', point: 'any', request: '' });
    fault.to = Infinity;
    await redis.call('CLIENT', 'PAUSE', random.between(300, 3_000), random.chance(0.5) ? 'ALL' : 'WRITE');
    // Answered when the pause is over.
    await redis.set('chaos:pause', '1');
    fault.to = Date.now();
  }

  private async cutPubSub(): Promise<void> {
    this.note({ kind: 'pubsub-cut', process: '', point: 'any', request: '' });
    await this.options.redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
  }

  private note(fault: Omit<Fault, 'from' | 'to'>): Mutable<Fault> {
    const now = Date.now();
    const noted = { ...fault, from: now, to: now };
    this.faults.push(noted);
    return noted;
  }
}

export interface FaultCounts {
  /** SIGKILLs of workers and apis, and SIGSTOPs. */
  readonly kills: number;
  readonly stops: number;
  readonly restarts: number;
  readonly pauses: number;
  readonly cuts: number;
}

/** When each fault strikes, ms after the start: spread evenly, each at a drawn place of its share of the time. */
export function planStrikes(
  random: Random,
  { kills, stops, restarts, pauses, cuts }: FaultCounts,
  durationMs: number,
): readonly { readonly atMs: number; readonly strike: Strike }[] {
  const apiKills = Math.floor(kills * API_SHARE);
  const times = (count: number, kind: 'freeze' | 'redis-restart' | 'redis-pause' | 'pubsub-cut') =>
    Array.from({ length: count }, () => ({ kind }) as const);
  const strikes: readonly (readonly Strike[])[] = [
    planKills(random, [...UPSTREAM_POINTS, ...WORKER_POINTS], kills - apiKills).map(
      (point) => ({ kind: 'kill-worker', point }) as const,
    ),
    planKills(random, API_POINTS, apiKills).map((point) => ({ kind: 'kill-api', point }) as const),
    times(stops, 'freeze'),
    times(restarts, 'redis-restart'),
    times(pauses, 'redis-pause'),
    times(cuts, 'pubsub-cut'),
  ];
  return strikes
    .flatMap((each) =>
      each.map((strike, nth) => ({ atMs: ((nth + random.next()) / each.length) * durationMs, strike })),
    )
    .toSorted((one, other) => one.atMs - other.atMs);
}

/** Each named point once, in a drawn order; then as it comes, half of them at no point in particular. */
function planKills<Point extends string>(
  random: Random,
  points: readonly Point[],
  count: number,
): readonly (Point | 'any')[] {
  const left = [...points];
  return Array.from({ length: count }, () => {
    if (left.length > 0) return left.splice(random.between(0, left.length - 1), 1)[0] ?? 'any';
    return random.chance(0.5) ? 'any' : (random.pick(points) ?? 'any');
  });
}

function isWorkerPoint(point: string): point is WorkerPoint {
  return WORKER_POINTS.some((each) => each === point);
}
