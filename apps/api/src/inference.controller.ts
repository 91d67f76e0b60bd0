import { Controller, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Broker } from '#broker/broker.js';
import { describeModel, listModels, type Catalogue, type ModelCard } from '#core/route.js';
import { ApiSettings } from './api-settings.js';
import { Inference } from './inference.js';
import { Serves } from './serves.js';

/** The routes of the OpenAI API. */
@Controller()
export class InferenceController {
  constructor(
    private readonly settings: ApiSettings,
    private readonly broker: Broker,
    private readonly inference: Inference,
  ) {}

  @Serves('completeChat')
  completeChat(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.inference.answer('chat', request, reply);
  }

  @Serves('complete')
  complete(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.inference.answer('completions', request, reply);
  }

  @Serves('embed')
  embed(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.inference.answer('embeddings', request, reply);
  }

  @Serves('moderate')
  moderate(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.inference.answer('moderations', request, reply);
  }

  @Serves('rerank')
  rerank(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.inference.answer('rerank', request, reply);
  }

  @Serves('listModels')
  listModels(@Req() request: FastifyRequest): { object: 'list'; data: ModelCard[] } {
    return { object: 'list', data: listModels(this.catalogueFor(request)) };
  }

  /** A wildcard, since model ids hold slashes. */
  @Serves('describeModel')
  describeModel(@Req() request: FastifyRequest): ModelCard {
    return describeModel((request.params as { '*': string })['*'], this.catalogueFor(request));
  }

  private catalogueFor({ record }: FastifyRequest): Catalogue {
    return this.settings.catalogueOf(record.application, this.broker.fleet());
  }
}
