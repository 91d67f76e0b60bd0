import { setImmediate } from 'node:timers/promises';
import type { LiveCall } from './upstream-call.js';
import type { Gate } from './upstream-gate.js';
import {
  done,
  finish,
  PROMPT_TOKENS,
  role,
  StreamWriter,
  tokens,
  toTokens,
  usage,
} from './upstream-steps.js';
import type { Step, StreamFormat } from './upstream-steps.js';

/** What the upstream does with one call. */
export type Behaviour = (call: LiveCall) => Promise<void>;

export interface AnswerOptions extends StreamFormat {
  /** Default `asked`: a usage chunk if the request asks for it, as OpenAI does. `finish`: on the finish chunk. */
  readonly usage?: 'asked' | 'always' | 'never' | 'finish';
  /** Each token of a stream, or the whole of a body, waits for a pass. */
  readonly gate?: Gate;
  /** Answers with `n` choices of the same text. Default: 1. */
  readonly choices?: number;
}

/** A whole answer with this text: streamed where the request says so, else one body. */
export function answer(text: string, options: AnswerOptions = {}): Behaviour {
  return (call) => (call.record.stream ? streamAnswer(call, text, options) : sendAnswer(call, text, options));
}

/** An event stream with status 200 that does these things and then ends. */
export function stream(...steps: readonly Step[]): Behaviour {
  return streamAs({}, ...steps);
}

export function streamAs(format: StreamFormat, ...steps: readonly Step[]): Behaviour {
  return async (call) => {
    const type = format.contentType ?? 'text/event-stream; charset=utf-8';
    call.response.writeHead(200, { 'content-type': type }).flushHeaders();
    const writer = new StreamWriter(call, format);
    for (const step of steps) {
      if (writer.stopped || call.closed.aborted) return;
      await step(writer);
    }
    if (!writer.stopped) await call.end();
  };
}

export interface StatusOptions {
  readonly message?: string;
  readonly code?: string | null;
  readonly type?: string;
  readonly param?: string | null;
  /** `Retry-After`, in whichever form. */
  readonly retryAfter?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An error in OpenAI's form. */
export function status(code: number, options: StatusOptions = {}): Behaviour {
  const { message = `scripted ${code}`, type = 'server_error', param = null } = options;
  const body = { error: { message, type, param, code: options.code ?? null } };
  const retryAfter = options.retryAfter === undefined ? {} : { 'retry-after': options.retryAfter };
  return json(body, { status: code, headers: { ...retryAfter, ...options.headers } });
}

export interface ReplyOptions {
  /** Default: 200. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Any value as a JSON body. */
export function json(value: unknown, { status: code = 200, headers = {} }: ReplyOptions = {}): Behaviour {
  return reply(JSON.stringify(value), {
    status: code,
    headers: { 'content-type': 'application/json', ...headers },
  });
}

/** Any body with any headers; none are added. */
export function reply(
  body: Buffer | string,
  { status: code = 200, headers = {} }: ReplyOptions = {},
): Behaviour {
  return async (call) => {
    call.response.writeHead(code, headers);
    await call.end(body);
  };
}

/** A web page with status 200, as a login wall or a wrong path gives. */
export function html(): Behaviour {
  return reply('<!doctype html><title>Welcome</title>', { headers: { 'content-type': 'text/html' } });
}

/** Never answers, not even with headers. */
export function hang(): Behaviour {
  return () => Promise.resolve();
}

/** Closes the connection before any header. */
export function drop({ reset = false } = {}): Behaviour {
  return (call) => Promise.resolve(call.drop(reset));
}

export interface PartOptions extends ReplyOptions {
  /** What follows the part. Default: `drop`. */
  readonly rest?: 'drop' | 'hang';
}

/** Headers that promise a longer body, a part of it, and then nothing or a closed connection. */
export function part(body: Buffer | string, options: PartOptions = {}): Behaviour {
  const headers = { 'content-type': 'application/json', ...options.headers };
  return async (call) => {
    call.response
      .writeHead(options.status ?? 200, { ...headers, 'content-length': '1000000' })
      .flushHeaders();
    await call.write(body);
    if (options.rest !== 'hang') call.drop();
  };
}

/** A body that never ends: the bytes again and again until the client hangs up. */
export function endlessBody(
  bytes: Buffer | string,
  { status: code = 200, headers = {} }: ReplyOptions = {},
): Behaviour {
  return async (call) => {
    call.response.writeHead(code, { 'content-type': 'application/json', ...headers });
    while (!call.closed.aborted) {
      await call.write(bytes);
      await setImmediate();
    }
  };
}

/** Waits for a pass, then does what it would have done. */
export function gated(gate: Gate, behaviour: Behaviour): Behaviour {
  return async (call) => {
    await gate.pass(call.closed);
    if (!call.closed.aborted) await behaviour(call);
  };
}

/** The model list. */
export function modelList(...ids: readonly string[]): Behaviour {
  return json({
    object: 'list',
    data: ids.map((id) => ({ id, object: 'model', created: 0, owned_by: 'test' })),
  });
}

async function streamAnswer(call: LiveCall, text: string, options: AnswerOptions): Promise<void> {
  const { choices = 1, gate, usage: mode = 'asked' } = options;
  const indexes = Array.from({ length: choices }, (_, index) => index);
  const streamOptions = call.record.json?.['stream_options'] as { include_usage?: boolean } | undefined;
  const sendsUsage = mode === 'always' || (mode === 'asked' && streamOptions?.include_usage === true);
  await streamAs(
    options,
    ...indexes.map((index) => role(index)),
    ...indexes.map((index) => tokens(text, { index, ...(gate && { gate }) })),
    ...indexes.map((index) =>
      finish('stop', { index, withUsage: mode === 'finish' && index === choices - 1 }),
    ),
    ...(sendsUsage ? [usage()] : []),
    done(),
  )(call);
}

async function sendAnswer(call: LiveCall, text: string, options: AnswerOptions): Promise<void> {
  const { choices = 1, gate, usage: mode } = options;
  if (gate) await gate.pass(call.closed);
  const count = toTokens(text).length * choices;
  const counts = {
    prompt_tokens: PROMPT_TOKENS,
    completion_tokens: count,
    total_tokens: PROMPT_TOKENS + count,
  };
  await json({
    id: `chatcmpl-${call.record.number}`,
    object: 'chat.completion',
    created: 1_700_000_000 + call.record.number,
    model: call.record.model,
    choices: Array.from({ length: choices }, (_, index) => ({
      index,
      message: { role: 'assistant', content: text },
      finish_reason: 'stop',
    })),
    ...(mode !== 'never' && { usage: counts }),
  })(call);
}
