import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';

/** What all processors together have done since the machine started, ms. */
export interface MachineTime {
  readonly busyMs: number;
  /** In which the machine below us ran somebody else. */
  readonly stolenMs: number;
}

/** How a window was disturbed from outside, in cores. */
export interface Disturbance {
  readonly foreignCores: number;
  readonly stolenCores: number;
}

/** More than this, of one core, and a window says more about the neighbours than about the target. */
const FOREIGN_CORES = 0.15;
/** Of all cores. */
const STOLEN_SHARE = 0.05;

/** Undefined where there is no `/proc`. */
export async function readMachineTime(): Promise<MachineTime | undefined> {
  const text = await readFile('/proc/stat', 'utf8').catch(() => '');
  return parseMachineTime(text);
}

/** The first line of `/proc/stat`: user, nice, system, idle, iowait, irq, softirq, steal; guests are in user already. */
export function parseMachineTime(text: string): MachineTime | undefined {
  const [, line] = /^cpu +(.*)$/m.exec(text) ?? [];
  if (line === undefined) return undefined;
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = line
    .split(' ')
    .map((ticks) => Number(ticks) * 10);
  return { busyMs: user + nice + system + irq + softirq, stolenMs: steal };
}

/** What others did in a window in which our own processes used `ownMs` of CPU. */
export function disturbanceOf(
  before: MachineTime,
  after: MachineTime,
  ownMs: number,
  elapsedMs: number,
): Disturbance {
  return {
    foreignCores: Math.max(0, after.busyMs - before.busyMs - ownMs) / elapsedMs,
    stolenCores: (after.stolenMs - before.stolenMs) / elapsedMs,
  };
}

/** Why a window counts for nothing; undefined: it counts. */
export function whyDisturbed(
  { foreignCores, stolenCores }: Disturbance,
  cores = availableParallelism(),
): string | undefined {
  if (foreignCores > FOREIGN_CORES) return `others used ${foreignCores.toFixed(2)} of a core`;
  if (stolenCores > STOLEN_SHARE * cores) return `${stolenCores.toFixed(2)} cores were stolen`;
  return undefined;
}
