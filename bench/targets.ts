import type { TargetStart } from './contract.js';
import { startDirect } from './targets/direct.js';
import { startFastify } from './targets/fastify.js';
import { startLitellm } from './targets/litellm.js';
import { startNaive } from './targets/naive.js';
import { startPortkey } from './targets/portkey.js';
import { startSpillway, type SpillwayOptions } from './targets/spillway.js';

function spillway(options: SpillwayOptions): TargetStart {
  return (upstreamUrl) => startSpillway(upstreamUrl, options);
}

/** Everything that can be measured, by the name that the tables give it. */
export const targetStarts = {
  direct: startDirect,
  fastify: startFastify,
  naive: startNaive,
  'naive-per-read': (upstreamUrl) => startNaive(upstreamUrl, { publish: 'read' }),
  spillway: spillway({}),
  portkey: startPortkey,
  litellm: startLitellm,
  // The same again, for a queue that is to be full.
  'spillway-backlog': spillway({ name: 'spillway-backlog' }),
  'no-ledger': spillway({ name: 'no-ledger', preload: 'no-ledger/register.ts' }),
  'spillway-2-workers': spillway({ name: 'spillway-2-workers', workers: 2 }),
  'spillway-2-apis': spillway({ name: 'spillway-2-apis', apis: 2 }),
  'spillway-2-of-each': spillway({ name: 'spillway-2-of-each', apis: 2, workers: 2 }),
} as const satisfies Record<string, TargetStart>;

export type TargetName = keyof typeof targetStarts;
