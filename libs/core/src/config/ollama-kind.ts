import { z } from 'zod';
import { baseUrl, durationMs, secret, section } from './fields.js';
import { isOwnAddress, UNKNOWN_LOCATION } from './own-address.js';
import { location, shared, upstream } from './provider-fields.js';

/** Where Ollama listens by itself. */
const OLLAMA_URL = 'http://127.0.0.1:11434';

/** An address without what its APIs have behind it. */
export function ollamaRoot(url: string): string {
  return url.replace(/\/(v1|api)$/, '');
}

/** As Go writes durations, or a number of seconds, which a variable gives as text. */
const keepAlive = z
  .union([
    z.int().min(-1),
    z
      .string()
      .regex(/^(-?\d+|-?(\d+(\.\d+)?(ms|s|m|h))+)$/, 'expected seconds, or a duration like 30m or 24h'),
  ])
  .transform((value) => (/^-?\d+$/.test(String(value)) ? Number(value) : value));

/** What a variable gives is text; numbers among Ollama's options have to be numbers. */
const option = z
  .union([z.number(), z.boolean(), z.string(), z.array(z.string())])
  .transform((value) => (typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : value));

const ollamaSection = section({
  kind: z.literal('ollama').describe("An Ollama server, over Ollama's own API."),
  location: location
    .exactOptional()
    .describe(
      '`local`: your own machines, where a request with `localModelOnly` may go; models that the server passes on to a cloud are not offered then. Default: `local`, where the address is one of your own network; else it must be written.',
    ),
  baseUrl: baseUrl
    .transform(ollamaRoot)
    .default(OLLAMA_URL)
    .describe('Root of the server. A `/v1` or `/api` at its end is ignored.'),
  apiKey: secret
    .exactOptional()
    .describe(
      "Sent as `Authorization: Bearer …`, for a server behind a proxy that wants one, and for Ollama's cloud. Secret: write `${NAME}`; only the workers that serve the provider read it. Default: no credential is sent.",
    ),
  ...upstream,
  optional: z
    .boolean()
    .exactOptional()
    .describe(
      '`true`: it exists only once its address has answered with a list of models. Default: it exists.',
    ),
  coldStartMs: durationMs()
    .exactOptional()
    .describe(
      'Streams: from the start of a call to its first output while its model is not loaded, in place of `firstTokenMs`, ms. Default: 120 000, or `firstTokenMs` if that is more.',
    ),
  keepAlive: keepAlive
    .exactOptional()
    .describe(
      'How long a model stays loaded after a call: seconds, or a duration like `30m`; `-1`: for ever. Default: as the server has it, 5 minutes.',
    ),
  options: z
    .record(
      z.string().regex(/^[a-z][a-z0-9_]{0,63}$/, "the name of one of Ollama's options, like num_ctx"),
      option,
    )
    .exactOptional()
    .describe(
      "Ollama's own options for every call: `num_ctx`, `num_gpu`, `top_k` and so on. What the request asks for wins. Default: as the model has them.",
    ),
  think: z
    .union([z.boolean(), z.enum(['low', 'medium', 'high'])])
    .exactOptional()
    .describe(
      'Thinking where the request does not say (`reasoning_effort`): on, off, or how much, for models that know it. Default: as the model has it.',
    ),
  truncate: z
    .boolean()
    .exactOptional()
    .describe(
      '`false`: a prompt or input that is longer than the context is refused instead of cut, where the version of Ollama can. Default: as the server has it, which is to cut.',
    ),
  pull: z
    .union([z.boolean(), z.array(z.string().min(1)).min(1)])
    .default(false)
    .describe(
      "Fetches a model that is asked for and missing: `true` for any of Ollama's library, or a list of names. Whoever may ask for a model can fill the disk then. Default: such a request goes to the next target.",
    ),
  ...shared,
});

/** Refuses to take a server somewhere on the internet for local by a default: `localModelOnly` is a guarantee. */
export const ollama = ollamaSection.superRefine(({ baseUrl: url, location: written }, context) => {
  if (written !== undefined || !URL.canParse(url) || isOwnAddress(new URL(url).hostname)) return;
  context.addIssue({ code: 'custom', path: ['location'], message: UNKNOWN_LOCATION });
});
