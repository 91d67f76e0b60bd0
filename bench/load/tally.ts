import type { LoadResult } from '../contract.js';
import { Samples } from './samples.js';

/** Wrong answers that are told one by one; the others are counted. */
const TOLD = 20;

/** What came of a load, as it comes. */
export class Tally {
  readonly latency = new Samples();
  readonly firstChunk = new Samples();
  readonly gap = new Samples();
  private answered = 0;
  private events = 0;
  wrongCount = 0;
  private readonly wrong: string[] = [];
  private lastEndAt = 0;

  constructor(private readonly beganAt: number) {
    this.lastEndAt = beganAt;
  }

  noteAnswer(latencyMs: number, now: number): void {
    this.answered++;
    this.latency.add(latencyMs);
    this.lastEndAt = now;
  }

  noteEvents(count: number): void {
    this.events += count;
  }

  noteWrong(id: string, why: string, now: number): void {
    this.wrongCount++;
    this.lastEndAt = now;
    if (this.wrong.length < TOLD) this.wrong.push(`${id}: ${why}`);
  }

  result(cpuMs: number): LoadResult {
    return {
      answered: this.answered,
      events: this.events,
      elapsedMs: this.lastEndAt - this.beganAt,
      latency: this.latency.percentiles(),
      firstChunk: this.firstChunk.percentiles(),
      gap: this.gap.percentiles(),
      wrong: this.wrong,
      wrongCount: this.wrongCount,
      cpuMs,
    };
  }
}
