import { Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { errorBody, errorHeaders, errors } from '#core/errors.js';
import { ApiSettings } from './api-settings.js';
import { pathOf, toSpillwayError } from './edge-errors.js';

/** Answers everything thrown on a request, by Fastify and Nest too, with a row of the error table. */
@Catch()
export class ErrorFilter implements ExceptionFilter {
  constructor(private readonly settings: ApiSettings) {}

  catch(thrown: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    this.reply(thrown, http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>());
  }

  reply(thrown: unknown, request: FastifyRequest, reply: FastifyReply): void {
    const { id, method, url, headers, record } = request;
    // Its client left, maybe in the middle of its upload: nobody is there to be told, and nothing is wrong here.
    if (reply.raw.destroyed || (request.raw.destroyed && !request.raw.complete)) {
      record.outcome ??= 'client_gone';
      reply.raw.destroy();
      return;
    }
    const { code, params, cause } = toSpillwayError(thrown, {
      id,
      method,
      path: pathOf(url),
      contentType: headers['content-type'],
      bodyLimitBytes: this.settings.config.server.bodyLimitBytes,
    });
    record.outcome ??= code;
    if (code === 'internal_error') this.settings.log.error({ request: id, err: cause }, 'request failed');
    // The head has left already: all that can still be told is that the answer is not whole.
    if (reply.sent || reply.raw.headersSent) {
      reply.raw.destroy();
      return;
    }
    if (code === 'method_not_allowed') reply.header('allow', params['allowed']);
    void reply
      .code(errors[code].status)
      .headers({ 'content-type': 'application/json; charset=utf-8', ...errorHeaders(code, params) })
      .send(JSON.stringify(errorBody(code, params)));
  }
}
