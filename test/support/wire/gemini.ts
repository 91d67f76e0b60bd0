import { json, stream } from '../upstream-behaviours.js';
import { event, type Step } from '../upstream-steps.js';
import { vectorOf } from '../upstream-endpoints.js';
import { startWire } from './start-wire.js';
import {
  COUNTS,
  finishOf,
  gated,
  gatedWhole,
  sequence,
  wordsOf,
  type Said,
  type Wire,
  type WireError,
} from './wire.js';

/** The Generative Language API: `:generateContent` and `:streamGenerateContent?alt=sse`, each event a whole response. */
export const geminiWire: Wire = {
  kind: 'gemini',
  start: () => startWire(/:(streamGenerateContent|generateContent|embedContent|batchEmbedContents)/),
  baseUrl: ({ port }) => `http://127.0.0.1:${port}/v1beta`,
  says: (said, { gate } = {}) => {
    const whole = gatedWhole(json(toResponse(toParts(said), said)), gate);
    const streamed = stream(...gated(toSteps(said), gate));
    return (call) => (call.record.path.includes(':stream') ? streamed(call) : whole(call));
  },
  error: (status, error = {}) =>
    json(toError(status, error), {
      status,
      headers: error.retryAfter === undefined ? {} : { 'retry-after': error.retryAfter },
    }),
  stream,
  begin: () => sequence(),
  token: (text) => event(toResponse([{ text }])),
  finish: (reason = 'stop') => event(toResponse([], { finish: reason })),
  errorStep: (error = {}) => event(toError(503, { message: 'The model is overloaded.', ...error })),
  embeddings: () => (call) => {
    const { requests, content } = call.record.json ?? {};
    const vector = (value: unknown) => ({ values: vectorOf(JSON.stringify(value)) });
    return Array.isArray(requests)
      ? json({
          embeddings: requests.map((one: { content: { parts: unknown } }) => vector(one.content.parts)),
        })(call)
      : json({ embedding: vector((content as { parts: unknown }).parts) })(call);
  },
  modelList: (...names) =>
    json({
      models: [
        ...names.map((name) => ({ name: `models/${name}`, supportedGenerationMethods: ['generateContent'] })),
        { name: 'models/only-video', supportedGenerationMethods: ['predictLongRunning'] },
      ],
    }),
};

const FINISH_REASONS = {
  stop: 'STOP',
  length: 'MAX_TOKENS',
  tool_calls: 'STOP',
  content_filter: 'SAFETY',
} as const;

const STATUSES: Readonly<Record<number, string>> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  429: 'RESOURCE_EXHAUSTED',
  500: 'INTERNAL',
  503: 'UNAVAILABLE',
};

function toError(status: number, { message = `scripted ${status}`, type }: WireError): object {
  return { error: { code: status, message, status: type ?? STATUSES[status] ?? 'UNKNOWN', details: [] } };
}

type Part = Readonly<Record<string, unknown>>;

/** Without `said` a piece of a stream; with it the last one, or the whole. */
function toResponse(parts: readonly Part[], said?: Said): object {
  const ending = said && {
    finishReason: FINISH_REASONS[finishOf(said)],
    ...(said.finish === 'content_filter' && { finishMessage: 'I would rather not.' }),
  };
  const usage = {
    promptTokenCount: COUNTS.prompt,
    cachedContentTokenCount: COUNTS.cached,
    candidatesTokenCount: COUNTS.completion - COUNTS.reasoning,
    thoughtsTokenCount: COUNTS.reasoning,
  };
  return {
    candidates: [{ index: 0, content: { role: 'model', parts }, ...ending }],
    ...(said && { usageMetadata: usage }),
    modelVersion: 'gemini-scripted',
    responseId: 'response-1',
  };
}

function toParts({ thought, text, toolCalls = [] }: Said): readonly Part[] {
  return [
    ...(thought ? [{ text: thought.text, thought: true, thoughtSignature: thought.signature }] : []),
    ...(text === undefined ? [] : [{ text }]),
    ...toolCalls.map(({ id, name, input, signature }) => ({
      functionCall: { id, name, args: input },
      ...(signature !== undefined && { thoughtSignature: signature }),
    })),
  ];
}

function toSteps(said: Said): readonly Step[] {
  const { thought, text, toolCalls } = said;
  const thoughts = wordsOf(thought?.text).map((word, at, { length }) => ({
    text: word,
    thought: true,
    ...(at === length - 1 && { thoughtSignature: thought?.signature }),
  }));
  const pieces = [
    ...thoughts.map((part) => [part]),
    ...wordsOf(text).map((word) => [{ text: word }]),
    ...(toolCalls ? [toParts({ toolCalls })] : []),
  ];
  return [...pieces.map((parts) => event(toResponse(parts))), event(toResponse([], said))];
}
