import { setTimeout as pause } from 'node:timers/promises';
import type { Role } from '../contract.js';
import { readAll, usedMs, whyDropped, type Reading } from '../measure.js';
import type { Figures, Round, ScenarioResult } from '../report/figures.js';
import type { RunOptions } from '../rounds.js';
import type { RunningTarget, Scene } from '../scene.js';

/** Until what a start leaves behind is done, ms. */
const SETTLE_MS = 3_000;
/** Long enough to see what happens once a second, ms. */
const WINDOW_MS = 8_000;
const ROUNDS = 3;

const idleOfRole = { proxy: 'idleProxy', api: 'idleApi', worker: 'idleWorker', redis: 'idleRedis' } as const;

/** What each process uses while nobody asks for anything, percent of a core. */
export async function studyIdle(scene: Scene, options: RunOptions): Promise<ScenarioResult[]> {
  // New ones: nothing of an earlier load is left to be done.
  await scene.keep([]);
  const running = await scene.keep(['naive', 'spillway', 'portkey']);
  await pause(SETTLE_MS);
  const rounds: Round[] = [];
  const dropped: string[] = [];
  while (rounds.length < ROUNDS && dropped.length < ROUNDS) {
    const before = await readAll(scene);
    await pause(WINDOW_MS);
    const after = await readAll(scene);
    const disturbed = whyDropped(before, after);
    if (disturbed === undefined || options.keepDisturbed) rounds.push(toRound(running, before, after));
    else dropped.push(disturbed);
  }
  options.log(`idle: ${rounds.length} windows`);
  return [{ name: 'idle', about: 'nobody asks for anything', rounds, dropped, wrong: [] }];
}

function toRound(running: readonly RunningTarget[], before: Reading, after: Reading): Round {
  const elapsedMs = after.at - before.at;
  const share = (ms: number) => (ms * 100) / elapsedMs;
  return Object.fromEntries(
    running.map(({ target }) => {
      const figures: Figures = {};
      for (const { role, pid } of target.processes) {
        const used = usedMs(before, after, pid);
        const name = idleOfRole[role satisfies Role];
        // Each process: of several in a role, the busiest.
        if (used !== undefined) figures[name] = Math.max(figures[name] ?? 0, share(used));
      }
      return [target.name, figures];
    }),
  );
}
