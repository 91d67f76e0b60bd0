import type { LiveCall } from '../upstream-call.js';
import type { Behaviour } from '../upstream-behaviours.js';
import { json } from '../upstream-behaviours.js';
import { vectorOf } from '../upstream-endpoints.js';
import type { Gate } from '../upstream-gate.js';
import { toTokens } from '../upstream-steps.js';

/** What Ollama counts as the prompt of every scripted call. */
const OLLAMA_PROMPT_TOKENS = 11;

export interface OllamaToolCall {
  readonly name: string;
  readonly arguments: object;
  /** Newer versions give one. */
  readonly id?: string;
}

export interface OllamaAnswer {
  readonly text?: string;
  readonly thinking?: string;
  readonly calls?: readonly OllamaToolCall[];
  /** Default: `stop`. `null`: none, as older versions. */
  readonly doneReason?: string | null;
  /** Default: as many tokens as it says. `null`: no counts at all. */
  readonly counts?: { readonly prompt?: number; readonly completion?: number } | null;
  /** Each token has one of -0.5, and itself as the only candidate. */
  readonly logprobs?: boolean;
  /** Each token of a stream, or the whole of a body, waits for a pass. */
  readonly gate?: Gate;
}

type Line = Readonly<Record<string, unknown>>;

/** An answer of `/api/chat` or `/api/generate`: streamed where the request says so, else one body. */
export function ollamaAnswer(answer: OllamaAnswer | string = 'Hello from Ollama'): Behaviour {
  const given = typeof answer === 'string' ? { text: answer } : answer;
  return (call) => (call.record.stream ? streamAnswer(call, given) : sendAnswer(call, given));
}

/** These lines, as a stream with status 200, and then its end; a text is written as it is. */
export function ollamaLines(...lines: readonly (Line | string)[]): Behaviour {
  return async (call) => {
    await begin(call);
    for (const line of lines) await call.write(typeof line === 'string' ? line : `${JSON.stringify(line)}\n`);
    await call.end();
  };
}

/** Part of a streamed answer, and then what happens: nothing, a closed connection, or an error in the stream. */
export function ollamaBroken(
  text: string,
  rest: 'end' | 'drop' | 'hang' | { readonly error: string },
): Behaviour {
  return async (call) => {
    await begin(call);
    for (const token of toTokens(text))
      await call.write(`${JSON.stringify(piece(call, { content: token }))}\n`);
    if (rest === 'drop') call.drop();
    else if (rest === 'end') await call.end();
    else if (rest !== 'hang') await call.end(`${JSON.stringify(rest)}\n`);
  };
}

/** An error in Ollama's form. */
export function ollamaError(
  status: number,
  error: string,
  headers: Readonly<Record<string, string>> = {},
): Behaviour {
  return json({ error }, { status, headers });
}

/** An embedding for each input, as `vectorOf` has it. */
export function ollamaEmbeddings(): Behaviour {
  return (call) => {
    const { input, dimensions } = call.record.json ?? {};
    const inputs: readonly unknown[] = Array.isArray(input) ? input : [input];
    const size = typeof dimensions === 'number' ? dimensions : undefined;
    return json({
      model: call.record.model,
      embeddings: inputs.map((each) => vectorOf(each, size)),
      total_duration: 14_143_917,
      load_duration: 1_019_500,
      prompt_eval_count: inputs.length,
    })(call);
  };
}

async function streamAnswer(call: LiveCall, answer: OllamaAnswer): Promise<void> {
  const { text = '', thinking = '', calls = [], gate, logprobs } = answer;
  await begin(call);
  const write = async (line: Line) => {
    if (gate) await gate.pass(call.closed);
    if (!call.closed.aborted) await call.write(`${JSON.stringify(line)}\n`);
  };
  for (const token of toTokens(thinking))
    if (token) await write(piece(call, { content: '', thinking: token }));
  for (const token of toTokens(text)) {
    if (token)
      await write({ ...piece(call, { content: token }), ...(logprobs && { logprobs: [scored(token)] }) });
  }
  // Each call comes whole, in a line of its own.
  for (const each of calls.map(toWire)) await write(piece(call, { content: '', tool_calls: [each] }));
  await call.end(`${JSON.stringify(last(call, { content: '' }, answer))}\n`);
}

async function sendAnswer(call: LiveCall, answer: OllamaAnswer): Promise<void> {
  const { text = '', thinking = '', calls = [], gate, logprobs } = answer;
  if (gate) await gate.pass(call.closed);
  const message = {
    content: text,
    ...(thinking !== '' && { thinking }),
    ...(calls.length > 0 && { tool_calls: calls.map(toWire) }),
  };
  const scores = logprobs ? { logprobs: toTokens(text).map(scored) } : {};
  await json({ ...last(call, message, answer), ...scores })(call);
}

async function begin(call: LiveCall): Promise<void> {
  call.response.writeHead(200, { 'content-type': 'application/x-ndjson' }).flushHeaders();
  await Promise.resolve();
}

/** A line that is not the last one. */
function piece({ record }: LiveCall, message: Line): Line {
  const { content, thinking, ...rest } = message;
  const thought = thinking === undefined ? {} : { thinking };
  const said = record.path.endsWith('/api/generate')
    ? { response: content, ...thought }
    : { message: { role: 'assistant', content, ...thought, ...rest } };
  return { model: record.model, created_at: '2026-11-22T08:00:00.000000Z', ...said, done: false };
}

function last(
  call: LiveCall,
  message: Line,
  { text = '', doneReason = 'stop', counts = {} }: OllamaAnswer,
): Line {
  const { prompt = OLLAMA_PROMPT_TOKENS, completion = toTokens(text).length } = counts ?? {};
  return {
    ...piece(call, message),
    done: true,
    ...(doneReason !== null && { done_reason: doneReason }),
    total_duration: 5_191_566_416,
    load_duration: 2_154_458,
    // A count of 0 is left out.
    ...(counts && prompt > 0 && { prompt_eval_count: prompt, prompt_eval_duration: 383_809_000 }),
    ...(counts && completion > 0 && { eval_count: completion, eval_duration: 4_799_921_000 }),
  };
}

function toWire({ id, name, arguments: given }: OllamaToolCall, index: number): Line {
  return { ...(id !== undefined && { id }), function: { index, name, arguments: given } };
}

function scored(token: string): Line {
  const score = { token, logprob: -0.5, bytes: [...Buffer.from(token)] };
  return { ...score, top_logprobs: [score] };
}
