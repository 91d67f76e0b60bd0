import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Answer } from './answer.js';
import type { ApiSettings } from './api-settings.js';
import type { Exchange } from './exchange.js';
import { relay } from './relay.js';
import { StreamAnswer, type StreamFormat } from './stream-answer.js';
import { WholeAnswer } from './whole-answer.js';

export interface Delivery {
  readonly exchange: Exchange;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly settings: ApiSettings;
  readonly format: StreamFormat;
}

/**
 * Answers a client from the log of its request, as a stream or whole, as the request's record says.
 *
 * @throws {SpillwayError} for every failure that the client has not been told of
 */
export async function deliver(delivery: Delivery): Promise<void> {
  const { exchange, request } = delivery;
  const answer = newAnswer(delivery);
  try {
    await relay(exchange, answer, request.record);
  } finally {
    answer.close();
    exchange.close();
  }
}

function newAnswer({ exchange, request, reply, settings, format }: Delivery): Answer {
  const { server } = settings.config;
  const timings = { ...server, stallMs: settings.stallMs };
  if (request.record.stream === true) {
    return new StreamAnswer(reply, () => exchange.reader.status, timings, format);
  }
  return new WholeAnswer(reply, server.wholeAnswerKeepAlive ? timings : undefined);
}

/** From here on this exchange is about a request that was there already: in its headers, in the log line, everywhere. */
export function adopt(request: FastifyRequest, reply: FastifyReply, id: string): void {
  request.id = id;
  request.record.id = id;
  reply.raw.setHeader('x-request-id', id);
}
