import type { ServerResponse } from 'node:http';
import type { FastifyReply } from 'fastify';
import { SpillwayError } from '#core/errors.js';
import type { Answer } from './answer.js';
import { withIds, type EventCursor } from './event-cursor.js';
import { routeHeaders, type ServedBy } from './served-by.js';
import { errorEvent, heartbeat, routeComment, SSE_HEADERS, type WaitStatus } from './sse.js';

const LINE_FEED = 0x0a;

export interface StreamTimings {
  /** How long nothing is sent while there is no output, ms. */
  readonly holdMs: number;
  /** Longest silence once something was sent, ms. */
  readonly heartbeatMs: number;
  /** How long a client may take nothing before it is cut off, ms. */
  readonly stallMs: number;
}

/** What a client asked for beyond the frames themselves. */
export interface StreamFormat {
  /** Each event has its cursor in an `id:` line, so that the stream can be gone on with. */
  readonly ids: boolean;
  /** The client has the beginning: the stream goes on behind this event, and begins at once. */
  readonly resumed?: { readonly after: EventCursor; readonly by: ServedBy | undefined };
}

/**
 * A stream of server-sent events. Its frames are written as they are, but for the ids that a client may ask for.
 * Nothing is sent before the first of them, or before the hold window is over: until then a failure is a real HTTP
 * status.
 */
export class StreamAnswer implements Answer {
  private readonly raw: ServerResponse;
  private by: ServedBy | undefined;
  private committed = false;
  private hasOutput = false;
  /** The last byte written ended an event, so a comment may follow. */
  private atBoundary = true;
  private blocked = false;
  private timer: NodeJS.Timeout;

  constructor(
    private readonly reply: FastifyReply,
    private readonly status: () => WaitStatus,
    private readonly timings: StreamTimings,
    private readonly format: StreamFormat = { ids: false },
  ) {
    this.raw = reply.raw;
    this.timer = setTimeout(() => {
      this.commit({});
      this.beat();
    }, timings.holdMs);
    if (format.resumed) this.goOn(format.resumed.by);
  }

  start(by: ServedBy): void {
    this.by = by;
  }

  async data(bytes: Buffer, id: string): Promise<void> {
    if (!this.committed) this.commit(routeHeaders(this.by));
    else if (!this.hasOutput && this.by) this.raw.write(routeComment(this.by));
    this.hasOutput = true;
    const pieces = this.format.ids ? withIds(id, bytes, this.firstEventOf(id)) : [[bytes]];
    for (const piece of pieces) await this.write(piece);
  }

  complete(): void {
    if (!this.hasOutput)
      return this.fail(new SpillwayError('internal_error', { request: this.reply.request.id }));
    this.end('');
  }

  fail(error: SpillwayError): void {
    this.close();
    if (!this.committed) throw error;
    this.reply.request.record.outcome = error.code;
    // A frame cut in its middle is closed first, or the error would become part of it.
    this.end((this.atBoundary ? '' : '\n\n') + errorEvent(error.code, error.params));
  }

  close(): void {
    clearTimeout(this.timer);
  }

  /** Writes all parts of a piece at once; then waits for the client, if need be. */
  private async write(piece: readonly Buffer[]): Promise<void> {
    if (this.raw.destroyed) return;
    let hasRoom = true;
    for (const bytes of piece) {
      this.reply.request.record.bytes += bytes.length;
      this.atBoundary = bytes.at(-1) === LINE_FEED && bytes.at(-2) === LINE_FEED;
      hasRoom = this.raw.write(bytes);
    }
    this.timer.refresh();
    if (hasRoom) return;
    this.blocked = true;
    await untilDrained(this.raw, this.timings.stallMs);
    this.blocked = false;
  }

  /** There may be nothing left to send but the end: that is an answer, too. */
  private goOn(by: ServedBy | undefined): void {
    this.commit(routeHeaders(by));
    this.raw.flushHeaders();
    this.hasOutput = true;
  }

  private firstEventOf(id: string): number {
    const { after } = this.format.resumed ?? {};
    return after && id === `${after.epoch}-${after.seq}` ? after.event + 1 : 1;
  }

  private end(last: string): void {
    this.close();
    // What is still buffered waits for the client, but not for ever.
    this.raw.setTimeout(this.timings.stallMs);
    this.raw.end(last);
  }

  private commit(headers: Record<string, string>): void {
    this.committed = true;
    this.reply.hijack();
    this.raw.writeHead(200, { ...SSE_HEADERS, ...headers });
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.beat(), this.timings.heartbeatMs);
  }

  /** A sign of life, where a comment can stand. */
  private beat(): void {
    if (this.atBoundary && !this.blocked) this.raw.write(heartbeat(this.status()));
    this.timer.refresh();
  }
}

/**
 * Resolves when there is room again, or nobody to write to. The connection's own timer, which sees every byte that the
 * client takes, cuts off one that takes none: a large frame may well need longer than that to be read.
 */
function untilDrained(raw: ServerResponse, stallMs: number): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      raw.setTimeout(0);
      raw.off('drain', done).off('close', done);
      resolve();
    };
    if (raw.destroyed) return resolve();
    raw.setTimeout(stallMs);
    raw.once('drain', done).once('close', done);
  });
}
