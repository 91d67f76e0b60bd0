import { Controller, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Requests } from './requests.js';
import { Serves } from './serves.js';

/** Requests by their id, each for its own application alone. */
@Controller()
export class RequestsController {
  constructor(private readonly requests: Requests) {}

  @Serves('showRequest')
  async show(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.send(request, reply);
  }

  @Serves('followRequest')
  async follow(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const found = await this.requests.find(request);
    // Who asks for the head alone does not wait for the end of a stream.
    if (request.method === 'HEAD') return void reply.send();
    await this.requests.follow(found, request, reply);
  }

  @Serves('cancelRequest')
  async cancel(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.requests.cancel(await this.requests.find(request));
    await this.send(request, reply);
  }

  @Serves('removeRequest')
  async remove(@Req() request: FastifyRequest): Promise<object> {
    const found = await this.requests.find(request);
    await this.requests.remove(found);
    return { id: found.id, object: 'request', deleted: true };
  }

  private async send(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const text = await this.requests.describe(await this.requests.find(request));
    void reply.header('content-type', 'application/json; charset=utf-8').send(text);
  }
}
