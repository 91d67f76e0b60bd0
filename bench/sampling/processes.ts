import { readdir, readFile } from 'node:fs/promises';

/** Ticks of `/proc/<pid>/stat` in a second; Linux has no other value on the machines that Node runs on. */
const TICKS_PER_SECOND = 100;

/**
 * CPU that a process has used so far, of all its threads and of the children that it has waited for, ms; undefined
 * where it cannot be read (no Linux, or it is gone).
 */
export async function readCpuMs(pid: number): Promise<number | undefined> {
  try {
    const stat = parseProcessStat(await readFile(`/proc/${pid}/stat`, 'utf8'));
    const own = (await readThreadsMs(pid)) ?? stat.ownMs;
    return own + stat.childrenMs;
  } catch {
    return undefined;
  }
}

/** To the nanosecond, where the kernel keeps it; `stat` counts in steps of 10 ms. */
async function readThreadsMs(pid: number): Promise<number | undefined> {
  try {
    const threads = await readdir(`/proc/${pid}/task`);
    const texts = await Promise.all(
      threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').catch(() => '0')),
    );
    return texts.reduce((sum, text) => sum + parseSchedstatMs(text), 0);
  } catch {
    return undefined;
  }
}

/** The first number of `schedstat`: nanoseconds on a processor. */
export function parseSchedstatMs(text: string): number {
  return Number(text.split(' ', 1)[0]) / 1_000_000;
}

/** User and system time of a process, and of the children it has waited for. The name in it may hold anything. */
export function parseProcessStat(text: string): { readonly ownMs: number; readonly childrenMs: number } {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const ms = (index: number) => (Number(fields[index]) * 1_000) / TICKS_PER_SECOND;
  return { ownMs: ms(11) + ms(12), childrenMs: ms(13) + ms(14) };
}

/** Memory of a process, kB: its share of what it has in memory (PSS), or all of that where no share is told. */
export async function readMemoryKb(pid: number): Promise<number | undefined> {
  for (const file of ['smaps_rollup', 'status']) {
    const text = await readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '');
    const kb = parseMemoryKb(text);
    if (kb !== undefined) return kb;
  }
  return undefined;
}

/** `Pss` of `smaps_rollup`, or `VmRSS` of `status`. */
export function parseMemoryKb(text: string): number | undefined {
  const [, kb] = /^(?:Pss|VmRSS):\s+(\d+) kB$/m.exec(text) ?? [];
  return kb === undefined ? undefined : Number(kb);
}
