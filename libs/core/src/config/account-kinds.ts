import { z } from 'zod';
import { baseUrl, secret, section, wholeNumber } from './fields.js';
import { location, shared, upstream } from './provider-fields.js';

/** The kinds that have an API of their own, and only in the cloud. */

const account = {
  location: location
    .default('cloud')
    .describe('As of the other kinds. `local` only for a server of your own that speaks the same API.'),
  ...upstream,
  ...shared,
};

const options = (examples: string) =>
  z
    .record(z.string().min(1), z.unknown())
    .exactOptional()
    .describe(
      `Options of the provider's own for every call, by the names of its AI SDK package, as ${examples}. What the request asks for wins. Default: none.`,
    );

const maxTokens = wholeNumber(1, 10_000_000).exactOptional();
const maxTokensOfModel = maxTokens.describe(
  'Longest answer, tokens, where a request does not say. Default: up to the model.',
);

const keyIn = (header: string) =>
  secret.describe(
    `Sent as \`${header}\`. Secret: write \`\${NAME}\`; only the workers that serve the provider read it.`,
  );

const rootOfApi = (url: string) =>
  baseUrl.exactOptional().describe(`Root of the API with its version. Default: \`${url}\`.`);

export const anthropic = section({
  kind: z.literal('anthropic').describe("Anthropic's own API."),
  apiKey: keyIn('x-api-key'),
  baseUrl: rootOfApi('https://api.anthropic.com/v1'),
  maxTokens: maxTokens.describe(
    'Longest answer, tokens, where a request does not say; the API cannot do without. Default: the most that the model gives, or 4096 for one that is not known.',
  ),
  providerOptions: options('`cacheControl`, `serviceTier`'),
  ...account,
});

export const gemini = section({
  kind: z.literal('gemini').describe("Google's Gemini API (AI Studio)."),
  apiKey: keyIn('x-goog-api-key'),
  baseUrl: rootOfApi('https://generativelanguage.googleapis.com/v1beta'),
  maxTokens: maxTokensOfModel,
  providerOptions: options('`safetySettings`, `thinkingConfig`'),
  ...account,
});

export const bedrock = section({
  kind: z.literal('bedrock').describe('Amazon Bedrock: its Converse API, and InvokeModel for embeddings.'),
  region: z
    .string()
    .regex(/^[a-z]{2}(-[a-z]+)+-\d$/, 'expected a region of AWS, as eu-central-1')
    .describe('The region of AWS, which also names the address.'),
  apiKey: secret
    .exactOptional()
    .describe('A Bedrock API key, sent as `Authorization: Bearer …`. Secret. Default: requests are signed.'),
  accessKeyId: secret
    .exactOptional()
    .describe('Signs the requests (Signature Version 4), together with `secretAccessKey`. Secret.'),
  secretAccessKey: secret.exactOptional().describe('See `accessKeyId`. Secret.'),
  sessionToken: secret.exactOptional().describe('Of temporary keys. Secret. Default: none.'),
  baseUrl: baseUrl
    .exactOptional()
    .describe(
      'Another address, as of a VPC endpoint. Default: `https://bedrock-runtime.<region>.amazonaws.com`.',
    ),
  maxTokens: maxTokensOfModel,
  providerOptions: options('`guardrailConfig`, `additionalModelRequestFields`'),
  ...account,
});
