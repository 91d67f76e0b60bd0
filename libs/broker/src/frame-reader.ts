import { SpillwayError } from '#core/errors.js';
import type { LogEntry } from '#core/ledger/transitions.js';
import type { ChannelMessage } from './process-channel.js';

/**
 * Entries kept for a reader that has not asked for them; above it, they are read from the log again. What is fetched
 * is meant to stay below it, too: only an entry that is larger by itself, about a megabyte at most in a stream, exceeds it.
 */
const BUFFER_BYTES = 256 * 1024;
/** Above it, those that are published are copied: each keeps the whole message in memory that it came in. */
const SHARED_BYTES = 16 * 1024;
/** Most entries fetched from the log at once. */
const MAX_FETCH_COUNT = 8;

/** Where a request stands, as of the last second. */
export interface RequestStatus {
  readonly state: 'waiting' | 'running' | 'ended';
  /** 1 is next; only while waiting. */
  readonly position?: number;
  /** From the queue's lately measured pace; only while waiting and once measured. */
  readonly etaMs?: number;
}

/**
 * Reads one request's log in order. Pub/sub brings entries early; the log is the truth. Each published entry names its
 * predecessor, so one that does not continue what was read means "fetch from the log" and is itself not used.
 */
export class FrameReader implements AsyncIterable<LogEntry> {
  /** Refreshed every second. */
  status: RequestStatus = { state: 'waiting' };
  /** Log id of the last entry taken in. */
  private tail = '0-0';
  private queue: LogEntry[] = [];
  private queuedBytes = 0;
  private behind = false;
  /** Of the run that is read now. As text: the bytes are a part of all that came with them, which they would keep. */
  private start: { readonly id: string; readonly text: string } | undefined;
  /** How often the log may have become another than was read so far, and how many of these were looked into. */
  private doubts = 0;
  private settledDoubts = 0;
  /** How many entries the next fetch asks for: one, until their size is known. */
  private fetchCount = 1;
  private ended = false;
  private error: Error | undefined;
  private wake: (() => void) | undefined;

  constructor(
    readonly request: string,
    private readonly fetch: (cursor: string, count: number) => Promise<LogEntry[]>,
    private readonly onClose: () => void,
  ) {}

  /** Reads what is behind this log id, from the log at first: for a request that was there before its reader. */
  startAfter(cursor: string): void {
    this.queue = [];
    this.queuedBytes = 0;
    this.tail = cursor;
    this.catchUp();
  }

  /** Log id of the last entry taken in; whether it moves tells whether anybody reads. */
  get position(): string {
    return this.tail;
  }

  /** A published entry arrived. */
  receive({ id, previous, kind, bytes }: ChannelMessage): void {
    const isNext = previous === this.tail;
    if (kind === 'stop' || (!isNext && !isAfter(id, this.tail))) return;
    const fits = this.queuedBytes + bytes.length <= BUFFER_BYTES;
    const isSure = !this.behind && this.doubts === this.settledDoubts;
    if (isSure && isNext && kind !== 'fetch' && fits)
      this.take({ id, type: kind, bytes: this.toKeep(bytes) });
    else this.behind = true;
    this.notify();
  }

  /** The ledger says that the log's last id is `last`; something published may have been lost. */
  checkTail(last: string): void {
    if (isAfter(last, this.tail)) this.catchUp();
  }

  /** Read from the log when next asked. */
  catchUp(): void {
    this.behind = true;
    this.notify();
  }

  /** Redis was away; it may be back without what it had taken last, and another run in its place. */
  doubt(): void {
    this.doubts += 1;
    this.catchUp();
  }

  /** The ledger does not know the request any more. */
  fail(error: Error): void {
    this.error = error;
    this.notify();
  }

  /** Ends the iteration; the request itself goes on. */
  close(): void {
    this.ended = true;
    this.queue = [];
    this.onClose();
    this.notify();
  }

  /**
   * Yields `start`, `data` and `end` entries in log order, and finishes after `end` or `close()`. Waits, without end,
   * while Redis is away.
   *
   * @throws {SpillwayError} `internal_error` if the ledger has lost the request, `stream_interrupted` if it has lost the
   * run whose output was read: what another run says does not go on from there
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<LogEntry, void, void> {
    while (!this.ended) {
      const entry = this.queue.shift();
      if (entry) {
        this.queuedBytes -= entry.bytes.length;
        yield entry;
        if (entry.type === 'end') return;
      } else if (this.behind) {
        await this.backfill();
      } else if (this.error) {
        throw this.error;
      } else {
        await new Promise<void>((resolve) => (this.wake = resolve));
      }
    }
  }

  private async backfill(): Promise<void> {
    this.behind = false;
    const { doubts } = this;
    try {
      if (doubts > this.settledDoubts && !(await this.isSameRun())) return this.fail(runLost(this.start));
      this.settledDoubts = doubts;
      const entries = await this.fetch(this.tail, this.fetchCount);
      for (const entry of entries) if (isAfter(entry.id, this.tail)) this.take(entry);
      if (entries.length >= this.fetchCount) this.behind = true;
      this.fetchCount = nextFetchCount(this.fetchCount, entries);
    } catch {
      // Redis is away. Whoever owns this reader calls catchUp() again within a second.
      await new Promise<void>((resolve) => (this.wake = resolve));
      this.behind = true;
    }
  }

  /** Epochs begin anew where Redis has forgotten one; the time in its start says whether it is the same. */
  private async isSameRun(): Promise<boolean> {
    const { start } = this;
    if (!start || this.tail === start.id) return true;
    const [entry] = await this.fetch(`${Number.parseInt(start.id) - 1}-${Number.MAX_SAFE_INTEGER}`, 1);
    return entry?.id === start.id && entry.bytes.toString() === start.text;
  }

  private toKeep(bytes: Buffer): Buffer {
    return this.queuedBytes < SHARED_BYTES ? bytes : Buffer.from(new Uint8Array(bytes).buffer);
  }

  private take(entry: LogEntry): void {
    if (entry.type === 'start') this.start = { id: entry.id, text: entry.bytes.toString() };
    this.queue.push(entry);
    this.queuedBytes += entry.bytes.length;
    this.tail = entry.id;
  }

  private notify(): void {
    const wake = this.wake;
    this.wake = undefined;
    wake?.();
  }
}

/** As many frames of the size of the largest of these as the buffer is meant to hold; at most twice as many as before. */
function nextFetchCount(count: number, entries: readonly LogEntry[]): number {
  const sizes = entries.flatMap(({ type, bytes }) => (type === 'data' ? [bytes.length] : []));
  if (sizes.length === 0) return count;
  const fitting = Math.floor(BUFFER_BYTES / Math.max(1, ...sizes));
  return Math.min(MAX_FETCH_COUNT, 2 * count, Math.max(1, fitting));
}

/** Log ids are `<epoch>-<seq>`: two integers, compared as such. */
export function isAfter(id: string, other: string): boolean {
  const [epoch = 0, seq = 0] = id.split('-').map(Number);
  const [otherEpoch = 0, otherSeq = 0] = other.split('-').map(Number);
  return epoch !== otherEpoch ? epoch > otherEpoch : seq > otherSeq;
}

function runLost(start: { readonly text: string } | undefined): SpillwayError {
  const { provider = 'the provider' } = JSON.parse(start?.text ?? '{}') as { provider?: string };
  return new SpillwayError('stream_interrupted', { provider, reason: 'Redis lost its beginning' });
}

/** What a reader gets when its request is gone: a typed error, never a wait without end. */
export function requestLost(request: string): SpillwayError {
  return new SpillwayError('internal_error', { request });
}
