import type { Target } from '../contract.js';
import { ownProgram, startServerTarget } from './server-target.js';

/** What Node, Fastify and undici cost by themselves: each request is passed on, and its answer back, as they are. */
export async function startFastify(upstreamUrl: string): Promise<Target> {
  return startServerTarget({
    name: 'fastify',
    headers: { authorization: 'Bearer key-of-the-upstream' },
    servers: async ({ port }) => [
      { role: 'proxy', ...ownProgram('fastify.ts', [String(port), upstreamUrl]) },
    ],
  });
}
