import { setTimeout as pause } from 'node:timers/promises';
import { readAll, usedMs, whyDropped } from '../measure.js';
import type { Figures, Round, ScenarioResult } from '../report/figures.js';
import { percentile, shuffle } from '../report/statistics.js';
import type { RunOptions } from '../rounds.js';
import type { Scene } from '../scene.js';
import type { TargetName } from '../targets.js';
import { QueueFiller } from './queue-filler.js';

const BACKLOG = 100_000;
const SMALLER_BACKLOGS = [1_000, 10_000] as const;
/** Submitted one after the other in a window; few enough that an empty queue stays nearly so. */
const SUBMITS = 400;
const WARM_UP = 2_000;
const LOOK_MS = 20;
/** Until what was just written is settled: the accepts' second look, the file's flush, ms. */
const SETTLE_MS = 1_500;
/** A queue that is not worked off is an error, not a wait without end, ms. */
const STUCK_MS = 60_000;

interface Filled {
  readonly name: TargetName;
  readonly filler: QueueFiller;
}

/**
 * What it takes to submit a request to a queue of 100,000 and to an empty one, and what a request costs worker and Redis
 * while a queue of 1,000, of 10,000 and of 100,000 is worked off.
 */
export async function studyBacklog(scene: Scene, options: RunOptions): Promise<ScenarioResult[]> {
  await scene.keep([]);
  const names = ['spillway', 'spillway-backlog'] as const;
  await scene.keep(names);
  const targets: Filled[] = [];
  try {
    for (const name of names) targets.push({ name, filler: await connect(scene, name) });
    const [empty, full] = targets;
    if (!empty || !full) return [];
    const small = await drainSmall(scene, full, options);
    await Promise.all(targets.map(({ filler }) => filler.hold()));
    const from = Date.now();
    await full.filler.fill(BACKLOG);
    options.log(
      `backlog: ${BACKLOG} requests were accepted in ${((Date.now() - from) / 1_000).toFixed(0)} s`,
    );
    await pause(SETTLE_MS);
    const enqueue = await compareSubmits(scene, { empty, full }, options);
    const large = await drainLarge(scene, full, options);
    const drain = small.map((round, index) => ({ ...round, ...large[index] }));
    return [
      { ...enqueue, name: 'enqueue', about: 'accepting one request, with others waiting' },
      {
        ...{ name: 'drain', about: 'working off what waited: worker and Redis, answers read by nobody' },
        ...{ rounds: drain, dropped: [], wrong: [] },
      },
    ];
  } finally {
    await Promise.all(targets.map(({ filler }) => filler.close()));
    // Its queue is held, or full of what nobody waits for.
    await scene.keep([]);
  }
}

async function connect(scene: Scene, name: TargetName): Promise<QueueFiller> {
  const { redisUrl } = scene.get(name).target;
  if (redisUrl === undefined) throw new Error(`${name} has no Redis`);
  return QueueFiller.connect(redisUrl);
}

async function compareSubmits(
  scene: Scene,
  { empty, full }: { readonly empty: Filled; readonly full: Filled },
  options: RunOptions,
): Promise<Pick<ScenarioResult, 'rounds' | 'dropped' | 'wrong'>> {
  const rounds: Round[] = [];
  const dropped: string[] = [];
  const kinds = [
    { name: 'empty', of: empty },
    { name: `${BACKLOG} waiting`, of: full },
  ];
  while (rounds.length < options.rounds && dropped.length < options.rounds) {
    const round: Record<string, Figures> = {};
    const before = await readAll(scene);
    for (const { name, of } of shuffle(kinds, options.random)) {
      const times: number[] = [];
      const from = performance.now();
      for (let i = 0; i < SUBMITS; i += 1) times.push(await of.filler.submit());
      const elapsedMs = performance.now() - from;
      const [p50 = 0, p99 = 0] = [percentile(times, 0.5), percentile(times, 0.99)];
      round[name] = { requests: (SUBMITS * 1_000) / elapsedMs, p50, p99 };
    }
    const disturbed = whyDropped(before, await readAll(scene));
    if (disturbed === undefined || options.keepDisturbed) rounds.push(round);
    else dropped.push(disturbed);
  }
  options.log(`enqueue: ${rounds.length} rounds`);
  return { rounds, dropped, wrong: [] };
}

/** Each of the smaller backlogs in each round, from its first call to its last. */
async function drainSmall(scene: Scene, filled: Filled, options: RunOptions): Promise<Round[]> {
  const { filler } = filled;
  // What a worker does for the first time it does slowly.
  const { calls } = await scene.upstream.stats();
  await filler.fill(WARM_UP);
  await untilCalls(scene, calls, WARM_UP, STUCK_MS);
  const rounds: Round[] = [];
  for (let number = 0; number < options.rounds; number += 1) {
    const round: Record<string, Figures> = {};
    for (const size of shuffle(SMALLER_BACKLOGS, options.random)) {
      await filler.hold();
      await filler.fill(size);
      await pause(SETTLE_MS);
      round[`${size} waiting`] = await measureDrain(scene, filled, size, STUCK_MS);
    }
    rounds.push(round);
  }
  options.log(`drain: ${SMALLER_BACKLOGS.join(' and ')} were worked off ${rounds.length} times`);
  return rounds;
}

/** Windows of the large backlog, from the moment it is let go; what is left after them is thrown away. */
async function drainLarge(scene: Scene, filled: Filled, options: RunOptions): Promise<Round[]> {
  const rounds: Round[] = [];
  for (let number = 0; number < options.rounds; number += 1) {
    const figures = await measureDrain(scene, filled, BACKLOG, options.windowMs);
    rounds.push({ [`${BACKLOG} waiting`]: figures });
  }
  options.log(`drain: ${BACKLOG}, ${rounds.length} windows`);
  return rounds;
}

/** Lets the queue go until so many calls were made, or for so long. */
async function measureDrain(
  scene: Scene,
  { name, filler }: Filled,
  count: number,
  limitMs: number,
): Promise<Figures> {
  const { target, meter } = scene.get(name);
  const calls = (await scene.upstream.stats()).calls;
  await meter?.start();
  const before = await readAll(scene);
  await filler.letGo();
  const made = await untilCalls(scene, calls, count, limitMs);
  const after = await readAll(scene);
  const redis = await meter?.read();
  if (made === 0) throw new Error(`${name} does not work off its queue`);
  const figures: Figures = { requests: (made * 1_000) / (after.at - before.at) };
  for (const { role, pid } of target.processes) {
    const used = usedMs(before, after, pid);
    if (used === undefined || role === 'proxy' || role === 'api') continue;
    figures[role === 'worker' ? 'cpuWorker' : 'cpuRedis'] = used / made;
    figures.cpu = (figures.cpu ?? 0) + used / made;
  }
  if (redis) Object.assign(figures, { commands: redis.commands / made, scriptUs: redis.scriptUs / made });
  return figures;
}

/** How many calls were made since, once it is `count` and none is open, or the time is up. */
async function untilCalls(scene: Scene, since: number, count: number, limitMs: number): Promise<number> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    const { calls, open } = await scene.upstream.stats();
    if (calls - since >= count && open === 0) return calls - since;
    if (performance.now() > deadline) return calls - since;
    await pause(LOOK_MS);
  }
}
