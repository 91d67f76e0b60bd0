import { readFile } from 'node:fs/promises';
import type { Child } from './child.js';

const TICK_MS = 10;

export interface Effort {
  /** What a process has had of a CPU so far, ms. */
  readonly cpuMs: number;
  /** How much it has printed so far, lines. */
  readonly lines: number;
}

async function effortOf({ pid, output }: Child): Promise<Effort> {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]?.split(' ') ?? [];
  return { cpuMs: (Number(fields[11]) + Number(fields[12])) * TICK_MS, lines: output.split('\n').length };
}

/** What each of them has done since `measure` began. */
export function measureEffort(children: readonly Child[]): () => Promise<readonly Effort[]> {
  const before = Promise.all(children.map(effortOf));
  return async () => {
    const [then, now] = await Promise.all([before, Promise.all(children.map(effortOf))]);
    return now.map(({ cpuMs, lines }, n) => ({
      cpuMs: cpuMs - (then[n]?.cpuMs ?? 0),
      lines: lines - (then[n]?.lines ?? 0),
    }));
  };
}
