import { rewriteBody } from '#core/body.js';
import type { CallFacts } from '#core/failure.js';
import { tooFewChoices } from '../choices/asked-choices.js';
import type { Usage } from '../provider.js';
import { ChunkCorrections } from './chunk-corrections.js';
import { readChoices, readUsage, type ChunkChoice } from './chunk.js';
import type { AnswerStep, AnswerStream } from '../http/answer-stream.js';
import type { ExchangeEvent } from '../http/exchange.js';
import { toConnectionFacts } from '../http/exchange.js';
import { StopWords } from './stop-words.js';
import { SseReader } from './sse-reader.js';
import type { SseEvent } from './sse-reader.js';
import { findError, readUpstreamError, toStatusFacts } from '../http/upstream-error.js';
import { isRecord } from '../json.js';

export interface ChatStreamOptions {
  /**
   * Did the client ask for the usage chunk? Then all others carry `usage: null`, and one with the usage alone comes last,
   * wherever the upstream has it. Otherwise a chunk with the usage alone is read and kept back.
   */
  readonly includeUsage: boolean;
  /** Did the client ask for counts on every chunk (`stream_options.continuous_usage_stats`)? They stay there. */
  readonly continuousUsage?: boolean;
  /** How many choices make it a whole answer. Default: 1. */
  readonly choices?: number;
  /** Stop words that the upstream leaves at the end of a text. Default: none. */
  readonly stopWords?: readonly string[];
  /** Words to take out of upstream errors. */
  readonly secrets: readonly string[];
  /** Longest line or event, in UTF-16 units. */
  readonly maxEventLength: number;
  /** Longest stream, bytes. */
  readonly maxStreamBytes: number;
}

/** A mapped event: `undefined` where it is nothing for the client. */
type Mapped = AnswerStep | undefined;

/**
 * A streamed chat completion, from what happens on the wire to what the client gets and how it ended. Knows no
 * socket and no clock, so every end can be played through in a test.
 */
export class ChatStream implements AnswerStream {
  /** Real output was among the frames. */
  outputSeen = false;
  /** The latest counts the upstream gave. */
  usage: Usage | undefined;
  /** How much output was among the frames. */
  readonly received = { deltas: 0, textBytes: 0 };
  private receivedBytes = 0;
  /** The latest chunk with the usage alone, for a client that asked. */
  private usageFrame: Buffer | undefined;
  private readonly corrections = new ChunkCorrections();
  private readonly seen = new Set<number>();
  private readonly finished = new Set<number>();
  private readonly reader: SseReader;
  private readonly stopWords: StopWords | undefined;

  constructor(private readonly options: ChatStreamOptions) {
    this.reader = new SseReader(options.maxEventLength);
    const { stopWords = [] } = options;
    if (stopWords.length > 0) this.stopWords = new StopWords(stopWords);
  }

  /**
   * The steps that an event leads to, in order. A step that is not a frame is the last one of the stream. `timer` is the
   * one that a timeout is of, where it is not the one for the next piece.
   */
  *take(event: ExchangeEvent, timer = this.timer): Generator<AnswerStep, void, void> {
    switch (event.kind) {
      case 'head':
        return;
      case 'data':
        this.receivedBytes += event.bytes.length;
        yield* this.read(this.reader.feed(event.bytes));
        if (this.reader.overflowed) yield malformed('an event is too long');
        if (this.receivedBytes > this.options.maxStreamBytes) yield malformed('the stream is too long');
        return;
      case 'end':
        yield* this.readTail();
        yield* this.emit(this.ended);
        return;
      case 'error':
        // Cut off behind the finish: nothing of the answer is missing.
        yield* this.emit(
          this.whole ? { kind: 'complete' } : failed(toConnectionFacts(event.code, 'headers')),
        );
        return;
      case 'timeout':
        yield* this.emit(this.whole ? { kind: 'complete' } : failed({ kind: 'timeout', timer }));
        return;
      case 'aborted':
        yield { kind: 'aborted' };
    }
  }

  /** Which timer runs for the next piece. */
  private get timer(): 'first_token' | 'idle' | 'stream' {
    return this.outputSeen ? 'idle' : 'first_token';
  }

  /** Every choice that was asked for, or begun, has its finish_reason. */
  private get whole(): boolean {
    const { choices = 1 } = this.options;
    return this.finished.size >= choices && this.finished.size === this.seen.size;
  }

  /** How an upstream's own end of the stream is to be read. */
  private get ended(): AnswerStep {
    if (this.whole) return { kind: 'complete' };
    const { choices = 1 } = this.options;
    const isBrokenOff = this.finished.size === 0 || this.finished.size < this.seen.size;
    return isBrokenOff ? failed({ kind: 'truncated' }) : malformed(tooFewChoices(this.seen.size, choices));
  }

  private *read(events: readonly SseEvent[]): Generator<AnswerStep, void, void> {
    for (const event of events) yield* this.emit(this.map(event));
  }

  private *emit(step: Mapped): Generator<AnswerStep, void, void> {
    if (step?.kind === 'complete' && this.usageFrame) {
      yield { kind: 'frame', frame: { bytes: this.usageFrame, output: false } };
    }
    if (step) yield step;
  }

  /** Behind the last blank line only a whole event counts: half of one is the truncation itself. */
  private *readTail(): Generator<AnswerStep, void, void> {
    for (const event of this.reader.end()) {
      const isWhole = event.data.trim() === '[DONE]' || isRecord(parse(event.data));
      yield* this.emit(isWhole ? this.map(event) : undefined);
    }
  }

  private map(event: SseEvent): Mapped {
    const data = event.data.trim();
    if (data === '[DONE]') return this.ended;
    if (data === '') return undefined;
    const value = parse(data);
    const { secrets } = this.options;
    if (event.event === 'error') {
      return failed(toStatusFacts(readUpstreamError(value ?? data), secrets, { status: 200 }));
    }
    if (!isRecord(value)) return malformed('an event is not a JSON object');
    // Before `choices`: an error chunk may carry choices too, even a finish_reason.
    const error = findError(value);
    return error ? failed(toStatusFacts(error, secrets, { status: 200 })) : this.mapChunk(value, data);
  }

  private mapChunk(chunk: Readonly<Record<string, unknown>>, data: string): Mapped {
    const hasUsage = isRecord(chunk['usage']);
    this.usage = readUsage(chunk['usage']) ?? this.usage;
    const hasChoices = Array.isArray(chunk['choices']);
    // Pings and the like; clients read `choices[0]` of all they get.
    if (!hasChoices && !hasUsage) return undefined;
    const list = hasChoices ? (chunk['choices'] as unknown[]) : [];
    if (!list.every(isRecord)) return malformed('a choice is not an object');
    const trimmed = this.stopWords?.take(list);
    const choices = readChoices(trimmed ?? list);
    const output = this.note(choices);
    const set = this.corrections.next(trimmed ? { ...chunk, choices: trimmed } : chunk);
    if (trimmed) set['choices'] ??= JSON.stringify(trimmed);
    if (this.options.includeUsage) {
      if (hasUsage) this.usageFrame = toUsageFrame(data, set, hasChoices && choices.length === 0);
      if (chunk['usage'] === undefined || (hasUsage && !this.options.continuousUsage)) set['usage'] = 'null';
    }
    if (choices.length === 0 && hasUsage) return undefined;
    return { kind: 'frame', frame: { bytes: toFrameBytes(data, set), output } };
  }

  /** Answers whether there is output among the choices. */
  private note(choices: readonly ChunkChoice[]): boolean {
    for (const choice of choices) {
      this.seen.add(choice.index);
      if (choice.finished) this.finished.add(choice.index);
      if (choice.output) this.received.deltas++;
      this.received.textBytes += choice.textBytes;
    }
    const output = choices.some((choice) => choice.output);
    this.outputSeen ||= output;
    return output;
  }
}

type Members = Readonly<Record<string, string>>;

/** The chunk with the usage alone; `isAlone`: it is that already. */
function toUsageFrame(data: string, set: Members, isAlone: boolean): Buffer {
  return toFrameBytes(data, isAlone ? set : { ...set, choices: '[]' });
}

/** The event with these members set; in its own bytes where there are none. */
function toFrameBytes(data: string, set: Members): Buffer {
  // Line breaks in valid JSON stand between tokens only; in a frame they would end the event's line.
  const line = data.replaceAll('\n', ' ');
  if (Object.keys(set).length === 0) return Buffer.from(`data: ${line}\n\n`);
  return Buffer.from(`data: ${rewriteBody(Buffer.from(line), { set }).toString()}\n\n`);
}

function parse(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return undefined;
  }
}

function failed(facts: CallFacts): AnswerStep {
  return { kind: 'failed', facts };
}

function malformed(reason: string): AnswerStep {
  return failed({ kind: 'malformed', reason });
}
