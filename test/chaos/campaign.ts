import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { ChaosClient } from './chaos-client.js';
import { ChaosUpstream } from './chaos-upstream.js';
import { checkHistories } from './check-all.js';
import { Cluster, type Member } from './cluster.js';
import type { ClientHistory, Histories } from './history.js';
import { readDead, readLeftovers, readUsage } from './ledger-end.js';
import { Nemesis, planStrikes, type FaultCounts } from './nemesis.js';
import { planRequest } from './plan-requests.js';
import { Random } from '../support/random.js';
import { reportOn, type Report } from './report.js';
import { watchStarvation } from './starvation.js';

export interface CampaignOptions extends FaultCounts {
  readonly seed: number;
  readonly requests: number;
  /** Over which requests and faults are spread, ms; it takes longer where the machine cannot keep up. */
  readonly durationMs: number;
  readonly apis: number;
  readonly workers: number;
  /** Ends the load and the faults early; what was begun is still ended and checked. */
  readonly signal?: AbortSignal;
  /** Takes a line now and then. */
  readonly log?: (line: string) => void;
}

/** More requests at once than this wait for others to end. */
const MOST_IN_FLIGHT = 150;
/** A client that has not ended this long after its deadline never will, ms. */
const HOPELESS_MS = 20_000;
/** Orphans are found after 30 s; then leases lapse, jobs are taken, and nothing is left. */
const QUIET_MS = 60_000;
const PROGRESS_MS = 30_000;
const PROVIDERS = ['gpu', 'spare'];

/** Plays a campaign from its seed to the verdict. Every process and Redis is its own, and ends with it. */
export async function runCampaign(
  options: CampaignOptions,
): Promise<{ report: Report; histories: Histories }> {
  const upstream = await ChaosUpstream.start();
  const cluster = await Cluster.start({ upstream, apis: options.apis, workers: options.workers });
  const redis = new Redis(cluster.redis.url, { maxRetriesPerRequest: null });
  redis.on('error', () => undefined);
  try {
    const nemesis = new Nemesis({ cluster, upstream, redis, random: new Random(options.seed + 1) });
    const clients: ClientHistory[] = [];
    const stopWatching = watchStarvation(redis, nemesis.faults);
    const progress = setInterval(
      () => options.log?.(progressOf(clients, nemesis, upstream, cluster)),
      PROGRESS_MS,
    );
    await Promise.all([load(options, cluster, upstream, clients), torment(options, nemesis)]);
    clearInterval(progress);
    stopWatching();
    const leftovers = await untilQuiet(redis);
    const histories: Histories = {
      clients,
      calls: upstream.calls,
      faults: nemesis.faults,
      rows: await readUsage(redis),
      dead: await readDead(redis),
      leftovers,
      crashes: cluster.crashes,
    };
    return { report: reportOn(histories, checkHistories(histories)), histories };
  } finally {
    redis.disconnect();
    await cluster.stop();
    await upstream.close();
  }
}

/** Sends the requests, at drawn moments, and waits for each to end. */
async function load(
  { seed, requests, durationMs, signal }: CampaignOptions,
  cluster: Cluster,
  upstream: ChaosUpstream,
  histories: ClientHistory[],
): Promise<void> {
  const random = new Random(seed);
  // What depends on how things went must not change what is asked next.
  const chance = new Random(seed + 3);
  const underWay = new Set<Promise<void>>();
  let next = performance.now();
  for (let nth = 1; nth <= requests; nth++) {
    if (signal?.aborted) break;
    const plan = planRequest(random, `m${nth}`);
    next += random.exponential(durationMs / requests);
    await delay(Math.max(0, next - performance.now()));
    if (underWay.size >= MOST_IN_FLIGHT) {
      await Promise.race(underWay);
      next = performance.now();
    }
    upstream.expect(plan);
    for (let twin = 0; twin < plan.clients; twin++) {
      const client = new ChaosClient(() => pickApi(cluster, chance), plan);
      const hopeless = setTimeout(() => client.end('open'), plan.timeoutMs + HOPELESS_MS);
      const over = client.over.then((history) => {
        clearTimeout(hopeless);
        histories.push(history);
        underWay.delete(over);
      });
      underWay.add(over);
    }
  }
  await Promise.all(underWay);
}

function pickApi(cluster: Cluster, random: Random): Member {
  const api = random.pick(cluster.serving()) ?? cluster.members('api')[0];
  if (!api) throw new Error('There is no api to ask.');
  return api;
}

/** Strikes when planned; each strike goes its own way until it is over. */
async function torment(options: CampaignOptions, nemesis: Nemesis): Promise<void> {
  const signal = options.signal ?? new AbortController().signal;
  const strikes = planStrikes(new Random(options.seed + 2), options, options.durationMs);
  const startedAt = performance.now();
  const underWay: Promise<void>[] = [];
  for (const { atMs, strike } of strikes) {
    await delay(Math.max(0, startedAt + atMs - performance.now()), undefined, { signal }).catch(
      () => undefined,
    );
    if (signal.aborted) break;
    underWay.push(
      nemesis.strike(strike, signal).catch((error: unknown) => {
        if (!signal.aborted) throw error;
      }),
    );
  }
  await Promise.all(underWay);
}

/** Waits until nothing is left, or no longer; answers what is left then. */
async function untilQuiet(redis: Redis): Promise<Record<string, number>> {
  const endAt = performance.now() + QUIET_MS;
  for (;;) {
    const leftovers = await readLeftovers(redis, PROVIDERS);
    const left = Object.values(leftovers).some((count) => count > 0);
    if (!left || performance.now() > endAt) return leftovers;
    await delay(500);
  }
}

function progressOf(
  clients: readonly ClientHistory[],
  { faults }: Nemesis,
  { calls }: ChaosUpstream,
  { crashes, startsInVain }: Cluster,
): string {
  const count = (wanted: string) => faults.filter(({ kind }) => kind === wanted).length;
  const open = calls.filter(({ closedAt }) => closedAt === undefined).length;
  return `${clients.length} requests ended, ${calls.length} calls (${open} open), ${count('kill')} kills, ${count('freeze')} stops, ${crashes.length} crashes, ${startsInVain} starts in vain`;
}
