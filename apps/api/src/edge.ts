import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance, FastifyReply, FastifyRequest, FastifyServerOptions } from 'fastify';
import { SpillwayError } from '#core/errors.js';
import { requireDeclared } from './serves.js';
import type { ApiSettings } from './api-settings.js';
import { Connections } from './connections.js';
import { pathOf } from './edge-errors.js';
import type { InFlight } from './in-flight.js';
import { refuseHead } from './request-head.js';
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

export interface EdgeOptions {
  readonly settings: ApiSettings;
  readonly inFlight: InFlight;
  readonly newRequestId: () => string;
  /** Answers what was thrown outside of Nest's reach. */
  readonly onError: (thrown: unknown, request: FastifyRequest, reply: FastifyReply) => void;
  /** A request is over, whatever became of it. `status` is null where none was sent. */
  readonly onEnd: (record: RequestRecord, status: number | null) => void;
}

/** The outermost part: what is refused before any of our routes, and what holds for every response. */
export class Edge {
  private readonly connections: Connections;

  constructor(private readonly options: EdgeOptions) {
    this.connections = new Connections(options);
  }

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
      // The router takes `*healthz` for `/healthz`, and Nest then sends it past the hooks below.
      // `/docs/` is written for `/docs`, whose handler knows of it.
      rewriteUrl: ({ url = '' }) =>
        /^(?:\/|https?:\/\/)/.test(url) ? url.replace(/^\/docs\/(?=\?|$)/, '/docs') : `/${url}`,
      genReqId: () => this.options.newRequestId(),
      clientErrorHandler: (error, socket) => this.connections.refuse(error.code, socket),
      frameworkErrors: (error, request, reply) => {
        if (!this.begin(request, reply)) return;
        this.connections.closeAfter(reply.raw, request.raw.socket);
        this.options.onError(refuseHead(request.raw) ?? error, request, reply);
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
    // All of them, or what decides about a request may be one that was left out: the parser limits their bytes.
    server.maxHeadersCount = 0;
    server.on('connection', (socket: Socket) => this.connections.watch(socket));
    server.on('connect', (request, socket: Socket) => this.connections.refuseTunnel(request, socket));
    server.on('checkContinue', (request, response) =>
      this.connections.proceed(response, () => server.emit('request', request, response)),
    );
    server.on('checkExpectation', (request, response) => server.emit('request', request, response));
    fastify.addHook('onRoute', requireDeclared);
    fastify.addHook('onRequest', (request, reply, done) => {
      // Nothing comes of it: its connection ends with an answer before this one.
      if (!this.begin(request, reply)) return void request.raw.resume();
      const refusal = refuseHead(request.raw) ?? this.refuse(request);
      // What is refused here may have a body on its way, which nobody is going to read; and behind a request to change
      // protocols, which is answered as if it were none, Node skips whatever it has read already.
      if (refusal || isUpgrade(request.raw)) this.connections.closeAfter(reply.raw, request.raw.socket);
      done(refusal);
    });
    // Whole answers leave at once, as far as the server can: one that nobody reads is not kept for ever.
    fastify.addHook('onSend', (_request, reply, _payload, done) => {
      reply.raw.setTimeout(this.options.settings.stallMs);
      done();
    });
  }

  /** False where the connection takes no more requests. */
  private begin(request: FastifyRequest, reply: FastifyReply): boolean {
    const { id, method, routeOptions, raw } = request;
    if (this.connections.isClosing(raw.socket)) return false;
    const record = newRecord(id, method, routeOptions.url ?? null, performance.now());
    request.record = record;
    reply.raw.setHeader('x-request-id', id);
    this.connections.note(record, raw, reply.raw);
    reply.raw.once('close', () => {
      record.outcome ??= reply.raw.writableFinished ? 'ok' : 'client_gone';
      this.options.onEnd(record, reply.raw.headersSent ? reply.raw.statusCode : null);
    });
    return true;
  }

  /** Why this request goes no further; decided by its head alone, before its body is read. */
  private refuse(request: FastifyRequest): SpillwayError | undefined {
    const { method, headers } = request;
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
    const methodsAt = (place: string) =>
      server.supportedMethods.filter((other) => server.findRoute({ method: other, url: place }));
    const allowed = methodsAt(path).join(', ');
    if (allowed !== '') return new SpillwayError('method_not_allowed', { method, path, allowed });
    const isBelow = methodsAt(`/v1${path}`).length > 0;
    const hint = isBelow ? `; it is at /v1${path}, so let the base URL end in /v1` : '';
    return new SpillwayError('not_found', { method, path: path + hint });
  }
}

function isUpgrade({ headers: { upgrade, connection } }: IncomingMessage): boolean {
  return upgrade !== undefined && /\bupgrade\b/i.test(connection ?? '');
}
