import { z } from 'zod';
import { capabilities } from './capabilities-schema.js';
import {
  baseUrl,
  durationMs,
  headerName,
  namedMap,
  secret,
  section,
  simpleName,
  wholeNumber,
} from './fields.js';
import { bodyDefaults, healthPath, quirks } from './quirks-schema.js';

/** Default of `concurrency`: what one GPU box with batching takes well, and what a cloud account usually allows. */
const DEFAULT_CONCURRENCY = { local: 4, cloud: 64 } as const;

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

const location = z.enum(['local', 'cloud']);

const shared = {
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

const openAiCompatible = section({
  kind: z
    .literal('openai-compatible')
    .describe('Anything that speaks the OpenAI API: vLLM, llama-server, OpenAI itself.'),
  location: location.describe(
    '`local`: your own machines, where a request with `localModelOnly` may go. `cloud`: everything else. Required, because no address proves it.',
  ),
  baseUrl: baseUrl.describe(
    'Root of the API, usually ending in `/v1`; http or https, without user, password or query. A slash at its end is ignored.',
  ),
  apiKey: secret
    .exactOptional()
    .describe(
      'Sent as `Authorization: Bearer …`. Secret: write `${NAME}`; only the workers that serve the provider read it. Default: no credential is sent.',
    ),
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
  optional: z
    .boolean()
    .exactOptional()
    .describe(
      '`true`: the provider exists only once its address has answered with a list of models; until then it is in no list and no plan. For services that may or may not run. Default: it exists.',
    ),
  defaults: bodyDefaults,
  healthPath,
  quirks: quirks.prefault({}).describe('What it does otherwise than OpenAI, and is evened out.'),
  ...shared,
});

const demo = section({
  kind: z
    .literal('demo')
    .describe('Built in: answers by itself, without a model. For trying out and for tests.'),
  location: location
    .default('local')
    .describe('As of the other kinds; nothing leaves the machine in either case.'),
  optional: z
    .boolean()
    .exactOptional()
    .describe(
      '`true`: it exists only while its worker serves no other provider that is there. Default: it exists.',
    ),
  ...shared,
});

/** The kinds of this version, by `kind`. */
export const providersSchema = namedMap(
  simpleName,
  z.discriminatedUnion('kind', [openAiCompatible, demo]).transform((provider) => {
    const concurrency = provider.concurrency ?? DEFAULT_CONCURRENCY[provider.location];
    return { ...provider, concurrency, workerConcurrency: provider.workerConcurrency ?? concurrency };
  }),
);
