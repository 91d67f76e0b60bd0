import { json, modelList, status, stream } from '../upstream-behaviours.js';
import { embeddings } from '../upstream-endpoints.js';
import { done, event, type Step } from '../upstream-steps.js';
import { startUpstream } from '../upstream.js';
import {
  COUNTS,
  finishOf,
  gated,
  gatedWhole,
  halves,
  sequence,
  wordsOf,
  type Said,
  type SaidCall,
  type Wire,
} from './wire.js';

/** OpenAI's own API: `POST /chat/completions`, and chunks until `[DONE]`. */
export const openaiWire: Wire<'openai-compatible'> = {
  kind: 'openai-compatible',
  start: startUpstream,
  baseUrl: ({ baseUrl }) => baseUrl,
  says: (said, { gate } = {}) => {
    const whole = gatedWhole(json(toCompletion(said)), gate);
    return (call) => {
      const options = call.record.json?.['stream_options'] as { include_usage?: boolean } | undefined;
      const isCounted = options?.include_usage === true;
      return call.record.stream ? stream(...gated(toSteps(said, isCounted), gate))(call) : whole(call);
    };
  },
  error: (code, error = {}) => status(code, error),
  stream,
  begin: () => delta({ role: 'assistant', content: '' }),
  token: (text) => delta({ content: text }),
  finish: (reason = 'stop') => sequence(delta({}, reason), done()),
  errorStep: ({ message = 'scripted', type = 'overloaded_error' } = {}) =>
    event({ error: { message, type } }),
  embeddings: () => embeddings(),
  modelList,
};

const HEAD = { id: 'chatcmpl-scripted', created: 1_700_000_000, model: 'gpt-scripted' } as const;

const USAGE = {
  prompt_tokens: COUNTS.prompt,
  completion_tokens: COUNTS.completion,
  total_tokens: COUNTS.prompt + COUNTS.completion,
  prompt_tokens_details: { cached_tokens: COUNTS.cached },
  completion_tokens_details: { reasoning_tokens: COUNTS.reasoning },
};

function toCompletion(said: Said): object {
  const { thought, text, toolCalls } = said;
  const message = {
    role: 'assistant',
    content: text ?? null,
    refusal: null,
    ...(thought && { ...(!thought.encrypted && { reasoning_content: thought.text }), ...toDetails(thought) }),
    ...(toolCalls && { tool_calls: toolCalls.map(toCall) }),
  };
  const choice = { index: 0, message, logprobs: null, finish_reason: finishOf(said) };
  return { ...HEAD, object: 'chat.completion', choices: [choice], usage: USAGE };
}

function toDetails({ text, signature, encrypted }: NonNullable<Said['thought']>): object {
  const detail = encrypted
    ? { type: 'reasoning.encrypted', data: signature }
    : { type: 'reasoning.text', text, signature };
  return { reasoning_details: [{ ...detail, index: 0 }] };
}

function toCall({ id, name, input }: SaidCall): object {
  return { id, type: 'function', function: { name, arguments: JSON.stringify(input) } };
}

function toSteps(said: Said, isCounted: boolean): readonly Step[] {
  const { thought, text, toolCalls = [] } = said;
  const deltas = [
    { role: 'assistant', content: '' },
    ...wordsOf(thought?.encrypted ? '' : thought?.text).map((word) => ({ reasoning_content: word })),
    ...(thought ? [toDetails(thought)] : []),
    ...wordsOf(text).map((word) => ({ content: word })),
    ...toolCalls.flatMap((call, index) => callDeltas(call, index)),
  ];
  const counted = isCounted ? { usage: null } : {};
  return [
    ...deltas.map((each) => delta(each, null, counted)),
    delta({}, finishOf(said), counted),
    ...(isCounted ? [chunk([], { usage: USAGE })] : []),
    done(),
  ];
}

/** The id and the name first, then the arguments in two pieces. */
function callDeltas(call: SaidCall, index: number): readonly object[] {
  const { id, name } = call;
  return [
    { tool_calls: [{ index, id, type: 'function', function: { name, arguments: '' } }] },
    ...halves(JSON.stringify(call.input)).map((piece) => ({
      tool_calls: [{ index, function: { arguments: piece } }],
    })),
  ];
}

function delta(value: object, finish: string | null = null, more: object = {}): Step {
  return chunk([{ index: 0, delta: value, logprobs: null, finish_reason: finish }], more);
}

function chunk(choices: readonly object[], more: object = {}): Step {
  return event({ ...HEAD, object: 'chat.completion.chunk', choices, ...more });
}
