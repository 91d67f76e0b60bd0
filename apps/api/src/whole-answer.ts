import type { ServerResponse } from 'node:http';
import type { FastifyReply } from 'fastify';
import { errorBody, SpillwayError } from '#core/errors.js';
import type { Answer } from './answer.js';
import { routeHeaders, type ServedBy } from './served-by.js';
import type { StreamTimings } from './stream-answer.js';

/** Proxies must pass each sign of life on. */
const KEPT_ALIVE_HEADERS = { 'content-type': 'application/json', 'x-accel-buffering': 'no' } as const;

/**
 * One JSON body with a length. Nothing is sent before all of it is there, so every failure is a real status; unless
 * the connection is kept alive: then the answer begins after the hold window, with status 200 and white space, which
 * JSON allows for, a later failure can only be told by the body, and the route by trailers.
 */
export class WholeAnswer implements Answer {
  private readonly raw: ServerResponse;
  private by: ServedBy | undefined;
  private parts: Buffer[] = [];
  private committed = false;
  private timer: NodeJS.Timeout | undefined;

  /** `keptAlive`: when the first white space is sent, and how often; absent: never. */
  constructor(
    private readonly reply: FastifyReply,
    private readonly keptAlive?: StreamTimings,
  ) {
    this.raw = reply.raw;
    if (keptAlive) this.timer = setTimeout(() => this.commit(keptAlive), keptAlive.holdMs);
  }

  start(by: ServedBy): void {
    this.by = by;
    // A run that was lost may have left bytes: the answer is the last run's alone.
    this.parts = [];
  }

  data(bytes: Buffer): Promise<void> {
    this.parts.push(bytes);
    return Promise.resolve();
  }

  complete(): void {
    const body = Buffer.concat(this.parts);
    if (body.length === 0)
      return this.fail(new SpillwayError('internal_error', { request: this.reply.request.id }));
    this.reply.request.record.bytes = body.length;
    if (this.committed) return this.endCommitted(body);
    void this.reply.headers({ 'content-type': 'application/json', ...routeHeaders(this.by) }).send(body);
  }

  fail(error: SpillwayError): void {
    this.close();
    if (!this.committed) throw error;
    this.reply.request.record.outcome = error.code;
    this.end(JSON.stringify(errorBody(error.code, error.params)));
  }

  close(): void {
    clearTimeout(this.timer);
  }

  private commit({ heartbeatMs }: StreamTimings): void {
    this.committed = true;
    this.reply.hijack();
    this.raw.writeHead(200, KEPT_ALIVE_HEADERS);
    this.raw.write(' ');
    this.timer = setInterval(() => this.raw.write(' '), heartbeatMs);
  }

  /** The headers have left: who answered, and what it did not get, can only follow. */
  private endCommitted(body: Buffer): void {
    this.raw.addTrailers(routeHeaders(this.by));
    this.end(body);
  }

  private end(body: Buffer | string): void {
    this.close();
    if (this.keptAlive) this.raw.setTimeout(this.keptAlive.stallMs);
    this.raw.end(body);
  }
}
