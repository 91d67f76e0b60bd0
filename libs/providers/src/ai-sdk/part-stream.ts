import type { LanguageModelV4StreamPart, SharedV4Warning } from '@ai-sdk/provider';
import type { CallFacts } from '#core/failure.js';
import { countTextBytes } from '../openai-compatible/chunk.js';
import type { ProviderFrame, Usage } from '../provider.js';
import { readRefusal, toFinish } from './finish-reason.js';
import { readSeals, toDetail, type ReasoningDetail, type Seals, type Served } from './reasoning-details.js';
import { isNewEvent, toErrorFacts } from './sdk-error.js';
import { ToolCalls } from './tool-calls.js';
import { readEarlyUsage, toUsage, toUsageMember, type UsageMember } from './usage.js';

export interface PartStreamOptions extends Served {
  /** `chatcmpl-…`, on every chunk. */
  readonly id: string;
  /** Unix seconds, on every chunk. */
  readonly created: number;
  /** Did the client ask for the usage chunk? */
  readonly includeUsage: boolean;
  /** Words to take out of upstream errors. */
  readonly secrets: readonly string[];
}

export type PartStep =
  | { readonly kind: 'frame'; readonly frame: ProviderFrame }
  | { readonly kind: 'warnings'; readonly warnings: readonly SharedV4Warning[] }
  /** Complete: the client is owed its [DONE]. */
  | { readonly kind: 'complete' }
  | { readonly kind: 'failed'; readonly facts: CallFacts };

type Steps = Generator<PartStep, void, void>;

interface Thought {
  text: string;
  seals: Seals;
}

/**
 * A streamed answer, from the AI SDK's parts to OpenAI's chunks. Knows no socket and no clock. A step that is neither a
 * frame nor a warning is the last one.
 */
export class PartStream {
  /** Real output was among the frames. */
  outputSeen = false;
  /** The latest counts the upstream gave. */
  usage: Usage | undefined;
  /** How much output was among the frames. */
  readonly received = { deltas: 0, textBytes: 0 };
  private started = false;
  private model: string;
  private readonly tools = new ToolCalls();
  private readonly thoughts = new Map<string, Thought>();
  private details = 0;

  constructor(private readonly options: PartStreamOptions) {
    this.model = options.model;
  }

  *take(part: LanguageModelV4StreamPart): Steps {
    switch (part.type) {
      case 'stream-start':
        if (part.warnings.length > 0) yield { kind: 'warnings', warnings: part.warnings };
        return;
      case 'response-metadata':
        this.model = part.modelId ?? this.model;
        return;
      case 'text-start':
      case 'text-end':
        yield* this.seal(part.providerMetadata);
        return;
      case 'text-delta':
        if (part.delta !== '') yield* this.say({ content: part.delta });
        yield* this.seal(part.providerMetadata);
        return;
      case 'reasoning-start':
      case 'reasoning-delta':
      case 'reasoning-end':
        yield* this.think(part);
        return;
      case 'tool-input-start':
      case 'tool-input-delta':
      case 'tool-call':
        yield* this.call(part);
        return;
      case 'file':
        yield* this.show(part);
        return;
      case 'custom':
        this.usage = readEarlyUsage(part.providerMetadata) ?? this.usage;
        return;
      case 'finish':
        yield* this.finish(part);
        return;
      case 'error':
        if (isNewEvent(this.options.kind, part.error)) return;
        yield { kind: 'failed', facts: toErrorFacts(part.error, this.options.secrets) };
        return;
      // What the provider did by itself, and signs of life: OpenAI's chunks have no place for them.
      case 'tool-input-end':
      case 'tool-approval-request':
      case 'tool-result':
      case 'reasoning-file':
      case 'source':
      case 'ping':
      case 'raw':
        return;
    }
  }

  private *think(
    part: Extract<LanguageModelV4StreamPart, { type: `reasoning-${string}`; id: string }>,
  ): Steps {
    const { kind } = this.options;
    const thought = this.thoughts.get(part.id) ?? { text: '', seals: {} };
    this.thoughts.set(part.id, thought);
    thought.seals = { ...thought.seals, ...readSeals(kind, part.providerMetadata) };
    if (part.type === 'reasoning-delta' && part.delta !== '') {
      thought.text += part.delta;
      yield* this.say({ reasoning_content: part.delta });
    }
    if (part.type !== 'reasoning-end') return;
    this.thoughts.delete(part.id);
    yield* this.tell(toDetail(thought.seals, this.options, { text: thought.text, index: this.details }));
  }

  private *call(part: Parameters<ToolCalls['take']>[0]): Steps {
    for (const delta of this.tools.take(part)) yield* this.say({ tool_calls: [delta] });
    if (part.type === 'tool-call') yield* this.seal(part.providerMetadata, part.toolCallId);
  }

  /** Gemini's signature of a text, or of the call with this id. */
  private *seal(metadata: unknown, id?: string): Steps {
    const { signature } = readSeals(this.options.kind, metadata);
    if (signature === undefined) return;
    const place = { text: '', index: this.details, ...(id !== undefined && { id }) };
    yield* this.tell(toDetail({ encrypted: signature }, this.options, place));
  }

  private *tell(detail: ReasoningDetail | undefined): Steps {
    if (!detail) return;
    this.details++;
    yield* this.say({ reasoning_details: [detail] });
  }

  private *show({ data, mediaType }: Extract<LanguageModelV4StreamPart, { type: 'file' }>): Steps {
    const image = toImage(data, mediaType);
    if (image) yield* this.say({ images: [image] });
  }

  private *finish({
    finishReason,
    usage,
    providerMetadata,
  }: Extract<LanguageModelV4StreamPart, { type: 'finish' }>): Steps {
    const counted = toUsageMember(usage);
    if (counted) this.usage = toUsage(counted);
    const finish = toFinish(finishReason);
    if (finish.kind === 'failed') {
      yield finish;
      return;
    }
    const { kind } = this.options;
    const refusal = finish.reason === 'content_filter' ? readRefusal(kind, providerMetadata) : undefined;
    if (refusal !== undefined) yield* this.say({ refusal });
    yield* this.start();
    yield this.frame([{ index: 0, delta: {}, logprobs: null, finish_reason: finish.reason }], false);
    if (this.options.includeUsage && counted) yield this.frame([], false, counted);
    yield { kind: 'complete' };
  }

  /** A delta with output. */
  private *say(delta: Readonly<Record<string, unknown>>): Steps {
    yield* this.start();
    this.outputSeen = true;
    this.received.deltas++;
    this.received.textBytes += countTextBytes(delta);
    yield this.frame([{ index: 0, delta, logprobs: null, finish_reason: null }], true);
  }

  /** The role, once, as late as the name of the model is known. */
  private *start(): Steps {
    if (this.started) return;
    this.started = true;
    const delta = { role: 'assistant', content: '' };
    yield this.frame([{ index: 0, delta, logprobs: null, finish_reason: null }], false);
  }

  private frame(choices: readonly object[], output: boolean, usage: UsageMember | null = null): PartStep {
    const { id, created, includeUsage } = this.options;
    const head = { id, object: 'chat.completion.chunk', created, model: this.model };
    const chunk = { ...head, choices, ...(includeUsage && { usage }) };
    return {
      kind: 'frame',
      frame: { bytes: Buffer.from(`data: ${JSON.stringify(chunk)}\n\n`), output },
    };
  }
}

/** An image that a model made, as a part of a message; undefined for any other file. */
export function toImage(
  data: Extract<LanguageModelV4StreamPart, { type: 'file' }>['data'],
  mediaType: string,
): object | undefined {
  if (!mediaType.startsWith('image/')) return undefined;
  const base64 = () => {
    if (data.type === 'url') return data.url.href;
    const text = typeof data.data === 'string' ? data.data : Buffer.from(data.data).toString('base64');
    return `data:${mediaType};base64,${text}`;
  };
  return { type: 'image_url', image_url: { url: base64() } };
}
