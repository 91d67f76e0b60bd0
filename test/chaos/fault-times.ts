import type { Fault } from './history.js';

/** Who was away when, to tell what a fault excuses from what is broken. */
export class FaultTimes {
  private readonly ofProcess = new Map<string, Fault[]>();
  private readonly outages: readonly Fault[];

  constructor(faults: readonly Fault[]) {
    for (const fault of faults) {
      const known = this.ofProcess.get(fault.process);
      if (known) known.push(fault);
      else this.ofProcess.set(fault.process, [fault]);
    }
    this.outages = faults.filter(({ kind }) => kind === 'redis-restart' || kind === 'redis-pause');
  }

  /** Was this process killed or frozen at some moment between the two? */
  struck(process: string, from: number, to: number, kind?: 'kill' | 'freeze'): boolean {
    return (this.ofProcess.get(process) ?? []).some(
      (fault) => fault.from <= to && fault.to >= from && (kind === undefined || fault.kind === kind),
    );
  }

  /** When this process was killed; undefined if it never was. */
  killedAt(process: string): number | undefined {
    return this.ofProcess.get(process)?.find(({ kind }) => kind === 'kill')?.from;
  }

  /** Was Redis away at some moment between the two? */
  redisAway(from: number, to: number): boolean {
    return this.outages.some((fault) => fault.from <= to && fault.to + REDIS_SETTLES_MS >= from);
  }

  /**
   * Until when something that takes `ms` from `at` on may take: while Redis or one of these processes is away, nothing
   * happens, and what it takes begins anew afterwards.
   */
  latest(at: number, ms: number, ...processes: readonly string[]): number {
    const absences = [
      ...processes.flatMap((process) => this.ofProcess.get(process) ?? []).filter(isFreeze),
      ...this.outages.map((fault) => ({ from: fault.from, to: fault.to + REDIS_SETTLES_MS })),
    ].toSorted((one, other) => one.from - other.from);
    let latest = at + ms;
    for (const { from, to } of absences) if (from <= latest && to > at) latest = Math.max(latest, to + ms);
    return latest;
  }
}

/** After an outage leases and readers are given this long before they count as lost. */
const REDIS_SETTLES_MS = 3_000;

function isFreeze({ kind }: Fault): boolean {
  return kind === 'freeze';
}
