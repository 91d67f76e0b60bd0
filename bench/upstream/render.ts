import { eventText } from '../contract.js';

/** The only model of the upstream. */
export const BENCH_MODEL = 'bench-model';

const CREATED = 1_750_000_000;
const STREAM_HEAD =
  'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n';

/** The head of a stream, and its first event: the role. */
export function openStream(id: string): string {
  return STREAM_HEAD + chunkOf(id, '{"role":"assistant","content":""}', 'null');
}

/** Event `index` (from 0) with text. One HTTP chunk for each event, as servers of models send them. */
export function textEvent(id: string, index: number): string {
  return chunkOf(id, `{"content":"${eventText(id, index)}"}`, 'null');
}

/** All that follows the last event with text. */
export function closeStream(id: string, events: number, includeUsage: boolean): string {
  const usage = includeUsage
    ? asChunk(`data: {${fields(id, 'chat.completion.chunk')},"choices":[],"usage":${usageOf(events)}}\n\n`)
    : '';
  return `${chunkOf(id, '{}', '"stop"')}${usage}${asChunk('data: [DONE]\n\n')}0\r\n\r\n`;
}

/** A whole answer, with its head. */
export function wholeAnswer(id: string, events: number): string {
  let text = '';
  for (let index = 0; index < events; index++) text += eventText(id, index);
  const message = `{"role":"assistant","content":"${text}","refusal":null}`;
  const choice = `{"index":0,"message":${message},"logprobs":null,"finish_reason":"stop"}`;
  const body = `{${fields(id, 'chat.completion')},"choices":[${choice}],"usage":${usageOf(events)}}`;
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

function chunkOf(id: string, delta: string, finishReason: string): string {
  const choice = `{"index":0,"delta":${delta},"logprobs":null,"finish_reason":${finishReason}}`;
  return asChunk(`data: {${fields(id, 'chat.completion.chunk')},"choices":[${choice}]}\n\n`);
}

function fields(id: string, object: string): string {
  return `"id":"chatcmpl-${id}","object":"${object}","created":${CREATED},"model":"${BENCH_MODEL}","system_fingerprint":"fp_bench"`;
}

function usageOf(events: number): string {
  return `{"prompt_tokens":10,"completion_tokens":${events},"total_tokens":${events + 10}}`;
}

/** All that the upstream says is ASCII: a character is a byte. */
function asChunk(text: string): string {
  return `${text.length.toString(16)}\r\n${text}\r\n`;
}

function jsonAnswer(status: string, body: string): string {
  return `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
}
