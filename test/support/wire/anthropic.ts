import { json, stream } from '../upstream-behaviours.js';
import { event, type Step } from '../upstream-steps.js';
import { startWire } from './start-wire.js';
import {
  COUNTS,
  finishOf,
  gated,
  gatedWhole,
  halves,
  sequence,
  wordsOf,
  type Said,
  type Wire,
  type WireError,
} from './wire.js';

/** The Messages API: `POST /v1/messages`, and named events with an index for each block. */
export const anthropicWire: Wire = {
  kind: 'anthropic',
  start: () => startWire(/\/messages$/),
  baseUrl: ({ port }) => `http://127.0.0.1:${port}/v1`,
  says: (said, { gate } = {}) => {
    const whole = gatedWhole(json(toMessage(said)), gate);
    const streamed = stream(...gated(toSteps(said), gate));
    return (call) => (call.record.stream ? streamed(call) : whole(call));
  },
  error: (status, error = {}) =>
    json(toError(status, error), {
      status,
      headers: error.retryAfter === undefined ? {} : { 'retry-after': error.retryAfter },
    }),
  stream,
  begin: () => sequence(messageStart(), blockStart(0, { type: 'text', text: '' })),
  token: (text) => blockDelta(0, { type: 'text_delta', text }),
  finish: (reason = 'stop') => sequence(blockStop(0), ...messageEnd(reason)),
  errorStep: (error = {}) => event(toError(529, error), 'error'),
  modelList: (...names) => json({ data: names.map((id) => ({ type: 'model', id })), has_more: false }),
};

const STOP_REASONS = {
  stop: 'end_turn',
  length: 'max_tokens',
  tool_calls: 'tool_use',
  content_filter: 'refusal',
} as const;

const TYPES: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  500: 'api_error',
  529: 'overloaded_error',
};

function toError(status: number, { message = `scripted ${status}`, type }: WireError): object {
  return { type: 'error', error: { type: type ?? TYPES[status] ?? 'api_error', message } };
}

const USAGE = {
  input_tokens: COUNTS.prompt - COUNTS.cached,
  cache_read_input_tokens: COUNTS.cached,
  cache_creation_input_tokens: 0,
};

function toUsage(): object {
  const details = { thinking_tokens: COUNTS.reasoning };
  return { ...USAGE, output_tokens: COUNTS.completion, output_tokens_details: details };
}

function toMessage(said: Said): object {
  const { thought, text, toolCalls = [] } = said;
  return {
    ...HEAD,
    content: [
      ...(thought ? [toThought(thought)] : []),
      ...(text === undefined ? [] : [{ type: 'text', text }]),
      ...toolCalls.map(({ id, name, input }) => ({ type: 'tool_use', id, name, input })),
    ],
    ...toStop(finishOf(said)),
    usage: toUsage(),
  };
}

const HEAD = { id: 'msg_1', type: 'message', role: 'assistant', model: 'claude-scripted' } as const;

function toThought({ text, signature, encrypted }: NonNullable<Said['thought']>): object {
  return encrypted
    ? { type: 'redacted_thinking', data: signature }
    : { type: 'thinking', thinking: text, signature };
}

function toStop(finish: NonNullable<Said['finish']>): object {
  const details =
    finish === 'content_filter'
      ? { stop_details: { type: 'refusal', explanation: 'I would rather not.' } }
      : {};
  return { stop_reason: STOP_REASONS[finish], stop_sequence: null, ...details };
}

function toSteps(said: Said): readonly Step[] {
  const { thought, text, toolCalls = [] } = said;
  const blocks: ((index: number) => readonly Step[])[] = [
    ...(thought ? [(index: number) => thoughtSteps(thought, index)] : []),
    ...(text === undefined ? [] : [(index: number) => textSteps(text, index)]),
    ...toolCalls.map((call) => (index: number) => callSteps(call, index)),
  ];
  return [
    messageStart(),
    event({ type: 'ping' }, 'ping'),
    ...blocks.flatMap((block, index) => block(index)),
    ...messageEnd(finishOf(said)),
  ];
}

function messageStart(): Step {
  const usage = { ...USAGE, output_tokens: 1 };
  const message = { ...HEAD, content: [], stop_reason: null, stop_sequence: null, usage };
  return event({ type: 'message_start', message }, 'message_start');
}

function messageEnd(finish: NonNullable<Said['finish']>): readonly Step[] {
  return [
    event({ type: 'message_delta', delta: toStop(finish), usage: toUsage() }, 'message_delta'),
    event({ type: 'message_stop' }, 'message_stop'),
  ];
}

function blockStart(index: number, block: object): Step {
  return event({ type: 'content_block_start', index, content_block: block }, 'content_block_start');
}

function blockDelta(index: number, delta: object): Step {
  return event({ type: 'content_block_delta', index, delta }, 'content_block_delta');
}

function blockStop(index: number): Step {
  return event({ type: 'content_block_stop', index }, 'content_block_stop');
}

function thoughtSteps(thought: NonNullable<Said['thought']>, index: number): readonly Step[] {
  if (thought.encrypted) return [blockStart(index, toThought(thought)), blockStop(index)];
  const { text, signature } = thought;
  return [
    blockStart(index, { type: 'thinking', thinking: '', signature: '' }),
    ...wordsOf(text).map((thinking) => blockDelta(index, { type: 'thinking_delta', thinking })),
    blockDelta(index, { type: 'signature_delta', signature }),
    blockStop(index),
  ];
}

function textSteps(text: string, index: number): readonly Step[] {
  return [
    blockStart(index, { type: 'text', text: '' }),
    ...wordsOf(text).map((word) => blockDelta(index, { type: 'text_delta', text: word })),
    blockStop(index),
  ];
}

function callSteps(
  { id, name, input }: NonNullable<Said['toolCalls']>[number],
  index: number,
): readonly Step[] {
  const text = Object.keys(input).length === 0 ? '' : JSON.stringify(input);
  return [
    blockStart(index, { type: 'tool_use', id, name, input: {} }),
    ...halves(text).map((piece) => blockDelta(index, { type: 'input_json_delta', partial_json: piece })),
    blockStop(index),
  ];
}
