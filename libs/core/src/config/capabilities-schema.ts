import { z } from 'zod';
import { THOUGHT_NAMES, type Capabilities } from '../capabilities.js';
import { section, wholeNumber } from './fields.js';

/** Members whose loss would be another request, or that other settings are about. */
const NEVER_DROPPED = [
  'model',
  'messages',
  'prompt',
  'input',
  'query',
  'documents',
  'stream',
  'stream_options',
  'n',
  'best_of',
  'dimensions',
];

const member = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_]{0,63}$/, 'the name of a member of the request body, like logit_bias')
  .refine((name) => !NEVER_DROPPED.includes(name), 'a request cannot do without this member');

const has = (text: string) => z.boolean().exactOptional().describe(text);

/** Of a provider, or of one target. Everything is optional: what is not said is as OpenAI has it. */
export const capabilities = section({
  endpoints: z
    .array(z.enum(['chat', 'completions', 'embeddings', 'moderations', 'rerank']))
    .exactOptional()
    .describe(
      'What it can be asked for: `chat`, `completions`, `embeddings`, `moderations`, `rerank`. Default: all.',
    ),
  n: z
    .enum(['native', 'emulated', 'unsupported'])
    .exactOptional()
    .describe(
      'Several answers to one prompt (`n`). `native`: in one call. `emulated`: by `n` calls at once, within one place of `concurrency`, which are merged. `unsupported`: not at all. Default: `native`.',
    ),
  tools: has('`false`: no `tools` and no `functions`.'),
  parallelToolCalls: has(
    '`false`: it makes one tool call at a time and does not know `parallel_tool_calls`.',
  ),
  forcedTools: has(
    '`false`: a `tool_choice` that asks for a call has no force, which the answer tells in `x-spillway-dropped`.',
  ),
  logprobs: has('`false`: no log probabilities.'),
  structuredOutputs: has('`false`: no `response_format` of the type `json_schema`.'),
  images: has('`false`: no `image_url` parts.'),
  audio: has('`false`: no `input_audio` parts, and no audio in answers.'),
  files: has('`false`: no `file` parts.'),
  developerRole: has('`false`: the role `developer` is not known; it is sent as `system`.'),
  thoughts: z
    .array(z.enum(THOUGHT_NAMES))
    .exactOptional()
    .describe(
      'The names under which it takes the thoughts of earlier messages: `reasoning`, `reasoning_content`, `reasoning_details`. Those under other names are left out, for services that refuse what they do not know. Default: all.',
    ),
  maxTokens: z
    .enum(['max_tokens', 'max_completion_tokens'])
    .exactOptional()
    .describe('The one of the two names that it knows; the other one is sent under it. Default: as written.'),
  dimensions: z
    .union([z.boolean(), z.array(wholeNumber(1, 1_000_000)).min(1)])
    .exactOptional()
    .describe('Embeddings: may `dimensions` be chosen? A list: those that it has. Default: `true`, any.'),
  embeddingBatch: wholeNumber(1, 1_000_000)
    .exactOptional()
    .describe('Embeddings: most inputs of one call; more are sent in several. Default: 2048.'),
  parameters: z
    .record(member, z.enum(['drop', 'refuse']))
    .exactOptional()
    .describe(
      'Other members of the request body that it does not know, by name. `drop`: left out, which the answer tells in `x-spillway-dropped`. `refuse`: a request with it goes elsewhere, or is refused.',
    ),
});

/**
 * The capabilities in a heartbeat, which may be of another version: what cannot be read counts as not said, since one
 * odd member must not hide the others. Never throws.
 */
export function readCapabilities(value: unknown): Capabilities {
  if (typeof value !== 'object' || value === null) return {};
  return Object.fromEntries(
    Object.entries(capabilities.shape).flatMap(([name, schema]) => {
      const read = Object.hasOwn(value, name) ? schema.safeParse(Reflect.get(value, name)) : undefined;
      return read?.success ? [[name, read.data]] : [];
    }),
  );
}
