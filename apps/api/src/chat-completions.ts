import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Broker } from '#broker/broker.js';
import { readControls } from '#core/controls.js';
import { deadlineMs } from '#core/deadline.js';
import { SpillwayError } from '#core/errors.js';
import type { NewRequest } from '#core/ledger/transitions.js';
import { makePlan } from '#core/plan.js';
import { resolveModel } from '#core/route.js';
import { showName } from '#core/scrub.js';
import type { Answer } from './answer.js';
import { ApiSettings } from './api-settings.js';
import { readChatRequest } from './chat-request.js';
import { Exchange } from './exchange.js';
import { InFlight } from './in-flight.js';
import { parseJsonBody } from './json-body.js';
import { relay } from './relay.js';
import { StreamAnswer } from './stream-answer.js';
import { WholeAnswer } from './whole-answer.js';

type Submission = Omit<NewRequest, 'replica'>;

/** Retry-After when no queue of the plan has been seen to move lately, s: nobody can know, so not at once. */
const UNKNOWN_WAIT_SECONDS = 10;

@Injectable()
export class ChatCompletions {
  constructor(
    private readonly settings: ApiSettings,
    private readonly broker: Broker,
    private readonly inFlight: InFlight,
  ) {}

  /**
   * Takes a request in and answers it.
   *
   * @throws {SpillwayError} for every failure that the client has not been told of
   */
  async answer(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const exchange = await this.accept(request, reply);
    if (!exchange) return;
    const answer = this.newAnswer(exchange, request, reply);
    try {
      await relay(exchange, answer, request.record);
    } finally {
      answer.close();
      exchange.close();
    }
  }

  /**
   * Puts the request into the ledger; undefined if its client has left. A step of its own, so that nothing keeps
   * the body, which is Redis's from here on, in this process for as long as the answer takes.
   */
  private async accept(request: FastifyRequest, reply: FastifyReply): Promise<Exchange | undefined> {
    const submission = this.prepare(request);
    request.body = undefined;
    if (reply.raw.destroyed) return undefined;
    const exchange = new Exchange(request.id, this.broker, reply.raw, submission.timeoutMs);
    this.inFlight.add(exchange, reply.raw);
    try {
      await this.submit(submission, exchange);
    } catch (error) {
      exchange.close();
      throw error;
    }
    return exchange;
  }

  /** Checks the request and makes its plan. */
  private prepare({ id, body: bytes, headers, record }: FastifyRequest): Submission {
    const body = parseJsonBody(bytes);
    const chat = readChatRequest(body);
    const controls = readControls(body);
    const { models, providers, timeouts, queue } = this.settings.config;
    const stream = chat.stream === true;
    const timeoutMs = deadlineMs({ totalMs: timeouts.totalMs, stream, headers });
    const catalogue = { models, providers, fleet: this.broker.fleet() };
    const route = resolveModel(chat.model, catalogue);
    record.model = showName(route.model);
    record.stream = stream;
    return {
      id,
      application: record.application,
      model: route.model,
      stream,
      includeUsage: stream && chat.stream_options?.include_usage === true,
      ...makePlan({ route, controls, catalogue, waiting: { maxDelayMs: queue.maxRetryDelayMs, timeoutMs } }),
      timeoutMs,
      maxWaiting: queue.maxWaiting,
      body: bytes as Buffer,
    };
  }

  /** Submits to the first target of the plan whose queue has room. */
  private async submit(submission: Submission, exchange: Exchange): Promise<void> {
    const paces: number[] = [];
    for (let first = 0; first < submission.targets.length && !exchange.isCut; first++) {
      const reply = await this.broker.submit({ ...submission, targets: submission.targets.slice(first) });
      if (reply.kind === 'accepted') {
        exchange.noteSubmitted();
        return;
      }
      if (reply.kind === 'queue_full' && reply.paceMs !== undefined) paces.push(reply.paceMs);
    }
    if (exchange.isCut) return;
    // A place is free again when the next waiting request is taken.
    const seconds = paces.length === 0 ? UNKNOWN_WAIT_SECONDS : Math.ceil(Math.min(...paces) / 1000);
    throw new SpillwayError('queue_full', {
      model: showName(submission.model),
      seconds: Math.max(1, seconds),
    });
  }

  private newAnswer({ reader }: Exchange, { record }: FastifyRequest, reply: FastifyReply): Answer {
    if (record.stream !== true) return new WholeAnswer(reply);
    const { config, stallMs } = this.settings;
    return new StreamAnswer(reply, () => reader.status, { ...config.server, stallMs });
  }
}
