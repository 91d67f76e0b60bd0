import type { Target } from '../contract.js';
import { ownProgram, startServerTarget } from './server-target.js';

export interface NaiveOptions {
  /** Calls at once. Default 1,100, as Spillway's in the benchmark. */
  readonly concurrency?: number;
  /**
   * What the worker publishes at a time: each event of the stream (`event`, as a loop over the chunks of an SDK does),
   * or what it has read from the socket (`read`, the least work). Default `event`.
   */
  readonly publish?: 'read' | 'event';
}

/**
 * The broker that one writes in an afternoon with BullMQ's documentation: an api that adds a job and waits for its
 * end, a worker that calls the upstream, and pub/sub between them for streams. Nothing survives a crash, nobody is
 * asked for a key, and a client that leaves stops nothing.
 */
export async function startNaive(upstreamUrl: string, options: NaiveOptions = {}): Promise<Target> {
  const { concurrency = 1_100, publish = 'event' } = options;
  return startServerTarget({
    name: publish === 'event' ? 'naive' : 'naive-per-read',
    hasRedis: true,
    servers: async ({ port, redisUrl }) => [
      { role: 'api', ...ownProgram('naive-api.ts', [String(port), redisUrl]) },
      {
        role: 'worker',
        ...ownProgram('naive-worker.ts', [redisUrl, upstreamUrl, String(concurrency), publish]),
      },
    ],
  });
}
