import { Controller, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { SpillwayError } from '#core/errors.js';
import { pathOf } from './edge-errors.js';
import { Serves } from './serves.js';

/** The page is looked at now and then, and changes with a new version only. */
const FILE_HEADERS = { 'cache-control': 'public, max-age=3600', 'x-content-type-options': 'nosniff' };

/** What the api says of itself. All of it is loaded when somebody asks: most replicas are never asked. */
@Controller()
export class DocsController {
  private document: Promise<string> | undefined;

  @Serves('openApi')
  async describe(@Res() reply: FastifyReply): Promise<void> {
    this.document ??= import('./openapi/document.js').then(({ openApiDocument }) =>
      JSON.stringify(openApiDocument()),
    );
    void reply.header('content-type', 'application/json; charset=utf-8').send(await this.document);
  }

  @Serves('docs')
  async page(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    // Its links lead nowhere from there. A relative way out, as a proxy may have put a path before all of it.
    if (pathOf(request.originalUrl).endsWith('/')) return void reply.redirect('../docs', 308);
    const { DOCS_HEADERS, DOCS_PAGE } = await import('./openapi/docs-page.js');
    void reply.headers(DOCS_HEADERS).send(DOCS_PAGE);
  }

  @Serves('docsFile')
  async file(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { readDocsFile } = await import('./openapi/docs-files.js');
    const file = await readDocsFile((request.params as { file: string }).file);
    if (!file) throw new SpillwayError('not_found', { method: request.method, path: pathOf(request.url) });
    void reply.headers({ ...FILE_HEADERS, 'content-type': file.type }).send(file.content);
  }
}
