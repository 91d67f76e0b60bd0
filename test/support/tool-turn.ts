import { chunksOf, jsonOf, type Answer } from './client.js';

/** A call of a tool, as clients get it and send it back. */
export interface ToolCall {
  readonly id: string;
  readonly type: 'function';
  readonly function: { readonly name: string; readonly arguments: string };
}

/** The message of an assistant, as a client keeps it for the next turn. */
export interface AssistantMessage {
  readonly role: 'assistant';
  readonly content: string | null;
  readonly tool_calls?: readonly ToolCall[];
  readonly reasoning_content?: string;
  readonly reasoning_details?: readonly object[];
}

interface Delta {
  readonly role?: string;
  readonly content?: string | null;
  readonly reasoning_content?: string;
  readonly reasoning_details?: readonly object[];
  readonly tool_calls?: readonly {
    readonly index: number;
    readonly id?: string;
    readonly function?: { readonly name?: string; readonly arguments?: string };
  }[];
}

/** What a client makes of an answer, streamed or not, as the SDKs do it. */
export function messageOf(answer: Answer): AssistantMessage {
  if (answer.events.length === 0) {
    return jsonOf(answer).choices?.[0]?.message as unknown as AssistantMessage;
  }
  const deltas = deltasOf(answer);
  const texts = deltas.flatMap(({ content }) => content ?? []);
  const thoughts = deltas.flatMap(({ reasoning_content: text }) => text ?? []);
  const details = deltas.flatMap(({ reasoning_details: list }) => list ?? []);
  const calls = callsOf(deltas);
  return {
    role: 'assistant',
    content: texts.length > 0 ? texts.join('') : null,
    ...(calls.length > 0 && { tool_calls: calls }),
    ...(thoughts.length > 0 && { reasoning_content: thoughts.join('') }),
    ...(details.length > 0 && { reasoning_details: details }),
  };
}

/** The changes of a stream's only choice, in order. */
export function deltasOf(answer: Answer): readonly Delta[] {
  return chunksOf(answer).flatMap(({ choices = [] }) => choices.map(({ delta }) => (delta ?? {}) as Delta));
}

function callsOf(deltas: readonly Delta[]): readonly ToolCall[] {
  const calls = new Map<number, { id: string; name: string; text: string }>();
  for (const { index, id, function: piece } of deltas.flatMap(({ tool_calls: list }) => list ?? [])) {
    const call = calls.get(index) ?? { id: '', name: '', text: '' };
    call.id += id ?? '';
    call.name += piece?.name ?? '';
    call.text += piece?.arguments ?? '';
    calls.set(index, call);
  }
  return [...calls.values()].map(({ id, name, text }) => ({
    id,
    type: 'function',
    function: { name, arguments: text },
  }));
}
