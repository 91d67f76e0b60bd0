import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Broker } from '#broker/broker.js';
import { SpillwayError } from '#core/errors.js';
import { shardOf } from '#core/ids.js';
import type { Idempotency, RequestState } from '#core/ledger/transitions.js';
import { showName } from '#core/scrub.js';
import { ApiSettings } from './api-settings.js';
import { adopt, deliver } from './deliver.js';
import { readCursor, unknownCursor } from './event-cursor.js';
import { Exchange } from './exchange.js';
import { findEvent } from './find-event.js';
import { InFlight } from './in-flight.js';
import { toPlainText } from './plain-text.js';
import { readOutcome } from './read-outcome.js';
import { describeRequestState } from './request-state.js';

/** How much of an id that is none an error repeats. */
const SHOWN_CHARS = 64;

/** A request that its application asks about by its id. */
export interface Found {
  readonly id: string;
  readonly state: RequestState;
}

/** Requests that are there already: what became of them, and reading them from any replica. */
@Injectable()
export class Requests {
  constructor(
    private readonly settings: ApiSettings,
    private readonly broker: Broker,
    private readonly inFlight: InFlight,
  ) {}

  /**
   * The request that the path names.
   *
   * @throws {SpillwayError} `request_not_found` also for one of another application
   */
  async find(request: FastifyRequest): Promise<Found> {
    const { id } = request.params as { id: string };
    const state = shardOf(id) === undefined ? undefined : await this.broker.describe(id);
    if (!state || state.application !== request.record.application) throw notFound(id);
    return { id, state };
  }

  /** Its state as JSON text, with the answer of one that ended whole. */
  async describe({ id, state }: Found): Promise<string> {
    if (state.state !== 'ended') return describeRequestState(id, state);
    const outcome = await readOutcome((cursor, count) => this.broker.read(id, cursor, count), state.stream);
    // Between the two it has expired, or was removed.
    if (!outcome) throw notFound(id);
    return describeRequestState(id, state, outcome);
  }

  /** Answers as the request itself is answered: from its start, or for a stream behind an event that the client has. */
  async follow({ id, state }: Found, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const after = readCursor(request.headers, request.query as Record<string, unknown>);
    if (after && !state.stream) throw unknownCursor();
    const place = after && (await findEvent((at, count) => this.broker.read(id, at, count), after));
    const exchange = await this.attach(id, request, reply, place?.readAfter);
    if (!exchange) throw notFound(id);
    request.record.via = 'id';
    const format = { ids: true, ...(place && { resumed: { after: place.after, by: place.by } }) };
    await deliver({ exchange, request, reply, settings: this.settings, format });
  }

  /**
   * As `attach`, by its idempotency key: for a call that could not be accepted now. What failed or was cancelled is as
   * good as unknown.
   */
  async attachByKey(
    idempotency: Idempotency,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<Exchange | undefined> {
    const id = await this.broker.holder(request.id, idempotency);
    const state = id === undefined ? undefined : await this.broker.describe(id);
    if (id === undefined || !state) return undefined;
    if (state.state === 'ended' && state.outcome !== 'completed') return undefined;
    return this.attach(id, request, reply);
  }

  /** Reads a request along with whoever else does. Undefined: it is unknown, or the client has left. */
  async attach(
    id: string,
    request: FastifyRequest,
    reply: FastifyReply,
    readAfter = '0-0',
  ): Promise<Exchange | undefined> {
    const joined = await this.broker.join(id);
    if (!joined) return undefined;
    const { reader, state } = joined;
    // Nothing would tell that it has left.
    if (reply.raw.destroyed) {
      reader.close();
      return undefined;
    }
    reader.startAfter(readAfter);
    adopt(request, reply, id);
    request.record.model = showName(state.model);
    request.record.stream = state.stream;
    if (state.state === 'ended') reply.raw.setHeader('x-spillway-replayed', 'true');
    // By how much this process's clock and the ledger's differ is unknown: so all of its time, from now on.
    const timeoutMs = state.deadlineAt - state.createdAt;
    const exchange = new Exchange({ reader, raw: reply.raw, timeoutMs });
    this.inFlight.add(exchange, reply.raw);
    return exchange;
  }

  /** Ends it, whatever it does; one that has ended stays as it is. */
  async cancel({ id }: Found): Promise<void> {
    await this.broker.cancel(id);
  }

  /** Ends it if need be, and forgets it. */
  async remove({ id }: Found): Promise<void> {
    await this.broker.remove(id);
  }
}

function notFound(id: string): SpillwayError {
  return new SpillwayError('request_not_found', { request: toPlainText(id).slice(0, SHOWN_CHARS) });
}
