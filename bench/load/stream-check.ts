import { eventText } from '../contract.js';
import type { AnswerCheck } from './answer-check.js';
import { WrongAnswerError, excerpt } from './wrong-answer.js';

interface Chunk {
  readonly choices?: readonly {
    readonly delta?: { readonly role?: unknown; readonly content?: unknown };
    readonly finish_reason?: unknown;
  }[];
  readonly usage?: unknown;
}

/** What came last; what may follow are the ones after it. */
const ORDER = ['nothing', 'role', 'text', 'finish', 'usage', 'done'] as const;
type Stage = (typeof ORDER)[number];

const DONE = 'data: [DONE]\n\n';

/**
 * A stream, byte by byte: the role, the events with text that the script asks for, each once and in order, the
 * finish, usage if there is any, `[DONE]`, and comments between them; nothing else.
 */
export class StreamCheck implements AnswerCheck {
  texts = 0;
  private stage: Stage = 'nothing';
  private rest = '';
  /** An empty line may follow a comment. */
  private isBehindComment = false;
  /** What stands around the text of an event in this stream, once one was parsed: the others are only compared. */
  private before: string | undefined;
  private behind = '';

  constructor(
    private readonly id: string,
    private readonly events: number,
  ) {}

  push(bytes: string, start: number, end: number): void {
    let [text, at, until] = [bytes, start, end];
    if (this.rest !== '') {
      text = this.rest + bytes.slice(start, end);
      [at, until] = [0, text.length];
      this.rest = '';
    }
    while (at < until) {
      const next = this.skipKnown(text, at, until) ?? this.readEvent(text, at, until);
      if (next === undefined) {
        this.rest = text.slice(at, until);
        return;
      }
      at = next;
    }
  }

  end(): void {
    if (this.rest !== '') throw new WrongAnswerError(`an event without its end: ${excerpt(this.rest)}`);
    if (this.stage !== 'done') {
      throw new WrongAnswerError(`the stream ended behind ${this.stage}, with ${this.texts} texts`);
    }
  }

  /**
   * Past the next event with text, if it is the expected one in the shape of those before it. Slices are compared,
   * because `startsWith` looks at one character at a time.
   */
  private skipKnown(text: string, at: number, until: number): number | undefined {
    if (this.before === undefined || this.texts >= this.events) return undefined;
    const content = eventText(this.id, this.texts);
    const contentAt = at + this.before.length;
    const behindAt = contentAt + content.length;
    const next = behindAt + this.behind.length;
    if (next > until || text.slice(contentAt, behindAt) !== content) return undefined;
    if (text.slice(at, contentAt) !== this.before || text.slice(behindAt, next) !== this.behind) {
      return undefined;
    }
    this.texts++;
    this.isBehindComment = false;
    return next;
  }

  /** Past the next comment or event; undefined: it has not come whole. */
  private readEvent(text: string, at: number, until: number): number | undefined {
    if (text[at] === ':') return this.skipComment(text, at, until);
    if (text[at] === '\n' && this.isBehindComment) {
      this.isBehindComment = false;
      return at + 1;
    }
    const end = text.indexOf('\n\n', at);
    if (end < 0 || end + 2 > until) return undefined;
    this.isBehindComment = false;
    this.take(text.slice(at, end + 2));
    return end + 2;
  }

  private skipComment(text: string, at: number, until: number): number | undefined {
    const end = text.indexOf('\n', at);
    if (end < 0 || end >= until) return undefined;
    this.isBehindComment = true;
    return end + 1;
  }

  private take(event: string): void {
    if (event === DONE) {
      this.advance('done', event);
      if (this.texts !== this.events) this.refuse(event);
      return;
    }
    const { choices = [], usage } = parse(event);
    const [choice] = choices;
    if (choice === undefined) {
      if (typeof usage !== 'object' || usage === null) this.refuse(event);
      this.advance('usage', event);
      return;
    }
    const { role, content } = choice.delta ?? {};
    const isEnd = (choice.finish_reason ?? null) !== null;
    if (choices.length > 1 || (isEnd && choice.finish_reason !== 'stop')) this.refuse(event);
    if ((content ?? '') !== '') this.takeText(event, content, isEnd);
    else if (isEnd) this.advance('finish', event);
    else if (role === 'assistant') this.advance('role', event);
    else this.refuse(event);
  }

  private takeText(event: string, content: unknown, isEnd: boolean): void {
    const expected = eventText(this.id, this.texts);
    if (content !== expected || this.texts >= this.events || isEnd) this.refuse(event);
    if (this.stage !== 'text') this.advance('text', event);
    this.texts++;
    const quoted = JSON.stringify(expected);
    const at = event.indexOf(quoted);
    if (at < 0) return;
    this.before = event.slice(0, at + 1);
    this.behind = event.slice(at + quoted.length - 1);
  }

  /** Each stage comes once, and behind the ones before it. */
  private advance(stage: Stage, event: string): void {
    const skipsFinish = ORDER.indexOf(stage) > ORDER.indexOf('finish') && ORDER.indexOf(this.stage) < 3;
    if (ORDER.indexOf(stage) <= ORDER.indexOf(this.stage) || skipsFinish) this.refuse(event);
    if (stage === 'finish' && this.texts !== this.events) this.refuse(event);
    this.stage = stage;
  }

  private refuse(event: string): never {
    const due = this.texts < this.events ? JSON.stringify(eventText(this.id, this.texts)) : 'no text';
    throw new WrongAnswerError(`behind ${this.stage}, where ${due} was due: ${excerpt(event)}`);
  }
}

function parse(event: string): Chunk {
  const data = /^data: ?(\{[^\n]*)\n\n$/.exec(event)?.[1];
  if (data === undefined) throw new WrongAnswerError(`no event of a stream: ${excerpt(event)}`);
  try {
    return JSON.parse(data) as Chunk;
  } catch {
    throw new WrongAnswerError(`an event that is no JSON: ${excerpt(event)}`);
  }
}
