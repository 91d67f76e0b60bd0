import { z } from 'zod';
import { anthropic, bedrock, gemini } from './account-kinds.js';
import { baseUrl, namedMap, secret, section, simpleName } from './fields.js';
import { ollama } from './ollama-kind.js';
import { location, shared, upstream } from './provider-fields.js';
import { bodyDefaults, healthPath, quirks } from './quirks-schema.js';

/** Default of `concurrency`: what one GPU box with batching takes well, and what a cloud account usually allows. */
const DEFAULT_CONCURRENCY = { local: 4, cloud: 64 } as const;

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
  ...upstream,
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
  z
    .discriminatedUnion('kind', [openAiCompatible, ollama, anthropic, gemini, bedrock, demo])
    .transform((provider) => {
      const { location: where = 'local' } = provider;
      const concurrency = provider.concurrency ?? DEFAULT_CONCURRENCY[where];
      return {
        ...provider,
        location: where,
        concurrency,
        workerConcurrency: provider.workerConcurrency ?? concurrency,
      };
    }),
);
