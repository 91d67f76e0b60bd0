import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Broker } from '#broker/broker.js';
import { readControls } from '#core/controls.js';
import { deadlineMs } from '#core/deadline.js';
import type { Endpoint } from '#core/endpoint.js';
import { SpillwayError } from '#core/errors.js';
import type { AcceptReply, NewRequest } from '#core/ledger/transitions.js';
import { makePlan } from '#core/plan.js';
import { readFeatures } from '#core/read-features.js';
import { resolveModel } from '#core/route.js';
import { showName } from '#core/scrub.js';
import { ApiSettings } from './api-settings.js';
import { readBody } from './bodies/read-body.js';
import { adopt, deliver } from './deliver.js';
import { Exchange } from './exchange.js';
import { hashCall } from './idempotency.js';
import { InFlight } from './in-flight.js';
import { parseJsonBody } from './json-body.js';
import { readLifetime, type Lifetime } from './lifetime.js';
import { Requests } from './requests.js';

type Submission = Omit<NewRequest, 'replica'>;
type Taken = Extract<AcceptReply, { kind: 'accepted' | 'attached' }>;

/** Retry-After when no queue of the plan has been seen to move lately, s: nobody can know, so not at once. */
const UNKNOWN_WAIT_SECONDS = 10;
/** How often a key may turn out to be another request's that has expired when it is to be read. */
const MAX_TRIES = 3;

@Injectable()
export class Inference {
  constructor(
    private readonly settings: ApiSettings,
    private readonly broker: Broker,
    private readonly inFlight: InFlight,
    private readonly requests: Requests,
  ) {}

  /**
   * Takes a request in and answers it.
   *
   * @throws {SpillwayError} for every failure that the client has not been told of
   */
  async answer(endpoint: Endpoint, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const lifetime = readLifetime(request.headers);
    const exchange = await this.accept({ endpoint, lifetime }, request, reply);
    if (!exchange) return;
    const format = { ids: lifetime.continues };
    await deliver({ exchange, request, reply, settings: this.settings, format });
  }

  /**
   * Puts the request into the ledger, or finds the one that has its key there; undefined if its client has left. A step
   * of its own, so that nothing keeps the body, which is Redis's from here on, in this process for as long as the answer
   * takes.
   */
  private async accept(
    { endpoint, lifetime }: { readonly endpoint: Endpoint; readonly lifetime: Lifetime },
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<Exchange | undefined> {
    const kept = this.keep(lifetime, request, reply);
    let submission: Submission;
    try {
      submission = { ...this.prepare(endpoint, request), ...kept };
    } catch (refusal) {
      // What was answered once, or is about to be, needs no provider now.
      const same = kept.idempotency && (await this.requests.attachByKey(kept.idempotency, request, reply));
      if (!same) throw refusal;
      request.record.via = 'key';
      return same;
    }
    request.body = undefined;
    if (reply.raw.destroyed && submission.keepMs === undefined) return undefined;
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const exchange = this.open(submission, reply);
      const taken = await this.submit(submission, exchange).catch((error: unknown) => {
        exchange.close();
        throw error;
      });
      if (taken?.kind !== 'attached') return exchange;
      this.inFlight.remove(exchange);
      exchange.close();
      const joined = await this.requests.attach(taken.request, request, reply);
      if (joined) request.record.via = 'key';
      // Else it has expired since, and its key is free.
      if (joined || reply.raw.destroyed) return joined;
    }
    throw new SpillwayError('internal_error', { request: request.id });
  }

  /** What a request has that outlives its client. */
  private keep(
    { continues, idempotencyKey: key }: Lifetime,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Pick<NewRequest, 'id' | 'keepMs' | 'idempotency'> {
    const { keepMs } = this.settings.config.requests;
    if (key === undefined) return { id: request.id, ...(continues && { keepMs }) };
    const { application } = request.record;
    const path = request.routeOptions.url ?? '';
    const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
    const idempotency = hashCall({ application, key, path, body });
    adopt(request, reply, this.broker.newRequestId(idempotency.key));
    return { id: request.id, keepMs, idempotency };
  }

  private open({ id, timeoutMs, keepMs }: Submission, { raw }: FastifyReply): Exchange {
    const reader = this.broker.open(id);
    const cancel = keepMs === undefined && { cancel: () => void this.broker.cancel(id) };
    const exchange = new Exchange({ reader, raw, timeoutMs, ...cancel });
    this.inFlight.add(exchange, raw);
    return exchange;
  }

  /** Checks the request and makes its plan. */
  private prepare(endpoint: Endpoint, { id, body: bytes, headers, record }: FastifyRequest): Submission {
    const body = parseJsonBody(bytes);
    const { stream, includeUsage, ...asked } = readBody(endpoint, body);
    const controls = readControls(body);
    const { timeouts, queue } = this.settings.config;
    const timeoutMs = deadlineMs({ totalMs: timeouts.totalMs, stream, headers });
    const catalogue = this.settings.catalogueOf(record.application, this.broker.fleet());
    const route = resolveModel(asked.model, catalogue, endpoint);
    record.model = showName(route.model);
    record.stream = stream;
    const waiting = { maxDelayMs: queue.maxRetryDelayMs, timeoutMs };
    const features = readFeatures(endpoint, body);
    return {
      id,
      application: record.application,
      endpoint,
      model: route.model,
      stream,
      includeUsage,
      ...makePlan({ route, controls, catalogue, features, waiting }),
      timeoutMs,
      maxWaiting: queue.maxWaiting,
      body: bytes as Buffer,
    };
  }

  /** Submits to the first target of the plan whose queue has room. */
  private async submit(submission: Submission, exchange: Exchange): Promise<Taken | undefined> {
    const paces: number[] = [];
    const isGivenUp = () => exchange.isCut && !exchange.goesOn;
    for (let first = 0; first < submission.targets.length && !isGivenUp(); first++) {
      const reply = await this.broker.submit({ ...submission, targets: submission.targets.slice(first) });
      if (reply.kind === 'conflict') throw new SpillwayError('idempotency_key_conflict');
      if (reply.kind === 'accepted') exchange.noteSubmitted();
      if (reply.kind !== 'queue_full') return reply;
      if (reply.paceMs !== undefined) paces.push(reply.paceMs);
    }
    if (isGivenUp()) return undefined;
    // A place is free again when the next waiting request is taken.
    const seconds = paces.length === 0 ? UNKNOWN_WAIT_SECONDS : Math.ceil(Math.min(...paces) / 1000);
    throw new SpillwayError('queue_full', {
      model: showName(submission.model),
      seconds: Math.max(1, seconds),
    });
  }
}
