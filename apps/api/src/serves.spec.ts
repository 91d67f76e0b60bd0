import { describe, expect, it } from '@jest/globals';
import { fastify } from 'fastify';
import { HTTP_ROUTES } from './http-routes.js';
import { requireDeclared } from './serves.js';

describe('requireDeclared', () => {
  const app = () => fastify().addHook('onRoute', requireDeclared);
  const handler = () => Promise.resolve('ok');

  it('lets a route be registered that is as its row declares it, with its HEAD', async () => {
    const server = app().get('/v1/models', { config: { declared: HTTP_ROUTES.listModels } }, handler);
    expect((await server.inject('/v1/models')).statusCode).toBe(200);
    expect((await server.inject({ method: 'HEAD', url: '/v1/models' })).statusCode).toBe(200);
  });

  it.each([
    ['declares nothing', {}],
    ['has no configuration', { config: {} }],
    ['is declared elsewhere', { config: { declared: HTTP_ROUTES.healthz } }],
  ])('stops the boot at a route that %s', (_, options) => {
    expect(() => app().get('/v1/models', options, handler)).toThrow('GET /v1/models is not declared');
  });

  it('stops the boot at another method than the declared one', () => {
    const options = { config: { declared: HTTP_ROUTES.listModels } };
    expect(() => app().post('/v1/models', options, handler)).toThrow('POST /v1/models is not declared');
    expect(() => app().head('/v1/embeddings', { config: { declared: HTTP_ROUTES.embed } }, handler)).toThrow(
      'HEAD /v1/embeddings is not declared',
    );
  });
});
