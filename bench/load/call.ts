import type { Workload } from '../contract.js';
import type { AnswerCheck } from './answer-check.js';
import type { ResponseSink } from './response-reader.js';
import { StreamCheck } from './stream-check.js';
import type { Tally } from './tally.js';
import { WholeCheck } from './whole-check.js';
import { WrongAnswerError, excerpt } from './wrong-answer.js';

/** Of the text of a refusal, this much is told. */
const REFUSAL_CHARACTERS = 300;

/** One request and its answer: checks it, times it, and notes what came of it. */
export class Call implements ResponseSink {
  /** Set by whoever reads, once for each read: asking the clock for each event would cost. */
  now = 0;
  isOver = false;
  private readonly check: AnswerCheck;
  private status = 0;
  private refusal = '';
  private firstAt: number | undefined;
  private lastTextAt = 0;

  /** @param dueAt latency counts from here, ms of `performance.now()` */
  constructor(
    readonly id: string,
    private readonly dueAt: number,
    private readonly workload: Workload,
    private readonly tally: Tally,
  ) {
    this.check = workload.stream ? new StreamCheck(id, workload.events) : new WholeCheck(id, workload.events);
  }

  /** The client has seen as much as it wanted. */
  get hasSeenEnough(): boolean {
    return this.check.texts >= (this.workload.leaveAfter ?? Number.POSITIVE_INFINITY);
  }

  head(status: number): void {
    this.status = status;
  }

  body(text: string, start: number, end: number): void {
    if (this.status !== 200) {
      this.refusal += text.slice(start, Math.min(end, start + REFUSAL_CHARACTERS));
      return;
    }
    if (this.hasSeenEnough) return; // what comes after the client left is not its concern
    const before = this.check.texts;
    this.check.push(text, start, end);
    const texts = this.check.texts - before;
    if (texts > 0) this.noteTexts(texts);
    if (!this.workload.stream) this.noteFirst();
  }

  end(): void {
    if (this.status !== 200) throw new WrongAnswerError(`${this.status}: ${excerpt(this.refusal)}`);
    if (!this.hasSeenEnough) this.check.end();
    if (!this.workload.stream) this.tally.noteEvents(this.check.texts);
    this.answered();
  }

  /** The client leaves before the end, as it was told to. */
  leave(): void {
    this.answered();
  }

  /** The answer is not right, or there is none. */
  fail(why: string, now: number): void {
    if (this.isOver) return;
    this.isOver = true;
    this.tally.noteWrong(this.id, why, now);
  }

  private answered(): void {
    this.isOver = true;
    this.tally.noteAnswer(this.now - this.dueAt, this.now);
  }

  private noteTexts(texts: number): void {
    this.tally.noteEvents(texts);
    if (this.workload.gapMs > 0) {
      if (this.firstAt !== undefined) this.tally.gap.add(this.now - this.lastTextAt);
      for (let more = 1; more < texts; more++) this.tally.gap.add(0);
      this.lastTextAt = this.now;
    }
    this.noteFirst();
  }

  private noteFirst(): void {
    if (this.firstAt !== undefined) return;
    this.firstAt = this.now;
    this.tally.firstChunk.add(this.now - this.dueAt);
  }
}
