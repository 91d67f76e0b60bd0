import { describe, expect, it } from '@jest/globals';
import { fastify } from 'fastify';
import { requireDeclaredAccess } from './access.js';

describe('requireDeclaredAccess', () => {
  const app = () => fastify().addHook('onRoute', requireDeclaredAccess);
  const handler = () => Promise.resolve('ok');

  it.each(['public', 'application'] as const)('lets a route with access %s be registered', async (access) => {
    const server = app().get('/x', { config: { access } }, handler);
    expect((await server.inject('/x')).statusCode).toBe(200);
  });

  it('stops the boot at a route that declares none', () => {
    expect(() => app().get('/x', handler)).toThrow('The route GET /x declares no access');
    expect(() => app().post('/y', { config: {} }, handler)).toThrow('The route POST /y declares no access');
  });
});
