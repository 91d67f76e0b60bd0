import { setTimeout as pause } from 'node:timers/promises';
import type { LoadResult, Loop, Role, Target, Workload } from './contract.js';
import type { Sample } from './report/figures.js';
import { disturbanceOf, readMachineTime, whyDisturbed, type MachineTime } from './sampling/machine.js';
import { readCpuMs, readMemoryKb } from './sampling/processes.js';
import type { RunningTarget, Scene } from './scene.js';

/** How often the memory is looked at while streams are open, ms: reading it costs the process little, but something. */
const LOOK_MS = 500;

export interface Window {
  readonly sample: Sample;
  /** Why it counts for nothing; undefined: it counts. */
  readonly disturbed: string | undefined;
}

/** One load on one target, and what it cost meanwhile. */
export async function measureWindow(
  scene: Scene,
  { target, meter }: RunningTarget,
  { workload, loop, memory }: { workload: Workload; loop: Loop; memory?: boolean | undefined },
): Promise<Window> {
  await meter?.start();
  const before = await readAll(scene);
  const running = run(scene, target, workload, loop);
  const memoryUsed = memory === true ? await watchMemory(scene, target, running) : undefined;
  const load = await running;
  const after = await readAll(scene);
  const redis = await meter?.read();
  return {
    sample: {
      load,
      stream: workload.stream,
      cpuMs: cpuByRole(target, before, after),
      redis,
      memory: memoryUsed,
    },
    disturbed: whyDropped(before, after),
  };
}

/** Loads a target; whatever comes back is thrown away. */
export async function warm(scene: Scene, target: Target, workload: Workload, loop: Loop): Promise<void> {
  await run(scene, target, workload, loop);
}

async function run(scene: Scene, target: Target, workload: Workload, loop: Loop): Promise<LoadResult> {
  const { url, headers, model } = target;
  return scene.load.run({ url, headers, model, workload, loop });
}

/** What every process of the run has used so far. */
export interface Reading {
  readonly at: number;
  readonly cpuMs: ReadonlyMap<number, number>;
  readonly machine: MachineTime | undefined;
}

export async function readAll(scene: Scene): Promise<Reading> {
  const pids = [process.pid, ...scene.processes.map(({ pid }) => pid)];
  const cpuMs = new Map<number, number>();
  await Promise.all(
    pids.map(async (pid) => {
      const ms = await readCpuMs(pid);
      if (ms !== undefined) cpuMs.set(pid, ms);
    }),
  );
  return { at: performance.now(), cpuMs, machine: await readMachineTime() };
}

/** CPU of a process between two readings, ms; undefined: it cannot be read. */
export function usedMs(before: Reading, after: Reading, pid: number): number | undefined {
  const [from, to] = [before.cpuMs.get(pid), after.cpuMs.get(pid)];
  return from === undefined || to === undefined ? undefined : to - from;
}

/** Why what lies between two readings counts for nothing; undefined: it counts. */
export function whyDropped(before: Reading, after: Reading): string | undefined {
  if (!before.machine || !after.machine) return undefined;
  const own = [...after.cpuMs.keys()].reduce((sum, pid) => sum + (usedMs(before, after, pid) ?? 0), 0);
  return whyDisturbed(disturbanceOf(before.machine, after.machine, own, after.at - before.at));
}

function cpuByRole(
  target: Target,
  before: Reading,
  after: Reading,
): Partial<Record<Role, number>> | undefined {
  const used: Partial<Record<Role, number>> = {};
  for (const { role, pid } of target.processes) {
    const ms = usedMs(before, after, pid);
    if (ms === undefined) return undefined;
    used[role] = (used[role] ?? 0) + ms;
  }
  return used;
}

/** The most that the target held beyond what it held before, and how many streams were open at the most. */
async function watchMemory(
  scene: Scene,
  target: Target,
  running: Promise<unknown>,
): Promise<Sample['memory']> {
  const idle = await memoryOf(target);
  let [most, streams] = [idle, 0];
  const ended = running.then(
    () => true,
    () => true,
  );
  while (!(await Promise.race([ended, pause(LOOK_MS, false)]))) {
    const { open } = await scene.upstream.stats();
    streams = Math.max(streams, open);
    most = Math.max(most, await memoryOf(target));
  }
  return streams > 0 && most > 0 ? { kb: most - idle, streams } : undefined;
}

/** Of all its processes but Redis, which keeps what every stream has said, not only the open ones, kB. */
async function memoryOf({ processes }: Target): Promise<number> {
  const sizes = await Promise.all(
    processes.filter(({ role }) => role !== 'redis').map(({ pid }) => readMemoryKb(pid)),
  );
  return sizes.reduce<number>((sum, kb) => sum + (kb ?? 0), 0);
}
