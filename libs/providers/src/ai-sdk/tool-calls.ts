import type { LanguageModelV4StreamPart } from '@ai-sdk/provider';

type ToolPart = Extract<
  LanguageModelV4StreamPart,
  { type: 'tool-input-start' | 'tool-input-delta' | 'tool-call' }
>;

/** One call in a chunk: its id and name come first and once. */
export interface ToolCallDelta {
  readonly index: number;
  readonly id?: string;
  readonly type?: 'function';
  readonly function: { readonly name?: string; readonly arguments: string };
}

interface Sent {
  readonly index: number;
  text: string;
}

/** The tool calls of one streamed answer: the pieces of each, however much of it comes in pieces. */
export class ToolCalls {
  private readonly calls = new Map<string, Sent>();

  *take(part: ToolPart): Generator<ToolCallDelta, void, void> {
    switch (part.type) {
      case 'tool-input-start':
        if (!part.providerExecuted) yield* this.begin(part.id, part.toolName);
        return;
      case 'tool-input-delta':
        yield* this.add(part.id, part.delta);
        return;
      case 'tool-call': {
        // What a provider calls by itself is no call to the client.
        if (part.providerExecuted) return;
        yield* this.begin(part.toolCallId, part.toolName);
        // The whole of it comes last; some of it may not have come before, as where there are no arguments.
        const sent = this.calls.get(part.toolCallId)?.text ?? '';
        if (part.input.startsWith(sent)) yield* this.add(part.toolCallId, part.input.slice(sent.length));
      }
    }
  }

  private *begin(id: string, name: string): Generator<ToolCallDelta, void, void> {
    if (this.calls.has(id)) return;
    const index = this.calls.size;
    this.calls.set(id, { index, text: '' });
    yield { index, id, type: 'function', function: { name, arguments: '' } };
  }

  private *add(id: string, text: string): Generator<ToolCallDelta, void, void> {
    const sent = this.calls.get(id);
    if (!sent || text === '') return;
    sent.text += text;
    yield { index: sent.index, function: { arguments: text } };
  }
}
