import { readFile } from 'node:fs/promises';
import { Redis } from 'ioredis';

const EVERY_MS = 40;
/** How long ago is lately, ms: an answer that was given then may be read now. */
const LATELY_MS = 5_000;
/** A Redis that says nothing for so long counts as away, ms. */
const SILENT_MS = 150;
/** So many ms without a processor, within so many: enough to take a Redis that answers for one that does not. */
const WAITED_MS = 100;
const WITHIN_MS = 500;

interface Sample {
  readonly at: number;
  /** What Redis took for an answer, ms; undefined while it is missing. */
  pingMs?: number;
  /** How long each process has waited for a processor so far, ms. */
  readonly waitedMs: readonly number[];
}

/** Looks all the time whether this machine is so busy that a broker may honestly say that Redis does not answer. */
export class Starvation {
  private readonly redis: Redis;
  private readonly timer: NodeJS.Timeout;
  private samples: Sample[] = [];

  /** @param pids of the processes that Redis's answers go through */
  constructor(
    redisUrl: string,
    private readonly pids: readonly number[],
  ) {
    this.redis = new Redis(redisUrl, { maxRetriesPerRequest: null });
    this.redis.on('error', () => undefined);
    this.timer = setInterval(() => void this.look(), EVERY_MS);
  }

  /** Was it so, lately? */
  get isProven(): boolean {
    const now = performance.now();
    const isSilent = ({ at, pingMs }: Sample) => (pingMs ?? now - at) > SILENT_MS;
    return this.samples.some((sample) => isSilent(sample) || this.hasWaited(sample));
  }

  stop(): void {
    clearInterval(this.timer);
    this.redis.disconnect();
  }

  private hasWaited({ at, waitedMs }: Sample): boolean {
    const before = this.samples.find((sample) => sample.at > at - WITHIN_MS);
    return waitedMs.some((waited, pid) => waited - (before?.waitedMs[pid] ?? waited) > WAITED_MS);
  }

  private async look(): Promise<void> {
    const at = performance.now();
    const sample: Sample = { at, waitedMs: await Promise.all(this.pids.map(waitedMsOf)) };
    this.samples = [...this.samples.filter((old) => old.at > at - LATELY_MS), sample];
    await this.redis.ping().catch(() => undefined);
    sample.pingMs = performance.now() - at;
  }
}

/** Of the main thread of a process, by the scheduler's own account; Linux, 0 elsewhere. */
async function waitedMsOf(pid: number): Promise<number> {
  const [, waitedNs = 0] = (await readFile(`/proc/${pid}/schedstat`, 'utf8').catch(() => '')).split(' ');
  return Number(waitedNs) / 1e6;
}
