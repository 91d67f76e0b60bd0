import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance, FastifyReply, FastifyRequest, FastifyServerOptions } from 'fastify';
import { SpillwayError } from '#core/errors.js';
import { requireDeclared } from './serves.js';
import type { ApiSettings } from './api-settings.js';
import { errorOfConnection, pathOf, rawErrorResponse } from './edge-errors.js';
import type { InFlight } from './in-flight.js';
import { newRecord, type RequestRecord } from './request-record.js';

declare module 'fastify' {
  interface FastifyRequest {
    record: RequestRecord;
  }
}

/** Above the idle time of the usual balancers (60 s): they must be the ones to close, or they meet a closed door. */
const KEEP_ALIVE_MS = 75_000;
/** How long a connection may be silent before its other end is asked whether it is still there, ms. */
const PROBE_AFTER_MS = 10_000;
/** How often Node looks for requests that take too long to arrive, ms. */
const TIMEOUT_CHECK_MS = 500;
/** Longest model id in a path. */
const MAX_PARAM_LENGTH = 512;
/** How long a refused connection may take to read its refusal, ms. */
const LINGER_MS = 1_000;

export interface EdgeOptions {
  readonly settings: ApiSettings;
  readonly inFlight: InFlight;
  readonly newRequestId: () => string;
  /** Answers what was thrown outside of Nest's reach. */
  readonly onError: (thrown: unknown, request: FastifyRequest, reply: FastifyReply) => void;
  /** A request is over, whatever became of it. `status` is null where none was sent. */
  readonly onEnd: (record: RequestRecord, status: number | null) => void;
}

/** The latest request of a connection; `before`: the answer that must be over before this one's may begin. */
interface Current {
  readonly record: RequestRecord;
  readonly raw: ServerResponse;
  readonly before: ServerResponse | undefined;
}

/** The outermost part: what is refused before any of our routes, and what holds for every response. */
export class Edge {
  private readonly current = new WeakMap<Socket, Current>();

  constructor(private readonly options: EdgeOptions) {}

  /** Options of the Fastify server. */
  serverOptions(): FastifyServerOptions & { http: object } {
    const { bodyLimitBytes, requestTimeoutMs, headersTimeoutMs } = this.options.settings.config.server;
    return {
      bodyLimit: bodyLimitBytes,
      requestTimeout: requestTimeoutMs,
      keepAliveTimeout: KEEP_ALIVE_MS,
      forceCloseConnections: true,
      // Fastify's own 503 has another body; ours is answered by the hook below.
      return503OnClosing: false,
      routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
      genReqId: () => this.options.newRequestId(),
      clientErrorHandler: (error, socket) => this.refuseConnection(error.code, socket),
      frameworkErrors: (error, request, reply) => {
        this.begin(request, reply);
        this.options.onError(error, request, reply);
      },
      http: {
        // Finds a client that has vanished while nothing is on its way to it: after this, Linux asks each second, ten times.
        keepAlive: true,
        keepAliveInitialDelay: PROBE_AFTER_MS,
        headersTimeout: Math.min(headersTimeoutMs, requestTimeoutMs),
        connectionsCheckingInterval: TIMEOUT_CHECK_MS,
        // Node's own 400 has no body; the hook below refuses the request with one.
        requireHostHeader: false,
      },
    };
  }

  install(fastify: FastifyInstance): void {
    fastify.removeAllContentTypeParsers();
    // The bytes stay as they are: they are what the provider will get.
    fastify.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) =>
      done(null, body),
    );
    fastify.decorateRequest('record');
    // Node would answer 417 itself, without a body; so it comes to the hook below like any other request.
    const { server } = fastify;
    server.on('checkExpectation', (request, response) => server.emit('request', request, response));
    fastify.addHook('onRoute', requireDeclared);
    fastify.addHook('onRequest', (request, reply, done) => {
      this.begin(request, reply);
      const refusal = this.refuse(request);
      // What is refused here may have a body on its way, which nobody is going to read.
      if (refusal) void reply.header('connection', 'close');
      done(refusal);
    });
    // Whole answers leave at once, as far as the server can: one that nobody reads is not kept for ever.
    fastify.addHook('onSend', (_request, reply, _payload, done) => {
      reply.raw.setTimeout(this.options.settings.stallMs);
      done();
    });
  }

  private begin(request: FastifyRequest, reply: FastifyReply): void {
    const { id, method, routeOptions } = request;
    const record = newRecord(id, method, routeOptions.url ?? null, performance.now());
    request.record = record;
    reply.raw.setHeader('x-request-id', id);
    const { socket } = request.raw;
    this.current.set(socket, { record, raw: reply.raw, before: this.current.get(socket)?.raw });
    // Behind a pipelined request, whose time to be read is not this one's time to be worked on.
    if (!reply.raw.socket) reply.raw.once('socket', () => socket.setTimeout(0));
    reply.raw.once('close', () => {
      record.outcome ??= reply.raw.writableFinished ? 'ok' : 'client_gone';
      this.options.onEnd(record, reply.raw.headersSent ? reply.raw.statusCode : null);
    });
  }

  /** Why this request goes no further; decided by its head alone, before its body is read. */
  private refuse(request: FastifyRequest): SpillwayError | undefined {
    const { method, headers, raw } = request;
    const hosts = countHosts(raw.rawHeaders);
    if (hosts > 1 || (hosts === 0 && raw.httpVersion !== '1.0')) {
      return new SpillwayError('invalid_value', {
        param: 'Host',
        reason: 'There must be exactly one Host header.',
      });
    }
    const { expect } = headers;
    if (expect !== undefined && expect.toLowerCase() !== '100-continue') {
      return new SpillwayError('invalid_value', {
        param: 'Expect',
        reason: 'Nothing but 100-continue may stand in the Expect header.',
      });
    }
    if (request.is404) return this.refusePath(request);
    if (request.routeOptions.config.declared?.access !== 'public') {
      const { settings, inFlight } = this.options;
      const caller = settings.keys.identify(headers.authorization);
      if (!caller) return new SpillwayError('invalid_api_key');
      request.record.application = caller.application;
      if (inFlight.isDraining) return new SpillwayError('shutting_down');
    }
    const encoding = headers['content-encoding'];
    if (method === 'POST' && encoding !== undefined && encoding !== 'identity') {
      return new SpillwayError('unsupported_media_type', { contentType: 'of an encoded body' });
    }
    return undefined;
  }

  private refusePath({ method, url, server }: FastifyRequest): SpillwayError {
    const path = pathOf(url);
    const allowed = server.supportedMethods.filter((other) => server.findRoute({ method: other, url: path }));
    if (allowed.length === 0) return new SpillwayError('not_found', { method, path });
    return new SpillwayError('method_not_allowed', { method, path, allowed: allowed.join(', ') });
  }

  /** For what Node could not make a request of, and for requests that do not arrive in time. */
  private refuseConnection(nodeCode: string | undefined, socket: Socket): void {
    const { newRequestId, settings } = this.options;
    const pending = this.current.get(socket);
    const current = pending?.raw.destroyed ? undefined : pending;
    const isBehind = current?.before?.destroyed === false;
    // The client is gone; or an answer is under way or to come first, and anything written would become part of it.
    if (!socket.writable || hasLeft(nodeCode) || isBehind || current?.raw.headersSent) {
      socket.destroy();
      return;
    }
    const { requestTimeoutMs, headersTimeoutMs } = settings.config.server;
    const { code, params } = errorOfConnection(nodeCode, current ? requestTimeoutMs : headersTimeoutMs);
    if (current) current.record.outcome = code;
    socket.end(rawErrorResponse(code, params, current?.record.id ?? newRequestId()));
    setTimeout(() => socket.destroy(), LINGER_MS).unref();
  }
}

/** In names and values by turns: Node's own sorting makes a list for each header, and keeps it with the request. */
function countHosts(rawHeaders: readonly string[]): number {
  let count = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    if (rawHeaders[at]?.length === 4 && rawHeaders[at]?.toLowerCase() === 'host') count += 1;
  }
  return count;
}

/** Did the client close the connection, in the middle of its request even? */
function hasLeft(nodeCode: string | undefined): boolean {
  return nodeCode === 'ECONNRESET' || nodeCode === 'EPIPE' || nodeCode === 'HPE_INVALID_EOF_STATE';
}
