import type { Agent, IncomingHttpHeaders } from 'node:http';
import { chunksOf, jsonOf, send, type Answer, type Chunk, type HttpCall } from './client.js';
import { promptOf } from './marked-answer.js';

/** A call that takes longer than this fails its test, ms. */
const WAIT_MS = 45_000;

export interface Question {
  /** Stands in the prompt, and in every token of a marked answer. */
  readonly marker: string;
  /** Default: true. */
  readonly stream?: boolean;
  /** Default: `m`. */
  readonly model?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Default: a connection of its own. */
  readonly agent?: Agent;
  /** How long the whole answer may take, ms. Default: 45 s. */
  readonly waitMs?: number;
}

/** What became of a question, as its client saw it. */
export interface Answered {
  /** 0 where no response came at all; `refused` says why. */
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly tokens: readonly string[];
  /** The error of a JSON answer, or of a data event. */
  readonly error: Chunk['error'];
  /** The stream said `[DONE]` at last, or the JSON answer had content. */
  readonly done: boolean;
  /** The response came to its end; false where the connection broke. */
  readonly whole: boolean;
  /** The system's word for a connection that could not be made: `ECONNREFUSED`. */
  readonly refused: string | undefined;
  /** From the question to the end of the answer, ms. */
  readonly ms: number;
  /** `performance.now()` at its end. */
  readonly endedAt: number;
}

/** One chat completion under way. How it ends is for the test to judge: `answered` rejects only if it does not end. */
export class ChatCall {
  readonly answered: Promise<Answered>;
  private readonly askedAt = performance.now();
  private readonly call: HttpCall;

  constructor(
    url: string,
    readonly question: Question,
  ) {
    const { marker, stream = true, model = 'm', headers = {}, agent, waitMs = WAIT_MS } = question;
    const messages = [{ role: 'user', content: promptOf(marker) }];
    const body = { model, stream, messages };
    this.call = send(`${url}/v1/chat/completions`, { body, headers, ...(agent && { agent }) });
    this.answered = this.call.answer(waitMs).then(
      (answer) => this.judge(answer),
      (error: NodeJS.ErrnoException) => {
        if (error.code === undefined) throw error;
        return this.judge(undefined, error.code);
      },
    );
    // A test that fails before it looks here is not to fail twice.
    this.answered.catch(() => undefined);
  }

  /** Closes the connection; `answered` is then a refusal. */
  leave(): void {
    this.call.leave();
  }

  get headers(): IncomingHttpHeaders {
    return this.call.headers;
  }

  /** Resolves once that many tokens of a stream are here; rejects if it ends or stays away. */
  async waitForTokens(count: number, timeoutMs = 15_000): Promise<void> {
    const what = `token ${count} of ${this.question.marker}`;
    await this.call.waitForItem(() => this.tokensSoFar().length >= count, what, timeoutMs);
  }

  private tokensSoFar(): readonly string[] {
    const events = this.call.items.filter(({ kind }) => kind === 'event').map(({ text }) => text);
    return tokensOf(chunksOf({ events }));
  }

  private judge(answer: Answer | undefined, refused?: string): Answered {
    const endedAt = performance.now();
    const timing = { ms: endedAt - this.askedAt, endedAt };
    const { headers, status } = this.call;
    if (!answer) {
      return { status, headers, tokens: [], error: undefined, done: false, whole: false, refused, ...timing };
    }
    const isStream = String(headers['content-type']).startsWith('text/event-stream');
    const chunks = isStream ? chunksOf(answer) : answer.whole ? [jsonOf(answer)] : [];
    const tokens = tokensOf(chunks);
    const error = chunks.find((chunk) => chunk.error)?.error;
    const done = isStream ? answer.events.at(-1) === '[DONE]' : tokens.length > 0;
    return { status, headers, tokens, error, done, whole: answer.whole, refused, ...timing };
  }
}

function tokensOf(chunks: readonly Chunk[]): readonly string[] {
  return chunks
    .flatMap(({ choices = [] }) => choices.map(({ delta, message }) => (delta ?? message)?.content ?? ''))
    .join('')
    .split(' ')
    .filter(Boolean);
}
