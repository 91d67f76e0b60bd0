import type { LanguageModelV4Usage } from '@ai-sdk/provider';
import { isRecord } from '../json.js';
import type { Usage } from '../provider.js';

/** Counts in OpenAI's form. */
export interface UsageMember {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
  readonly prompt_tokens_details?: { readonly cached_tokens: number };
  readonly completion_tokens_details?: { readonly reasoning_tokens: number };
}

/** What the provider counted; undefined where it did not say. */
export function toUsageMember({ inputTokens, outputTokens }: LanguageModelV4Usage): UsageMember | undefined {
  const { total: prompt, cacheRead } = inputTokens;
  const { total: completion, reasoning } = outputTokens;
  if (prompt === undefined || completion === undefined) return undefined;
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    ...(cacheRead !== undefined && { prompt_tokens_details: { cached_tokens: cacheRead } }),
    ...(reasoning !== undefined && { completion_tokens_details: { reasoning_tokens: reasoning } }),
  };
}

export function toUsage({ prompt_tokens, completion_tokens }: UsageMember): Usage {
  return { promptTokens: prompt_tokens, completionTokens: completion_tokens };
}

/** What Anthropic counts before the first token, so that a stream that breaks off is not accounted by a guess. */
export function readEarlyUsage(metadata: unknown): Usage | undefined {
  const own = isRecord(metadata) ? metadata['anthropic'] : undefined;
  const counts = isRecord(own) ? own['usage'] : undefined;
  if (!isRecord(counts) || typeof counts['input_tokens'] !== 'number') return undefined;
  const count = (name: string) => (typeof counts[name] === 'number' ? counts[name] : 0);
  return {
    promptTokens:
      count('input_tokens') + count('cache_read_input_tokens') + count('cache_creation_input_tokens'),
    completionTokens: count('output_tokens'),
  };
}
