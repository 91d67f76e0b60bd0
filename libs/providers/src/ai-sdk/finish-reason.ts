import type { LanguageModelV4FinishReason } from '@ai-sdk/provider';
import type { CallFacts } from '#core/failure.js';
import { isRecord } from '../json.js';
import { KINDS, type AiSdkKind } from './kinds.js';

export type FinishReason = 'stop' | 'length' | 'tool_calls' | 'content_filter';

/** An answer that came to its end, or that is none. */
export type Finish =
  | { readonly kind: 'finished'; readonly reason: FinishReason }
  | { readonly kind: 'failed'; readonly facts: CallFacts };

/** The providers' own words, where the AI SDK knows no better than "other". */
const BY_RAW: Readonly<Record<string, FinishReason>> = {
  model_context_window_exceeded: 'length',
  // Gemini says it of an answer that it does not want to go on with.
  OTHER: 'content_filter',
  LANGUAGE: 'content_filter',
  IMAGE_OTHER: 'content_filter',
  IMAGE_PROHIBITED_CONTENT: 'content_filter',
  IMAGE_RECITATION: 'content_filter',
};

/** Why an answer ended. Without a reason of the provider's own it was cut off, whatever the AI SDK makes of it. */
export function toFinish({ unified, raw }: LanguageModelV4FinishReason): Finish {
  if (raw === undefined || unified === 'interrupted') return { kind: 'failed', facts: { kind: 'truncated' } };
  const known = BY_RAW[raw];
  if (known) return { kind: 'finished', reason: known };
  switch (unified) {
    case 'stop':
    case 'length':
      return { kind: 'finished', reason: unified };
    case 'tool-calls':
      return { kind: 'finished', reason: 'tool_calls' };
    case 'content-filter':
      return { kind: 'finished', reason: 'content_filter' };
    case 'error':
    case 'other':
      return /malformed|unexpected_tool_call/i.test(raw)
        ? { kind: 'failed', facts: { kind: 'malformed', reason: 'the model wrote no valid tool call' } }
        : { kind: 'finished', reason: 'stop' };
  }
}

/** The provider's words on why it did not answer, where it gives any. */
export function readRefusal(kind: AiSdkKind, metadata: unknown): string | undefined {
  const own = isRecord(metadata) ? metadata[KINDS[kind].namespace] : undefined;
  if (!isRecord(own)) return undefined;
  const details = own['stopDetails'];
  const words = isRecord(details) ? details['explanation'] : own['finishMessage'];
  return typeof words === 'string' && words !== '' ? words : undefined;
}
