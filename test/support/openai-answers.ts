/** A chunk of a streamed chat completion, as far as tests look into it. */
export interface ChatChunk {
  readonly id: string;
  readonly created: number;
  readonly usage?: unknown;
  readonly choices: readonly {
    readonly finish_reason: string | null;
    readonly delta?: {
      readonly role?: string;
      readonly content?: string;
      readonly refusal?: string;
      readonly reasoning_content?: string;
      readonly reasoning_details?: readonly object[];
      readonly tool_calls?: readonly {
        readonly index: number;
        readonly id?: string;
        readonly type?: string;
        readonly function: { readonly name?: string; readonly arguments: string };
      }[];
    };
  }[];
}

/** The chunks of a stream's text. */
export function chunksIn(text: string): readonly ChatChunk[] {
  return text
    .split('\n\n')
    .map((event) => event.replace(/^data: /, ''))
    .filter((data) => data !== '' && data !== '[DONE]')
    .map((data) => JSON.parse(data) as ChatChunk);
}

/** What a model has said, streamed or not. */
export interface SaidMessage {
  readonly content: string;
  readonly reasoning: string;
  readonly details: readonly object[];
  readonly toolCalls: readonly ToolCall[];
  readonly finish: string | null | undefined;
}

export interface ToolCall {
  readonly id: string;
  readonly type: string;
  readonly function: { readonly name: string; readonly arguments: string };
}

/** The message of an answer's text: that of its chunks where it is a stream. */
export function messageIn(text: string, stream: boolean): SaidMessage {
  return stream ? joined(chunksIn(text)) : whole(text);
}

function joined(chunks: readonly ChatChunk[]): SaidMessage {
  const choices = chunks.flatMap((chunk) => chunk.choices);
  const deltas = choices.flatMap(({ delta }) => delta ?? []);
  const calls: { id: string; type: string; function: { name: string; arguments: string } }[] = [];
  for (const { index, id = '', function: called } of deltas.flatMap(({ tool_calls: list }) => list ?? [])) {
    const call = (calls[index] ??= { id: '', type: 'function', function: { name: '', arguments: '' } });
    call.id += id;
    call.function.name += called.name ?? '';
    call.function.arguments += called.arguments;
  }
  return {
    content: deltas.map(({ content }) => content ?? '').join(''),
    reasoning: deltas.map((delta) => delta.reasoning_content ?? '').join(''),
    details: deltas.flatMap((delta) => delta.reasoning_details ?? []),
    toolCalls: calls,
    finish: choices.at(-1)?.finish_reason,
  };
}

function whole(text: string): SaidMessage {
  const { choices } = JSON.parse(text) as {
    choices: { finish_reason: string; message: Record<string, never> }[];
  };
  const { message = {}, finish_reason: finish } = choices[0] ?? {};
  return {
    content: message['content'] ?? '',
    reasoning: message['reasoning_content'] ?? '',
    details: message['reasoning_details'] ?? [],
    toolCalls: message['tool_calls'] ?? [],
    finish,
  };
}
