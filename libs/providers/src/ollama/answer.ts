import { randomUUID } from 'node:crypto';
import { isRecord } from '../json.js';
import type { Usage } from '../provider.js';

type JsonObject = Readonly<Record<string, unknown>>;

/** What one answer has in common, whether in chunks or whole. */
export interface AnswerHead {
  readonly endpoint: 'chat' | 'completions';
  readonly id: string;
  /** Unix time, s. */
  readonly created: number;
  readonly model: string;
}

/** A piece of an answer in OpenAI's terms, or all of it. */
export interface Said {
  readonly content: string;
  readonly reasoning: string;
  readonly calls: readonly ToolCall[];
  readonly logprobs: readonly JsonObject[] | undefined;
}

export interface ToolCall {
  readonly index: number;
  readonly id: string;
  readonly type: 'function';
  readonly function: { readonly name: string; readonly arguments: string };
}

export function createHead(endpoint: AnswerHead['endpoint'], model: string): AnswerHead {
  const prefix = endpoint === 'chat' ? 'chatcmpl' : 'cmpl';
  const id = `${prefix}-${randomUUID().replaceAll('-', '')}`;
  return { endpoint, id, created: Math.floor(Date.now() / 1000), model };
}

/**
 * Reads a line of a stream, or a whole answer, of `/api/chat` or `/api/generate`. Undefined where it is neither.
 * @param begun calls of tools that came before it
 */
export function readSaid(line: JsonObject, begun: number): Said | undefined {
  const message = isRecord(line['message']) ? line['message'] : undefined;
  const content = message ? message['content'] : line['response'];
  if (!message && typeof content !== 'string') return undefined;
  const calls = message?.['tool_calls'];
  return {
    content: textOf(content),
    reasoning: textOf((message ?? line)['thinking']),
    calls: Array.isArray(calls) ? calls.filter(isRecord).map((call, at) => toCall(call, begun + at)) : [],
    logprobs: Array.isArray(line['logprobs']) ? line['logprobs'].filter(isRecord).map(toLogprob) : undefined,
  };
}

/** Undefined where Ollama gives no counts. It leaves out a count of 0. */
export function readCounts(line: JsonObject): Usage | undefined {
  const { prompt_eval_count: prompt, eval_count: completion } = line;
  if (!isCount(prompt) && !isCount(completion)) return undefined;
  return {
    promptTokens: isCount(prompt) ? prompt : 0,
    completionTokens: isCount(completion) ? completion : 0,
  };
}

/** Ollama says `stop` after a call of a tool, too. */
export function toFinishReason(line: JsonObject, hasCalls: boolean): string {
  if (line['done_reason'] === 'length') return 'length';
  return hasCalls ? 'tool_calls' : 'stop';
}

/** An event of the stream. `usage`: `null` where the client asked for counts, which come last. */
export function toChunk(
  { endpoint, id, created, model }: AnswerHead,
  choices: readonly JsonObject[],
  usage: JsonObject | null | undefined,
): Buffer {
  const object = endpoint === 'chat' ? 'chat.completion.chunk' : 'text_completion';
  const chunk = { id, object, created, model, choices, ...(usage !== undefined && { usage }) };
  return Buffer.from(`data: ${JSON.stringify(chunk)}\n\n`);
}

/** The one choice of a chunk. */
export function toChoice(endpoint: AnswerHead['endpoint'], said: Said, finish: string | null): JsonObject {
  const shared = { index: 0, logprobs: toLogprobs(endpoint, said.logprobs), finish_reason: finish };
  return endpoint === 'chat' ? { ...shared, delta: toDelta(said) } : { ...shared, text: said.content };
}

/** The members that have something in them. */
export function toDelta({ content, reasoning, calls }: Said): JsonObject {
  return {
    ...(reasoning !== '' && { reasoning_content: reasoning }),
    ...(content !== '' && { content }),
    ...(calls.length > 0 && { tool_calls: calls }),
  };
}

/** A whole answer. */
export function toBody(
  { endpoint, id, created, model }: AnswerHead,
  said: Said,
  { finish, usage }: { readonly finish: string; readonly usage: Usage | undefined },
): Buffer {
  const choice = { index: 0, logprobs: toLogprobs(endpoint, said.logprobs), finish_reason: finish };
  const answered = endpoint === 'chat' ? { message: toMessage(said) } : { text: said.content };
  return Buffer.from(
    JSON.stringify({
      id,
      object: endpoint === 'chat' ? 'chat.completion' : 'text_completion',
      created,
      model,
      choices: [{ ...choice, ...answered }],
      ...(usage && { usage: toWireUsage(usage) }),
    }),
  );
}

export function toWireUsage({ promptTokens, completionTokens }: Usage): JsonObject {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
  };
}

function toMessage({ content, reasoning, calls }: Said): JsonObject {
  return {
    role: 'assistant',
    content: content === '' && calls.length > 0 ? null : content,
    refusal: null,
    ...(reasoning !== '' && { reasoning_content: reasoning }),
    ...(calls.length > 0 && {
      tool_calls: calls.map(({ id, type, function: called }) => ({ id, type, function: called })),
    }),
  };
}

/** Ollama gives the arguments as an object, and older versions no id. */
function toCall(call: JsonObject, index: number): ToolCall {
  const called = isRecord(call['function']) ? call['function'] : {};
  const given = called['arguments'];
  return {
    index,
    id: textOf(call['id']) || `call_${randomUUID().replaceAll('-', '').slice(0, 24)}`,
    type: 'function',
    function: {
      name: textOf(called['name']),
      arguments: typeof given === 'string' ? given : JSON.stringify(given ?? {}),
    },
  };
}

function toLogprob(entry: JsonObject): JsonObject {
  const top = entry['top_logprobs'];
  return {
    ...toToken(entry),
    top_logprobs: Array.isArray(top) ? top.filter(isRecord).map(toToken) : [],
  };
}

function toToken({ token, logprob, bytes }: JsonObject): JsonObject {
  return { token, logprob, bytes: Array.isArray(bytes) ? bytes : null };
}

/** Legacy completions have lists side by side. */
function toLogprobs(endpoint: AnswerHead['endpoint'], entries: Said['logprobs']): JsonObject | null {
  if (entries === undefined) return null;
  if (endpoint === 'chat') return { content: entries, refusal: null };
  return {
    tokens: entries.map(({ token }) => token),
    token_logprobs: entries.map(({ logprob }) => logprob),
    top_logprobs: entries.map(({ top_logprobs: top }) =>
      Object.fromEntries((top as JsonObject[]).map(({ token, logprob }) => [String(token), logprob])),
    ),
    text_offset: [],
  };
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}
