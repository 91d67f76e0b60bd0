import type { Endpoint } from '#core/endpoint.js';
import type { Usage } from './provider.js';

interface DemoAnswer {
  readonly endpoint: Endpoint;
  readonly id: string;
  /** Unix time, s. */
  readonly created: number;
  readonly model: string;
  readonly choices: number;
}

interface DemoChoice {
  readonly index: number;
  readonly delta: { readonly role?: string; readonly content?: string };
  readonly finish_reason: string | null;
}

const TEXT =
  "Hello from Spillway's built-in demo provider: the queue, the worker and the stream all work, but no real model " +
  'is connected yet. To connect one, start Ollama or set OPENAI_API_KEY, or list a provider in spillway.yaml, and ' +
  'start Spillway again.';

const TEXT_BY_MODEL: Readonly<Record<string, string>> = {
  'demo-slow':
    'This is the demo provider taking its time, so that you can watch a request wait, stream and be cancelled.',
  'demo-cut': 'This answer of the demo provider breaks off before its end, as a dying provider would.',
};

/** The canned answer in pieces, each with the blank that follows it. */
export function demoWords(model: string): readonly string[] {
  return (TEXT_BY_MODEL[model] ?? TEXT).split(/(?<= )/);
}

/** A chunk of the stream. With `usage` true it says `usage: null`, as all but the last do for a client that asked. */
export function demoChunk(
  { endpoint, id, created, model }: DemoAnswer,
  choices: readonly DemoChoice[],
  usage: Usage | boolean,
): object {
  return {
    id,
    object: endpoint === 'chat' ? 'chat.completion.chunk' : 'text_completion',
    created,
    model,
    choices: choices.map(({ index, delta, finish_reason }) => ({
      index,
      ...(endpoint === 'chat' ? { delta } : { text: delta.content ?? '' }),
      finish_reason,
      logprobs: null,
    })),
    ...(usage !== false && { usage: usage === true ? null : toWireUsage(usage) }),
  };
}

/** The whole answer, for a request without `stream`. */
export function demoBody(
  { endpoint, id, created, model, choices }: DemoAnswer,
  content: string,
  usage: Usage,
): object {
  const isChat = endpoint === 'chat';
  const said = isChat ? { message: { role: 'assistant', content, refusal: null } } : { text: content };
  return {
    id,
    object: isChat ? 'chat.completion' : 'text_completion',
    created,
    model,
    choices: Array.from({ length: choices }, (_, index) => ({
      index,
      ...said,
      logprobs: null,
      finish_reason: 'stop',
    })),
    usage: toWireUsage(usage),
  };
}

function toWireUsage({ promptTokens, completionTokens }: Usage): object {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
  };
}
