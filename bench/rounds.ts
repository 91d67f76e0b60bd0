import { setTimeout as pause } from 'node:timers/promises';
import type { LoadResult, Loop, Target, Workload } from './contract.js';
import { measureWindow, warm } from './measure.js';
import {
  callsPerRequest,
  figuresOf,
  type Figures,
  type Round,
  type ScenarioResult,
} from './report/figures.js';
import { shuffle } from './report/statistics.js';
import type { Scene } from './scene.js';
import type { TargetName } from './targets.js';
import type { UpstreamProcess } from './upstream-process.js';
import type { UpstreamStats } from './upstream/messages.js';

/** A load that each of some targets gets, in turn and several times over. */
export interface Scenario {
  readonly name: string;
  readonly about: string;
  readonly targets: readonly TargetName[];
  readonly workload: Workload;
  /** @param windowMs how long a window is to be */
  readonly loop: (windowMs: number) => Loop;
  /** At most; fewer where the run has fewer. Default: as many as the run has. */
  readonly rounds?: number;
  /** Memory per open stream is measured, so every window has processes of its own. */
  readonly memory?: true;
  /** Clients leave: the calls of the upstream must end, too. */
  readonly leaves?: true;
}

export interface RunOptions {
  readonly windowMs: number;
  readonly rounds: number;
  /** Count windows that were disturbed, too. */
  readonly keepDisturbed: boolean;
  /** What is left for windows that are measured again; shared by all scenarios of a run. */
  readonly spare: { ms: number };
  readonly random: () => number;
  readonly log: (line: string) => void;
}

/** How long a target runs before its first window, and before that of another scenario, ms. */
const WARM_MS = { first: 2_000, again: 500 };
/** How long after its client has left a call of the upstream may go on, ms. */
const CANCEL_MS = 3_000;

/** How often the upstream is asked meanwhile, ms. */
const LOOK_MS = 50;
/** Targets that have been loaded before. */
const warmed = new WeakSet<Target>();

interface Notes {
  readonly dropped: string[];
  readonly wrong: string[];
  readonly redisCalls: Record<string, Record<string, number>>;
  /** Windows that this scenario may still measure again. */
  again: number;
}

/** Measures every target in every round, in an order that is drawn anew for each round. */
export async function runScenario(
  scene: Scene,
  scenario: Scenario,
  options: RunOptions,
): Promise<ScenarioResult> {
  const { name, about, targets } = scenario;
  const count = Math.min(scenario.rounds ?? options.rounds, options.rounds);
  const running = await scene.keep(targets);
  if (!scenario.memory) for (const { target } of running) await warmUp(scene, target, scenario);
  const notes: Notes = {
    dropped: [],
    wrong: [],
    redisCalls: {},
    again: Math.ceil((count * running.length) / 2),
  };
  const rounds: Round[] = [];
  for (let number = 1; number <= count; number += 1) {
    const round: Record<string, Figures> = {};
    for (const { target } of shuffle(running, options.random)) {
      const figures = await measureTarget(scene, target.name as TargetName, scenario, options, notes);
      if (figures) round[target.name] = figures;
    }
    rounds.push(round);
    const told = Object.entries(round).map(
      ([target, { requests = 0 }]) => `${target} ${requests.toFixed(0)}`,
    );
    options.log(`${name} ${number}/${count}: ${told.join(', ') || 'all disturbed, no'} requests/s`);
  }
  return { name, about, rounds, dropped: notes.dropped, wrong: notes.wrong, redisCalls: notes.redisCalls };
}

/** One window, again if it was disturbed and there is time; undefined: it stayed so. */
async function measureTarget(
  scene: Scene,
  name: TargetName,
  scenario: Scenario,
  options: RunOptions,
  notes: Notes,
): Promise<Figures | undefined> {
  const { workload, memory, leaves } = scenario;
  for (;;) {
    const running = memory ? await scene.renew(name) : scene.get(name);
    if (memory) await warmUp(scene, running.target, scenario);
    const startedAt = Date.now();
    // Those whose clients left in the window before, or in the warm-up, are not of this one.
    const before = leaves ? await untilQuiet(scene.upstream) : undefined;
    const load = { workload, loop: scenario.loop(options.windowMs), memory };
    const { sample, disturbed } = await measureWindow(scene, running, load);
    notes.wrong.push(...tellWrong(name, sample.load));
    const figures = figuresOf(sample);
    if (sample.redis) notes.redisCalls[name] = callsPerRequest(sample);
    if (before) {
      figures.cancelled = await shareCancelled(scene.upstream, before);
      if (name === 'spillway' && figures.cancelled < 100)
        notes.wrong.push(`${name}: ${figures.cancelled} % of the calls ended with their clients`);
    }
    if (disturbed === undefined || options.keepDisturbed) return figures;
    notes.dropped.push(`${name}: ${disturbed}`);
    if (notes.again <= 0 || options.spare.ms <= 0) return undefined;
    notes.again -= 1;
    options.spare.ms -= Date.now() - startedAt;
  }
}

function tellWrong(name: string, { wrong, wrongCount }: LoadResult): string[] {
  const more = wrongCount - wrong.length;
  return [...wrong, ...(more > 0 ? [`${more} more`] : [])].map((text) => `${name}: ${text}`);
}

/** Of the upstream's calls since then, how many ended because their clients had left, in percent. */
async function shareCancelled(upstream: UpstreamProcess, before: UpstreamStats): Promise<number> {
  const { calls, cancelled } = await untilQuiet(upstream);
  return ((cancelled - before.cancelled) * 100) / Math.max(1, calls - before.calls);
}

/** Waits until no call is open, or as long as one may take to end once its client has left. */
async function untilQuiet(upstream: UpstreamProcess): Promise<UpstreamStats> {
  const deadline = Date.now() + CANCEL_MS;
  for (;;) {
    const stats = await upstream.stats();
    if (stats.open === 0 || Date.now() > deadline) return stats;
    await pause(LOOK_MS);
  }
}

/** So that code is compiled and connections are open before anything counts. */
async function warmUp(scene: Scene, target: Target, scenario: Scenario): Promise<void> {
  const durationMs = warmed.has(target) ? WARM_MS.again : WARM_MS.first;
  warmed.add(target);
  const { workload, memory, loop } = scenario;
  // Before memory is measured at rest: what 32 streams at a time need is what an api and a worker hold anyway.
  if (memory)
    await warm(scene, target, { ...workload, gapMs: 0 }, { kind: 'closed', concurrency: 32, durationMs });
  else await warm(scene, target, workload, loop(durationMs));
}
