import { Controller, Get, HttpCode, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Broker } from '#broker/broker.js';
import { describeModel, listModels, type Catalogue, type ModelCard } from '#core/route.js';
import { AllowAccess } from './access.js';
import { ApiSettings } from './api-settings.js';
import { Inference } from './inference.js';

/** The routes of the OpenAI API. */
@Controller('v1')
export class InferenceController {
  constructor(
    private readonly settings: ApiSettings,
    private readonly broker: Broker,
    private readonly inference: Inference,
  ) {}

  @Post('chat/completions')
  @HttpCode(200)
  @AllowAccess('application')
  completeChat(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.inference.answer('chat', request, reply);
  }

  @Post('completions')
  @HttpCode(200)
  @AllowAccess('application')
  complete(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.inference.answer('completions', request, reply);
  }

  @Post('embeddings')
  @HttpCode(200)
  @AllowAccess('application')
  embed(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.inference.answer('embeddings', request, reply);
  }

  @Post('moderations')
  @HttpCode(200)
  @AllowAccess('application')
  moderate(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.inference.answer('moderations', request, reply);
  }

  @Post('rerank')
  @HttpCode(200)
  @AllowAccess('application')
  rerank(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.inference.answer('rerank', request, reply);
  }

  @Get('models')
  @AllowAccess('application')
  listModels(): { object: 'list'; data: ModelCard[] } {
    return { object: 'list', data: listModels(this.catalogue()) };
  }

  /** A wildcard, since model ids hold slashes. */
  @Get('models/*')
  @AllowAccess('application')
  describeModel(@Req() request: FastifyRequest): ModelCard {
    return describeModel((request.params as { '*': string })['*'], this.catalogue());
  }

  private catalogue(): Catalogue {
    const { models, providers } = this.settings.config;
    return { models, providers, fleet: this.broker.fleet() };
  }
}
