import type { LanguageModelV4Content, LanguageModelV4GenerateResult } from '@ai-sdk/provider';
import type { CallFacts } from '#core/failure.js';
import { countTextBytes } from '../openai-compatible/chunk.js';
import type { Received } from '#core/estimate-tokens.js';
import type { Usage } from '../provider.js';
import { readRefusal, toFinish } from './finish-reason.js';
import { toImage } from './part-stream.js';
import { readSeals, toDetail, type ReasoningDetail, type Served } from './reasoning-details.js';
import { toUsage, toUsageMember } from './usage.js';

/** A whole answer as the client gets it, or why it is none. */
export type WholeAnswer =
  | {
      readonly kind: 'body';
      readonly bytes: Buffer;
      readonly usage: Usage | undefined;
      readonly received: Received;
    }
  | { readonly kind: 'failed'; readonly facts: CallFacts; readonly usage: Usage | undefined };

/** An answer without `stream`: OpenAI's body from what the AI SDK gives. */
export function toBody(
  result: LanguageModelV4GenerateResult,
  served: Served,
  { id, created }: { readonly id: string; readonly created: number },
): WholeAnswer {
  const counted = toUsageMember(result.usage);
  const usage = counted && toUsage(counted);
  const finish = toFinish(result.finishReason);
  if (finish.kind === 'failed') return { ...finish, usage };
  const said = toMessage(result.content, served);
  const refusal =
    finish.reason === 'content_filter' ? readRefusal(served.kind, result.providerMetadata) : undefined;
  const message = { role: 'assistant', ...said, refusal: refusal ?? null };
  const body = {
    id,
    object: 'chat.completion',
    created,
    model: result.response?.modelId ?? served.model,
    choices: [{ index: 0, message, logprobs: null, finish_reason: finish.reason }],
    ...(counted && { usage: counted }),
  };
  const bytes = Buffer.from(JSON.stringify(body));
  return { kind: 'body', bytes, usage, received: { deltas: 1, textBytes: countTextBytes(message) } };
}

function toMessage(content: readonly LanguageModelV4Content[], served: Served): Record<string, unknown> {
  const texts: string[] = [];
  const thoughts: string[] = [];
  const details: ReasoningDetail[] = [];
  const calls: object[] = [];
  const images: object[] = [];
  const note = (detail: ReasoningDetail | undefined) => detail && details.push(detail);
  const place = () => ({ text: '', index: details.length });
  for (const part of content) {
    const seals = readSeals(served.kind, 'providerMetadata' in part ? part.providerMetadata : undefined);
    const sealed = seals.signature === undefined ? {} : { encrypted: seals.signature };
    if (part.type === 'text') {
      texts.push(part.text);
      note(toDetail(sealed, served, place()));
    } else if (part.type === 'reasoning') {
      thoughts.push(part.text);
      note(toDetail(seals, served, { ...place(), text: part.text }));
    } else if (part.type === 'tool-call' && !part.providerExecuted) {
      const { toolCallId: id, toolName: name, input } = part;
      calls.push({ id, type: 'function', function: { name, arguments: input } });
      note(toDetail(sealed, served, { ...place(), id }));
    } else if (part.type === 'file') {
      const image = toImage(part.data, part.mediaType);
      if (image) images.push(image);
    }
  }
  const reasoning = thoughts.join('');
  return {
    content: texts.length > 0 || calls.length === 0 ? texts.join('') : null,
    ...(reasoning !== '' && { reasoning_content: reasoning }),
    ...(details.length > 0 && { reasoning_details: details }),
    ...(calls.length > 0 && { tool_calls: calls }),
    ...(images.length > 0 && { images }),
  };
}
