import { crc32 } from 'node:zlib';
import { json, streamAs } from '../upstream-behaviours.js';
import { vectorOf } from '../upstream-endpoints.js';
import { raw, type Step } from '../upstream-steps.js';
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

/** The Converse API: `/model/<id>/converse` and `/converse-stream`, in AWS's binary event stream. */
export const bedrockWire: Wire = {
  kind: 'bedrock',
  start: () => startWire(/\/(converse|converse-stream|invoke)$/),
  baseUrl: ({ port }) => `http://127.0.0.1:${port}`,
  says: (said, { gate } = {}) => {
    const whole = gatedWhole(json(toResponse(said)), gate);
    const streamed = bedrockWire.stream(...gated(toSteps(said), gate));
    return (call) => (call.record.path.endsWith('/converse-stream') ? streamed(call) : whole(call));
  },
  error: (status, { message = `scripted ${status}`, type, retryAfter }: WireError = {}) =>
    json(
      { message },
      {
        status,
        headers: {
          'x-amzn-errortype': `${type ?? TYPES[status] ?? 'InternalServerException'}:http://internal.example/`,
          ...(retryAfter !== undefined && { 'retry-after': retryAfter }),
        },
      },
    ),
  stream: (...steps) => streamAs({ contentType: 'application/vnd.amazon.eventstream' }, ...steps),
  begin: () => message('messageStart', { role: 'assistant' }),
  token: (text) => delta(0, { text }),
  finish: (reason = 'stop') => sequence(blockStop(0), ...messageEnd({ finish: reason })),
  errorStep: ({ message: words = 'scripted', type = 'throttlingException' } = {}) =>
    raw(frame({ ':message-type': 'exception', ':exception-type': type }, { message: words })),
  embeddings: () => (call) => {
    const { inputText } = call.record.json ?? {};
    return json({ embedding: vectorOf(inputText), inputTextTokenCount: COUNTS.prompt })(call);
  },
  modelList: () => json({}),
};

const STOP_REASONS = {
  stop: 'end_turn',
  length: 'max_tokens',
  tool_calls: 'tool_use',
  content_filter: 'guardrail_intervened',
} as const;

const TYPES: Readonly<Record<number, string>> = {
  400: 'ValidationException',
  403: 'AccessDeniedException',
  404: 'ResourceNotFoundException',
  429: 'ThrottlingException',
  503: 'ServiceUnavailableException',
};

const USAGE = {
  inputTokens: COUNTS.prompt - COUNTS.cached,
  cacheReadInputTokens: COUNTS.cached,
  outputTokens: COUNTS.completion,
  totalTokens: COUNTS.prompt - COUNTS.cached + COUNTS.completion,
};

function toResponse(said: Said): object {
  const { thought, text, toolCalls = [] } = said;
  const content = [
    ...(thought ? [{ reasoningContent: toThought(thought) }] : []),
    ...(text === undefined ? [] : [{ text }]),
    ...toolCalls.map(({ id, name, input }) => ({ toolUse: { toolUseId: id, name, input } })),
  ];
  return {
    output: { message: { role: 'assistant', content } },
    stopReason: STOP_REASONS[finishOf(said)],
    usage: USAGE,
    metrics: { latencyMs: 1 },
  };
}

function toThought({ text, signature, encrypted }: NonNullable<Said['thought']>): object {
  return encrypted ? { redactedContent: signature } : { reasoningText: { text, signature } };
}

function toSteps(said: Said): readonly Step[] {
  const { thought, text, toolCalls = [] } = said;
  const blocks: ((index: number) => readonly Step[])[] = [
    ...(thought ? [(index: number) => thoughtSteps(thought, index)] : []),
    ...(text === undefined
      ? []
      : [
          (index: number) => [...wordsOf(text).map((word) => delta(index, { text: word })), blockStop(index)],
        ]),
    ...toolCalls.map((call) => (index: number) => callSteps(call, index)),
  ];
  return [bedrockWire.begin(), ...blocks.flatMap((block, index) => block(index)), ...messageEnd(said)];
}

function messageEnd(said: Said): readonly Step[] {
  return [
    message('messageStop', { stopReason: STOP_REASONS[finishOf(said)] }),
    message('metadata', { usage: USAGE, metrics: { latencyMs: 1 } }),
  ];
}

function thoughtSteps(
  { text, signature, encrypted }: NonNullable<Said['thought']>,
  index: number,
): readonly Step[] {
  const pieces = encrypted
    ? [{ redactedContent: signature }]
    : [...wordsOf(text).map((word) => ({ text: word })), { signature }];
  return [...pieces.map((reasoningContent) => delta(index, { reasoningContent })), blockStop(index)];
}

function callSteps(
  { id, name, input }: NonNullable<Said['toolCalls']>[number],
  index: number,
): readonly Step[] {
  return [
    message('contentBlockStart', {
      contentBlockIndex: index,
      start: { toolUse: { toolUseId: id, name } },
    }),
    ...halves(JSON.stringify(input)).map((piece) => delta(index, { toolUse: { input: piece } })),
    blockStop(index),
  ];
}

function delta(contentBlockIndex: number, value: object): Step {
  return message('contentBlockDelta', { contentBlockIndex, delta: value });
}

function blockStop(contentBlockIndex: number): Step {
  return message('contentBlockStop', { contentBlockIndex });
}

function message(type: string, payload: object): Step {
  const headers = { ':message-type': 'event', ':event-type': type, ':content-type': 'application/json' };
  return raw(frame(headers, payload));
}

/**
 * One message of `application/vnd.amazon.eventstream`: total length, length of the headers and their checksum, the
 * headers (length, name, type 7 for a text, length, value), the payload, and the checksum of all of it.
 */
function frame(headers: Readonly<Record<string, string>>, payload: object): Buffer {
  const head = Buffer.concat(
    Object.entries(headers).flatMap(([name, value]) => [
      Buffer.from([name.length]),
      Buffer.from(name),
      Buffer.from([7, value.length >> 8, value.length & 0xff]),
      Buffer.from(value),
    ]),
  );
  const body = Buffer.from(JSON.stringify(payload));
  const prelude = Buffer.concat([uint32(head.length + body.length + 16), uint32(head.length)]);
  const whole = Buffer.concat([prelude, uint32(crc32(prelude)), head, body]);
  return Buffer.concat([whole, uint32(crc32(whole))]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
