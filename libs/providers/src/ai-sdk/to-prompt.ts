import type { JSONValue, LanguageModelV4Message, LanguageModelV4Prompt } from '@ai-sdk/provider';
import { isRecord } from '../json.js';
import { toParts, toText } from './content-parts.js';
import { readDetails, toMetadata, type Served } from './reasoning-details.js';
import { RequestError } from '../request-error.js';

type AssistantMessage = Extract<LanguageModelV4Message, { role: 'assistant' }>;
type AssistantPart = AssistantMessage['content'][number];
type ToolMessage = Extract<LanguageModelV4Message, { role: 'tool' }>;
type ToolOutput = Extract<ToolMessage['content'][number], { type: 'tool-result' }>['output'];
type JsonObject = Readonly<Record<string, unknown>>;

/**
 * The messages of a chat in the AI SDK's form. What the providers know as one system text comes first, wherever it
 * stood; the results of parallel calls become one message, as they were one turn.
 * Throws a `RequestError` for what the kind cannot be told.
 */
export function toPrompt(messages: unknown, served: Served): LanguageModelV4Prompt {
  if (!Array.isArray(messages)) throw new RequestError('messages', 'expected a list');
  const system: LanguageModelV4Prompt = [];
  const others: LanguageModelV4Prompt = [];
  const toolNames = new Map<string, string>();
  for (const [at, message] of messages.entries()) {
    const path = `messages[${at}]`;
    if (!isRecord(message)) throw new RequestError(path, 'expected a message');
    switch (message['role']) {
      case 'system':
      case 'developer':
        system.push({ role: 'system', content: toText(message['content'], `${path}.content`) });
        break;
      case 'user':
        others.push({ role: 'user', content: toParts(message['content'], served.kind, `${path}.content`) });
        break;
      case 'assistant':
        others.push(toAssistant(message, { served, path, toolNames }));
        break;
      case 'tool':
        addToolResult(others, message, { served, path, toolNames });
        break;
      default:
        throw new RequestError(`${path}.role`, 'the provider does not know this role');
    }
  }
  return [...system, ...others];
}

interface Place {
  readonly served: Served;
  readonly path: string;
  /** Names of the tools by the id of their call: the providers want both with a result. */
  readonly toolNames: Map<string, string>;
}

function toAssistant(message: JsonObject, { served, path, toolNames }: Place): LanguageModelV4Message {
  const details = readDetails(message['reasoning_details'], served);
  const thoughts = details.filter(({ id, type }) => id === undefined && !isOfText(type, served));
  const parts: AssistantPart[] = thoughts.map((detail) => ({
    type: 'reasoning',
    text: detail.text ?? '',
    providerOptions: toMetadata(served.kind, detail),
  }));
  const text = toText(message['content'] ?? message['refusal'], `${path}.content`);
  const sealed = details.find(({ id, type }) => id === undefined && isOfText(type, served));
  if (text !== '' || sealed) {
    parts.push({
      type: 'text',
      text,
      ...(sealed && { providerOptions: toMetadata(served.kind, sealed) }),
    });
  }
  for (const [at, call] of toList(message['tool_calls']).entries()) {
    const part = toToolCall(call, `${path}.tool_calls[${at}]`);
    toolNames.set(part.toolCallId, part.toolName);
    const own = details.find(({ id }) => id !== undefined && toCallId(id) === part.toolCallId);
    parts.push(own ? { ...part, providerOptions: toMetadata(served.kind, own) } : part);
  }
  return { role: 'assistant', content: parts };
}

/** Gemini signs the text of an answer and its calls; a sealed block without a call is the text's there. */
function isOfText(type: string, { kind }: Served): boolean {
  return kind === 'gemini' && type === 'reasoning.encrypted';
}

function toToolCall(call: unknown, path: string): Extract<AssistantPart, { type: 'tool-call' }> {
  const { id, function: called } = isRecord(call) ? call : {};
  if (typeof id !== 'string') throw new RequestError(`${path}.id`, 'expected the id of the call');
  const { name, arguments: text } = isRecord(called) ? called : {};
  if (typeof name !== 'string') throw new RequestError(`${path}.function.name`, 'expected a name');
  return { type: 'tool-call', toolCallId: toCallId(id), toolName: name, input: toInput(text) };
}

/** The providers want an object; what a model once wrote instead is kept as a member. */
function toInput(text: unknown): JsonObject {
  if (typeof text !== 'string' || text.trim() === '') return {};
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : { value };
  } catch {
    return { value: text };
  }
}

/** Ids from another provider may hold characters that these refuse. */
function toCallId(id: string): string {
  return id.replace(/[^\w-]/g, '_');
}

function addToolResult(prompt: LanguageModelV4Prompt, message: JsonObject, place: Place): void {
  const { served, path, toolNames } = place;
  const id = message['tool_call_id'];
  if (typeof id !== 'string') throw new RequestError(`${path}.tool_call_id`, 'expected the id of a call');
  const toolCallId = toCallId(id);
  const toolName = toolNames.get(toolCallId);
  if (toolName === undefined) {
    throw new RequestError(`${path}.tool_call_id`, 'no call before this message has this id');
  }
  const output = toOutput(message['content'], served, `${path}.content`);
  const part = { type: 'tool-result', toolCallId, toolName, output } as const;
  const last = prompt.at(-1);
  if (last?.role === 'tool') last.content.push(part);
  else prompt.push({ role: 'tool', content: [part] });
}

function toOutput(content: unknown, { kind }: Served, path: string): ToolOutput {
  const parts = toParts(content, kind, path);
  if (parts.every((part) => part.type === 'text')) {
    return { type: 'text', value: parts.map(({ text }) => text).join('') };
  }
  return {
    type: 'content',
    value: parts.map((part) =>
      part.type === 'text' ? { type: 'text', text: part.text } : { ...part, type: 'file' },
    ),
  };
}

function toList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Has the turn that is to go on calls without the signed thoughts that led to them? */
export function hasUnsignedCalls(prompt: LanguageModelV4Prompt): boolean {
  const turn = prompt.slice(prompt.findLastIndex(({ role }) => role === 'user') + 1);
  return turn.some(
    (message) =>
      message.role === 'assistant' &&
      message.content.some(({ type }) => type === 'tool-call') &&
      !message.content.some(({ type }) => type === 'reasoning'),
  );
}

/** A value from a body: it came from JSON, so it is JSON. */
export function asJson(value: unknown): JSONValue {
  return value as JSONValue;
}
