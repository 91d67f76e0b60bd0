import { z } from 'zod';
import { capabilities } from './capabilities-schema.js';
import { durationMs, headerName, namedMap, secret, section, wholeNumber } from './fields.js';

/** The settings that kinds of providers have in common. */

/** What a provider or a target may set differently from the global timeouts. */
export const callTimeouts = section({
  firstTokenMs: durationMs()
    .exactOptional()
    .describe(
      'Instead of `timeouts.firstTokenMs`, ms. Raise it for a box that loads a model on its first call.',
    ),
  idleMs: durationMs().exactOptional().describe('Instead of `timeouts.idleMs`, ms.'),
  streamMs: durationMs().exactOptional().describe('Instead of `timeouts.streamMs`, ms.'),
  responseMs: durationMs().exactOptional().describe('Instead of `timeouts.responseMs`, ms.'),
});

export const location = z.enum(['local', 'cloud']);

export const shared = {
  concurrency: wholeNumber(1, 10_000)
    .exactOptional()
    .describe(
      'Calls at once over all workers of the provider; further requests wait in its queue. Default 4 for `local`, 64 for `cloud`.',
    ),
  workerConcurrency: wholeNumber(1, 10_000)
    .exactOptional()
    .describe('Calls at once in one worker process. Default: as `concurrency`.'),
  maxQueueWaitMs: durationMs(0)
    .exactOptional()
    .describe(
      'Longest wait in its queue, ms, for targets that do not set their own `maxQueueWaitMs`. Default: up to the deadline.',
    ),
  timeouts: callTimeouts.prefault({}).describe('Timeouts of calls to this provider, where they differ.'),
  capabilities: capabilities
    .prefault({})
    .describe('What the provider lacks, limits or names differently. Default: as OpenAI has it.'),
};

/** Settings of every kind that is reached over a network. */
export const upstream = {
  headers: namedMap(headerName, secret).describe(
    'Headers sent with every call. Their values are secrets too, as `apiKey`.',
  ),
  models: z
    .array(z.string().min(1))
    .min(1)
    .exactOptional()
    .describe(
      'What the provider offers, in its own names, if it cannot be asked. Default: it is asked (`GET /models`).',
    ),
  fallbackModel: z
    .string()
    .min(1)
    .exactOptional()
    .describe(
      'Makes the provider stand in for local ones: a request for a model that a local provider announces and `models` does not name goes on to this model here when the local one fails or is away. The prompt goes with it. Default: it stands in for nobody.',
    ),
};
