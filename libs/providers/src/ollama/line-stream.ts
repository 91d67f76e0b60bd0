import type { CallFacts } from '#core/failure.js';
import type { AnswerStep, AnswerStream } from '../http/answer-stream.js';
import { toConnectionFacts, type ExchangeEvent } from '../http/exchange.js';
import { readUpstreamError, toStatusFacts } from '../http/upstream-error.js';
import { isRecord, parseJson } from '../json.js';
import { countTextBytes } from '../openai-compatible/chunk.js';
import type { Usage } from '../provider.js';
import {
  readCounts,
  readSaid,
  toChoice,
  toChunk,
  toDelta,
  toFinishReason,
  toWireUsage,
  type AnswerHead,
  type Said,
} from './answer.js';
import { LineReader } from './line-reader.js';

type JsonObject = Readonly<Record<string, unknown>>;

export interface LineStreamOptions {
  readonly head: AnswerHead;
  /** Did the client ask for the usage chunk? Then all others carry `usage: null`. */
  readonly includeUsage: boolean;
  /** Words to take out of upstream errors. */
  readonly secrets: readonly string[];
  /** Longest line, in UTF-16 units. */
  readonly maxLineLength: number;
  /** Longest stream, bytes. */
  readonly maxStreamBytes: number;
}

const NOTHING: Said = { content: '', reasoning: '', calls: [], logprobs: undefined };

/** A streamed answer of Ollama, a JSON object to a line, as the chunks of OpenAI. Only a line with `done` completes it. */
export class LineStream implements AnswerStream {
  outputSeen = false;
  usage: Usage | undefined;
  readonly received = { deltas: 0, textBytes: 0 };
  private receivedBytes = 0;
  private calls = 0;
  private begun = false;
  private readonly reader: LineReader;

  constructor(private readonly options: LineStreamOptions) {
    this.reader = new LineReader(options.maxLineLength);
  }

  *take(event: ExchangeEvent, timer?: 'stream'): Generator<AnswerStep, void, void> {
    switch (event.kind) {
      case 'head':
        return;
      case 'data':
        this.receivedBytes += event.bytes.length;
        for (const line of this.reader.feed(event.bytes)) yield* this.read(line);
        if (this.reader.overflowed) yield malformed('a line is too long');
        if (this.receivedBytes > this.options.maxStreamBytes) yield malformed('the stream is too long');
        return;
      case 'end':
        // Half a line is the truncation itself.
        for (const line of this.reader.end()) if (isRecord(parseJson(line))) yield* this.read(line);
        yield { kind: 'failed', facts: { kind: 'truncated' } };
        return;
      case 'error':
        yield { kind: 'failed', facts: toConnectionFacts(event.code, 'headers') };
        return;
      case 'timeout': {
        const running = timer ?? (this.outputSeen ? 'idle' : 'first_token');
        yield { kind: 'failed', facts: { kind: 'timeout', timer: running } };
        return;
      }
      case 'aborted':
        yield { kind: 'aborted' };
    }
  }

  private *read(text: string): Generator<AnswerStep, void, void> {
    const line = parseJson(text);
    if (!isRecord(line)) return yield malformed('a line is not a JSON object');
    const error = lineError(line, this.options.secrets);
    if (error) return yield { kind: 'failed', facts: error };
    const said = readSaid(line, this.calls);
    if (!said) return yield malformed('a line is no part of an answer');
    this.calls += said.calls.length;
    yield* this.say(said);
    if (line['done'] !== true) return;
    this.usage = readCounts(line);
    yield* this.finish(toFinishReason(line, this.calls > 0));
    yield { kind: 'complete' };
  }

  private *say(said: Said): Generator<AnswerStep, void, void> {
    const { head } = this.options;
    const isChat = head.endpoint === 'chat';
    if (!this.begun && isChat) yield this.frame([toRole()], false);
    this.begun = true;
    const delta = isChat ? toDelta(said) : { content: said.content };
    if (Object.values(delta).every((value) => value === '')) return;
    this.outputSeen = true;
    this.received.deltas++;
    this.received.textBytes += countTextBytes(delta);
    yield this.frame([toChoice(head.endpoint, said, null)], true);
  }

  private *finish(reason: string): Generator<AnswerStep, void, void> {
    yield this.frame([toChoice(this.options.head.endpoint, NOTHING, reason)], false);
    if (!this.options.includeUsage || !this.usage) return;
    const bytes = toChunk(this.options.head, [], toWireUsage(this.usage));
    yield { kind: 'frame', frame: { bytes, output: false } };
  }

  private frame(choices: readonly JsonObject[], output: boolean): AnswerStep {
    const bytes = toChunk(this.options.head, choices, this.options.includeUsage ? null : undefined);
    return { kind: 'frame', frame: { bytes, output } };
  }
}

/** The error that stands in place of an answer; Ollama has it as a text, newer versions with its `status`. */
export function lineError(line: JsonObject, secrets: readonly string[]): CallFacts | undefined {
  return line['error'] ? toStatusFacts(readUpstreamError(line), secrets, { status: 200 }) : undefined;
}

function toRole(): JsonObject {
  return { index: 0, delta: { role: 'assistant', content: '' }, logprobs: null, finish_reason: null };
}

function malformed(reason: string): AnswerStep {
  return { kind: 'failed', facts: { kind: 'malformed', reason } };
}
