import type { FastifyReply } from 'fastify';
import { SpillwayError } from '#core/errors.js';
import type { Answer } from './answer.js';
import { routeHeaders, type ServedBy } from './served-by.js';

/** One JSON body with a length. Nothing is sent before all of it is there, so every failure is a real status. */
export class WholeAnswer implements Answer {
  private by: ServedBy | undefined;
  private parts: Buffer[] = [];

  constructor(private readonly reply: FastifyReply) {}

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
    if (body.length === 0) throw new SpillwayError('internal_error', { request: this.reply.request.id });
    this.reply.request.record.bytes = body.length;
    void this.reply.headers({ 'content-type': 'application/json', ...routeHeaders(this.by) }).send(body);
  }

  fail(error: SpillwayError): void {
    throw error;
  }

  close(): void {}
}
