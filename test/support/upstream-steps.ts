import { setImmediate } from 'node:timers/promises';
import type { LiveCall } from './upstream-call.js';
import type { Gate } from './upstream-gate.js';

/** One thing a streamed answer does. */
export type Step = (writer: StreamWriter) => Promise<void>;

export interface StreamFormat {
  /** Default: an event stream's. */
  readonly contentType?: string;
  /** Lines end in CR LF. Default: LF. */
  readonly crlf?: boolean;
  /** Longest write, bytes; 1 splits inside every character. Default: one write per event. */
  readonly bytesPerWrite?: number;
}

/** Known counts, so that tests can compare: 7 for the prompt, and the number of tokens sent. */
export const PROMPT_TOKENS = 7;

/** Writes the events of one streamed answer. */
export class StreamWriter {
  /** The connection is left as it is: nothing follows, and the answer is not ended. */
  stopped = false;
  tokensSent = 0;

  constructor(
    readonly call: LiveCall,
    private readonly format: StreamFormat,
  ) {}

  async raw(data: Buffer | string): Promise<void> {
    const bytes = Buffer.from(data);
    const size = this.format.bytesPerWrite ?? bytes.length;
    for (let at = 0; at < bytes.length; at += size) await this.call.write(bytes.subarray(at, at + size));
  }

  async lines(...lines: readonly string[]): Promise<void> {
    const end = this.format.crlf ? '\r\n' : '\n';
    await this.raw(lines.map((line) => line + end).join('') + end);
  }

  async chunk(choices: readonly object[], more: object = {}): Promise<void> {
    await this.lines(`data: ${JSON.stringify({ ...this.head, choices, ...more })}`);
  }

  /** What all chunks of an answer have in common. */
  get head(): object {
    const { number, model } = this.call.record;
    return {
      id: `chatcmpl-${number}`,
      object: 'chat.completion.chunk',
      created: 1_700_000_000 + number,
      model,
    };
  }

  get usage(): object {
    const total_tokens = PROMPT_TOKENS + this.tokensSent;
    return { prompt_tokens: PROMPT_TOKENS, completion_tokens: this.tokensSent, total_tokens };
  }
}

/** The chunk with the role and no content, as most upstreams send it first. */
export function role(index = 0): Step {
  return (writer) =>
    writer.chunk([{ index, delta: { role: 'assistant', content: '' }, finish_reason: null }]);
}

/** One token of content. */
export function token(content: string, index = 0): Step {
  return async (writer) => {
    writer.tokensSent++;
    await writer.chunk([{ index, delta: { content }, finish_reason: null }]);
  };
}

/** The words of a text as a token each; with a gate, each waits for a pass. */
export function tokens(text: string, { index = 0, gate }: { index?: number; gate?: Gate } = {}): Step {
  return async (writer) => {
    for (const word of toTokens(text)) {
      if (gate) await gate.pass(writer.call.closed);
      if (writer.call.closed.aborted) return;
      await token(word, index)(writer);
    }
  };
}

/** A delta of any shape: reasoning, refusal, audio, tool calls. */
function delta(value: object, index = 0): Step {
  return (writer) => writer.chunk([{ index, delta: value, finish_reason: null }]);
}

/** A tool call as OpenAI streams it: the id and name first, then the arguments in two pieces. */
export function toolCall(name: string, json: string, index = 0): Step {
  const middle = Math.ceil(json.length / 2);
  const piece = (text: string) => delta({ tool_calls: [{ index, function: { arguments: text } }] });
  return async (writer) => {
    const opening = { index, id: `call_${index}`, type: 'function', function: { name, arguments: '' } };
    await delta({ tool_calls: [opening] })(writer);
    await piece(json.slice(0, middle))(writer);
    await piece(json.slice(middle))(writer);
  };
}

/** The finish of a choice; `withUsage` puts the counts on this very chunk. */
export function finish(reason = 'stop', { index = 0, withUsage = false } = {}): Step {
  return (writer) =>
    writer.chunk([{ index, delta: {}, finish_reason: reason }], withUsage ? { usage: writer.usage } : {});
}

/** The usage chunk: no choices. */
export function usage(): Step {
  return (writer) => writer.chunk([], { usage: writer.usage });
}

export function done(): Step {
  return (writer) => writer.lines('data: [DONE]');
}

/** Any value as an event. */
export function event(value: unknown, name?: string): Step {
  const data = `data: ${typeof value === 'string' ? value : JSON.stringify(value)}`;
  return (writer) => (name === undefined ? writer.lines(data) : writer.lines(`event: ${name}`, data));
}

export function comment(text: string): Step {
  return (writer) => writer.lines(`: ${text}`);
}

/** Bytes as they are, whatever the format of the stream. */
export function raw(bytes: Buffer | string): Step {
  return (writer) => writer.raw(bytes);
}

/** Waits until the test releases the gate. */
export function passGate(gate: Gate): Step {
  return (writer) => gate.pass(writer.call.closed);
}

/** Sends nothing more and keeps the connection. */
export function hangOn(): Step {
  return async (writer) => {
    writer.stopped = true;
  };
}

/** Closes the connection without ending the answer. */
export function dropHere({ reset = false } = {}): Step {
  return async (writer) => {
    writer.stopped = true;
    writer.call.drop(reset);
  };
}

/** Repeats the bytes until the client hangs up, at a pace that leaves the test its turns of the event loop. */
export function endless(bytes: Buffer | string): Step {
  return async (writer) => {
    while (!writer.call.closed.aborted) {
      await writer.raw(bytes);
      await setImmediate();
    }
  };
}

/** The tokens a text is streamed in: each word with the blank before it. */
export function toTokens(text: string): readonly string[] {
  return text.split(/(?<=\S)(?=\s)/u);
}
