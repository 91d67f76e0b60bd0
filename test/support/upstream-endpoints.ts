import { done, finish, PROMPT_TOKENS, toTokens } from './upstream-steps.js';
import type { Step, StreamWriter } from './upstream-steps.js';
import { json, stream } from './upstream-behaviours.js';
import type { Behaviour } from './upstream-behaviours.js';

/** Has as many numbers as `vectorOf` gives. */
export const DIMENSIONS = 4;

/** The embedding of a text or of tokens: another one for each, in numbers that a float32 holds exactly. */
export function vectorOf(input: unknown, dimensions = DIMENSIONS): readonly number[] {
  const text = String(input);
  let hash = 0;
  for (const character of text) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) % 65_536;
  return Array.from({ length: dimensions }, (_, at) => (((hash * (at + 1)) % 4_096) - 2_048) / 1_024);
}

export interface EmbeddingOptions {
  /** `asked`: as the request's `encoding_format` says. Others: always so, as many servers do. Default: `asked`. */
  readonly encoding?: 'asked' | 'float' | 'base64';
}

/** An embedding for each input, as `vectorOf` has it. */
export function embeddings({ encoding = 'asked' }: EmbeddingOptions = {}): Behaviour {
  return (call) => {
    const { input, encoding_format: format, dimensions } = call.record.json ?? {};
    const isList = Array.isArray(input) && typeof input[0] !== 'number';
    const inputs: readonly unknown[] = isList ? input : [input];
    const size = typeof dimensions === 'number' ? dimensions : DIMENSIONS;
    const write = (encoding === 'asked' ? format : encoding) === 'base64' ? toBase64 : toNumbers;
    return json({
      object: 'list',
      model: call.record.model,
      data: inputs.map((each, index) => ({
        object: 'embedding',
        index,
        embedding: write(vectorOf(each, size)),
      })),
      usage: { prompt_tokens: inputs.length, total_tokens: inputs.length },
    })(call);
  };
}

export interface CompletionOptions {
  /** Where a stream has its usage. Default `asked`: in a chunk of its own where it is asked for. */
  readonly usage?: 'asked' | 'finish';
}

/** A legacy completion with this text: streamed where the request says so, else one body. */
export function completion(text: string, options: CompletionOptions = {}): Behaviour {
  return (call) => (call.record.stream ? streamText(text, options)(call) : sendText(text)(call));
}

interface ScriptedCall {
  readonly name: string;
  /** The arguments as the model wrote them, which is JSON. */
  readonly json: string;
}

/**
 * Tool calls, `call_0` and so on. A stream has the openings of all first, then their arguments in turns, a third at a
 * time: nothing that belongs together stands together.
 */
export function callTools(...calls: readonly ScriptedCall[]): Behaviour {
  const openings = calls.map(({ name }, index) => ({
    index,
    id: `call_${index}`,
    type: 'function',
    function: { name, arguments: '' },
  }));
  const rest = [0, 1, 2].flatMap((third) =>
    calls.map((call, index) => ({ index, function: { arguments: cut(call.json, third) } })),
  );
  const deltas = [...openings, ...rest].map((each) => ({ tool_calls: [each] }));
  const steps: Step[] = [{ role: 'assistant', content: null }, ...deltas].map(
    (delta) => (writer) => writer.chunk([{ index: 0, delta, finish_reason: null }]),
  );
  return (call) =>
    call.record.stream ? stream(...steps, finish('tool_calls'), done())(call) : sendToolCalls(calls)(call);
}

function sendToolCalls(calls: readonly ScriptedCall[]): Behaviour {
  const tool_calls = calls.map(({ name, json: args }, index) => ({
    id: `call_${index}`,
    type: 'function',
    function: { name, arguments: args },
  }));
  const message = { role: 'assistant', content: null, tool_calls };
  return (call) =>
    json({
      id: `chatcmpl-${call.record.number}`,
      object: 'chat.completion',
      created: 1,
      model: call.record.model,
      choices: [{ index: 0, message, finish_reason: 'tool_calls' }],
    })(call);
}

function cut(text: string, third: number): string {
  const size = Math.ceil(text.length / 3);
  return text.slice(third * size, (third + 1) * size);
}

function toNumbers(vector: readonly number[]): readonly number[] {
  return vector;
}

function toBase64(vector: readonly number[]): string {
  const bytes = Buffer.alloc(vector.length * 4);
  vector.forEach((value, at) => bytes.writeFloatLE(value, at * 4));
  return bytes.toString('base64');
}

function sendText(text: string): Behaviour {
  return (call) =>
    json({
      ...headOf(call.record),
      choices: [{ index: 0, text, logprobs: null, finish_reason: 'stop' }],
      usage: usageOf(text),
    })(call);
}

function streamText(text: string, { usage = 'asked' }: CompletionOptions): Behaviour {
  return (call) => {
    const options = call.record.json?.['stream_options'] as { include_usage?: boolean } | undefined;
    const chunk = (choices: readonly object[], more = {}): Step => {
      const value = { ...headOf(call.record), choices, ...more };
      return (writer: StreamWriter) => writer.lines(`data: ${JSON.stringify(value)}`);
    };
    const choice = (part: string, finish_reason: string | null) => [
      { index: 0, text: part, logprobs: null, finish_reason },
    ];
    const counts = { usage: usageOf(text) };
    return stream(
      ...toTokens(text).map((part) => chunk(choice(part, null))),
      chunk(choice('', 'stop'), usage === 'finish' ? counts : {}),
      ...(usage === 'asked' && options?.include_usage ? [chunk([], counts)] : []),
      done(),
    )(call);
  };
}

function headOf({ number, model }: { readonly number: number; readonly model: string | undefined }) {
  return { id: `cmpl-${number}`, object: 'text_completion', created: 1_700_000_000 + number, model };
}

function usageOf(text: string) {
  const completion_tokens = toTokens(text).length;
  return {
    prompt_tokens: PROMPT_TOKENS,
    completion_tokens,
    total_tokens: PROMPT_TOKENS + completion_tokens,
  };
}
