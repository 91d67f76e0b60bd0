/** Bytes of frames kept at most, unless the newest alone has more. */
const KEEP_BYTES = 1024 * 1024;
/**
 * How long frames that Redis has taken are kept, ms. While its disk is busy it answers before it has written them, for
 * up to 2 s, and one that is killed then comes back without them.
 */
const KEEP_MS = 3_000;
/** Room for frames to come, as a multiple of what is needed: how seldom all of them are moved. */
const SPARE = 2;

/** A frame in the log. Its bytes stay as they are until the next one is kept. */
export interface RecentFrame {
  readonly seq: number;
  readonly bytes: Buffer;
}

/**
 * The frames of a run that Redis took lately, at least the newest. The older ones lie in one piece of memory: as
 * buffers of their own they would all outlive the collections of young garbage, and the pool with them.
 */
export class RecentFrames {
  private newest: RecentFrame | undefined;
  private newestAt = 0;
  private memory: Buffer = Buffer.alloc(0);
  /** Where in `memory` the oldest frame begins, and the last of the older ones ends. */
  private begin = 0;
  private end = 0;
  /** Of the older ones, oldest first: bytes, and when they were taken, whole ms. */
  private readonly lengths: number[] = [];
  private readonly times: number[] = [];

  get last(): RecentFrame | undefined {
    return this.newest;
  }

  /** `now` by `performance.now()`; `seq` is one more than the last one's. */
  keep(frame: RecentFrame, now: number): void {
    if (this.newest) this.store(this.newest.bytes);
    this.newest = frame;
    this.newestAt = Math.floor(now);
    this.forget(frame.bytes.length);
  }

  /** Oldest first. Nothing may be kept meanwhile. */
  *[Symbol.iterator](): Generator<RecentFrame, void, void> {
    if (!this.newest) return;
    let seq = this.newest.seq - this.lengths.length;
    let at = this.begin;
    for (const length of this.lengths) {
      yield { seq, bytes: this.memory.subarray(at, at + length) };
      seq += 1;
      at += length;
    }
    yield this.newest;
  }

  private store(bytes: Buffer): void {
    if (this.end + bytes.length > this.memory.length) this.makeRoom(bytes.length);
    this.end += bytes.copy(this.memory, this.end);
    this.lengths.push(bytes.length);
    this.times.push(this.newestAt);
  }

  private makeRoom(length: number): void {
    const held = this.memory.subarray(this.begin, this.end);
    // A piece of its own, not of Node's pool: it is kept for long.
    const memory = Buffer.allocUnsafeSlow(SPARE * (held.length + length));
    this.end = held.copy(memory);
    this.begin = 0;
    this.memory = memory;
  }

  private forget(newestLength: number): void {
    const oldestAt = this.newestAt - KEEP_MS;
    for (let [length, at] = [this.lengths[0], this.times[0]]; length !== undefined && at !== undefined;) {
      if (at >= oldestAt && this.end - this.begin + newestLength <= KEEP_BYTES) return;
      this.begin += length;
      this.lengths.shift();
      this.times.shift();
      [length, at] = [this.lengths[0], this.times[0]];
    }
  }
}
