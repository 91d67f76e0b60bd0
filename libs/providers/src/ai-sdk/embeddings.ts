import type { EmbeddingModelV4 } from '@ai-sdk/provider';
import { estimatePromptTokens } from '#core/estimate-tokens.js';
import { toBase64 } from '../embedding-encoding.js';
import type { CallEnd } from '../provider.js';
import type { AiSdkKind } from './kinds.js';
import { RequestError } from '../request-error.js';

type JsonObject = Readonly<Record<string, unknown>>;
type EmbedOptions = Parameters<EmbeddingModelV4['doEmbed']>[0];

/** What a body of embeddings asks of the AI SDK. Throws a `RequestError` for what it cannot be asked. */
export function toEmbedOptions(
  body: JsonObject,
  { kind, model }: { readonly kind: AiSdkKind; readonly model: string },
): Pick<EmbedOptions, 'values' | 'dimensions' | 'providerOptions'> {
  const input = body['input'];
  const inputs: readonly unknown[] = Array.isArray(input) ? input : [input];
  const values = inputs.filter((value) => typeof value === 'string');
  if (values.length < inputs.length) {
    throw new RequestError('input', 'the provider takes texts, not tokens');
  }
  const dimensions = body['dimensions'];
  if (typeof dimensions !== 'number') return { values };
  if (kind !== 'bedrock') return { values, dimensions };
  return { values, providerOptions: { amazonBedrock: { [dimensionsName(model)]: dimensions } } };
}

/** Each family on Bedrock has its own word for it. */
function dimensionsName(model: string): string {
  if (model.includes('cohere.embed-')) return 'outputDimension';
  return model.includes('amazon.nova-') ? 'embeddingDimension' : 'dimensions';
}

/** What the calls so far have brought; where one of several fails, those before it are paid for. */
export interface Embedded {
  readonly embeddings: number[][];
  /** Undefined where the provider does not count. */
  tokens: number | undefined;
}

/** Embeds all values into `embedded`, in as many calls as the model's limit needs, one after the other. */
export async function embedAll(
  embedder: EmbeddingModelV4,
  options: EmbedOptions,
  embedded: Embedded,
): Promise<void> {
  const most = (await embedder.maxEmbeddingsPerCall) ?? options.values.length;
  for (let at = 0; at < options.values.length; at += most) {
    const values = options.values.slice(at, at + most);
    const result = await embedder.doEmbed({ ...options, values });
    embedded.embeddings.push(...result.embeddings);
    const counted = result.usage?.tokens;
    if (counted !== undefined && Number.isSafeInteger(counted))
      embedded.tokens = (embedded.tokens ?? 0) + counted;
  }
}

/** What embeddings have cost, for the end of their call; without a count of the provider it is left to a guess. */
export function spentOn({ embeddings, tokens }: Embedded): Pick<CallEnd, 'usage' | 'received'> {
  if (tokens !== undefined) return { usage: { promptTokens: tokens, completionTokens: 0 } };
  return embeddings.length === 0 ? {} : { received: { deltas: 0, textBytes: 0 } };
}

/** The answer in OpenAI's form, in the encoding that the body asks for. */
export function toEmbeddingBody(
  { embeddings, tokens }: Embedded,
  { model, body, bytes }: { readonly model: string; readonly body: JsonObject; readonly bytes: Buffer },
): Buffer {
  const isBase64 = body['encoding_format'] === 'base64';
  const data = embeddings.map((embedding, index) => ({
    object: 'embedding',
    index,
    embedding: isBase64 ? toBase64(embedding) : embedding,
  }));
  // Gemini does not say; clients read the member all the same.
  const count = tokens ?? estimatePromptTokens(bytes);
  const usage = { prompt_tokens: count, total_tokens: count };
  return Buffer.from(JSON.stringify({ object: 'list', data, model, usage }));
}
