import type { Target } from '../contract.js';

/** The upstream itself: what a proxy cannot be faster than. */
export async function startDirect(upstreamUrl: string): Promise<Target> {
  return {
    name: 'direct',
    url: `${upstreamUrl}/v1/chat/completions`,
    headers: { authorization: 'Bearer key-of-the-upstream' },
    model: 'bench-model',
    processes: [],
    stop: async () => {},
  };
}
