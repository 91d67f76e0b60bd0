import { eventText } from '../contract.js';

/** The only model of the upstream. */
const BENCH_MODEL = 'bench-model';

const CREATED = 1_750_000_000;
const IDENTITY = `"created":${CREATED},"model":"${BENCH_MODEL}","system_fingerprint":"fp_bench"`;
const STREAM_HEAD =
  'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n';
const TEXT_CLOSE = '"},"logprobs":null,"finish_reason":null}]}\n\n';

/**
 * The texts of one stream. All are ASCII, so a character is a byte; and each event is an HTTP chunk, as servers of
 * models send them. What the events share is put together once.
 */
export class StreamText {
  private readonly start: string;
  private readonly textOpen: string;

  constructor(private readonly id: string) {
    this.start = `data: {"id":"chatcmpl-${id}","object":"chat.completion.chunk",${IDENTITY},"choices":[`;
    this.textOpen = `${this.start}{"index":0,"delta":{"content":"`;
  }

  /** The head of the answer, and the first event: the role. */
  open(): string {
    return STREAM_HEAD + this.choice('{"role":"assistant","content":""}', 'null');
  }

  /** Event `index` (from 0) with text. */
  event(index: number): string {
    const text = eventText(this.id, index);
    const size = this.textOpen.length + text.length + TEXT_CLOSE.length;
    return `${size.toString(16)}\r\n${this.textOpen}${text}${TEXT_CLOSE}\r\n`;
  }

  /** All that follows the last event with text; `events` is for the usage. */
  close(events: number, includeUsage: boolean): string {
    const usage = includeUsage ? asChunk(`${this.start}],"usage":${usageOf(events)}}\n\n`) : '';
    return `${this.choice('{}', '"stop"')}${usage}${asChunk('data: [DONE]\n\n')}0\r\n\r\n`;
  }

  private choice(delta: string, finishReason: string): string {
    return asChunk(
      `${this.start}{"index":0,"delta":${delta},"logprobs":null,"finish_reason":${finishReason}}]}\n\n`,
    );
  }
}

/** A whole answer, with its head. */
export function wholeAnswer(id: string, events: number): string {
  let text = '';
  for (let index = 0; index < events; index++) text += eventText(id, index);
  const message = `{"role":"assistant","content":"${text}","refusal":null}`;
  const choice = `{"index":0,"message":${message},"logprobs":null,"finish_reason":"stop"}`;
  const body = `{"id":"chatcmpl-${id}","object":"chat.completion",${IDENTITY},"choices":[${choice}],"usage":${usageOf(events)}}`;
  return jsonAnswer('200 OK', body);
}

export function modelList(): string {
  const model = `{"id":"${BENCH_MODEL}","object":"model","created":${CREATED},"owned_by":"bench"}`;
  return jsonAnswer('200 OK', `{"object":"list","data":[${model}]}`);
}

/** An error that a caller made: status line, and why. */
export function refusal(status: string, message: string): string {
  return jsonAnswer(status, JSON.stringify({ error: { message, type: 'invalid_request_error' } }));
}

function usageOf(events: number): string {
  return `{"prompt_tokens":10,"completion_tokens":${events},"total_tokens":${events + 10}}`;
}

function asChunk(text: string): string {
  return `${text.length.toString(16)}\r\n${text}\r\n`;
}

function jsonAnswer(status: string, body: string): string {
  return `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}
