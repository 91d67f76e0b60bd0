import type { Load, LoadResult, Loop } from '../contract.js';
import { Call } from './call.js';
import { ConnectionPool } from './connection-pool.js';
import { RequestTemplate, createIds } from './request-template.js';
import { Tally } from './tally.js';

/** No byte of an answer for this long, beside the pauses of its script: it is lost. */
const SILENCE_MS = 60_000;
/** After so many wrong answers no more is asked. */
const WRONG_LIMIT = 1_000;

/**
 * Asks what the load says, and checks every byte that comes. Returns once every request has its answer.
 *
 * @throws {Error} nobody listens
 */
export async function runLoad(load: Load): Promise<LoadResult> {
  return new LoadRun(load).run();
}

class LoadRun {
  private readonly nextId = createIds();
  private readonly pool: ConnectionPool;
  private readonly over = Promise.withResolvers<void>();
  private tally = new Tally(0);
  private open = 0;
  /** Called after each call, and once in the beginning: asks more, and says whether there may be more to ask. */
  private asksMore: () => boolean = () => false;

  constructor(private readonly load: Load) {
    const { delayMs, gapMs } = load.workload;
    this.pool = new ConnectionPool(
      {
        origin: new URL(load.url),
        template: new RequestTemplate(load),
        silenceMs: SILENCE_MS + delayMs + gapMs,
      },
      {
        over: () => {
          this.open--;
          this.continue();
        },
        stray: (why) => this.tally.noteWrong('no request', why, performance.now()),
      },
    );
  }

  async run(): Promise<LoadResult> {
    const { loop } = this.load;
    try {
      await this.pool.prepare(loop.kind === 'closed' ? loop.concurrency : 1);
      const cpu = process.cpuUsage();
      const beganAt = performance.now();
      this.tally = new Tally(beganAt);
      this.asksMore = this.plan(loop, beganAt);
      this.continue();
      await this.over.promise;
      const { user, system } = process.cpuUsage(cpu);
      return this.tally.result((user + system) / 1000);
    } finally {
      this.pool.close();
    }
  }

  private plan(loop: Loop, beganAt: number): () => boolean {
    switch (loop.kind) {
      case 'closed':
        return this.planClosed(loop.concurrency, beganAt + loop.durationMs);
      case 'open':
        return this.planDue(
          Math.ceil((loop.perSecond * loop.durationMs) / 1000),
          1000 / loop.perSecond,
          beganAt,
        );
      case 'burst':
        return this.planDue(loop.requests, loop.perSecond === undefined ? 0 : 1000 / loop.perSecond, beganAt);
    }
  }

  /** So many at a time, until the time is over. */
  private planClosed(concurrency: number, endAt: number): () => boolean {
    return () => {
      const now = performance.now();
      if (now >= endAt || this.tally.wrongCount >= WRONG_LIMIT) return false;
      while (this.open < concurrency) this.ask(now);
      return true;
    };
  }

  /** Each when it is due, whatever became of the ones before it. */
  private planDue(requests: number, everyMs: number, beganAt: number): () => boolean {
    let asked = 0;
    let timer: NodeJS.Timeout | undefined;
    const askDue = () => {
      timer = undefined;
      const now = performance.now();
      while (asked < requests && beganAt + asked * everyMs <= now) this.ask(beganAt + asked++ * everyMs);
      if (asked < requests) timer = setTimeout(askDue, 1);
      else this.continue();
    };
    return () => {
      if (asked === requests) return false;
      if (timer === undefined) askDue();
      return asked < requests;
    };
  }

  private ask(dueAt: number): void {
    this.open++;
    this.pool.ask(new Call(this.nextId(), dueAt, this.load.workload, this.tally));
  }

  private continue(): void {
    if (!this.asksMore() && this.open === 0) this.over.resolve();
  }
}
