import { eventText } from '../contract.js';
import type { AnswerCheck } from './answer-check.js';
import { WrongAnswerError, excerpt } from './wrong-answer.js';

interface Completion {
  readonly choices?: readonly {
    readonly message?: { readonly role?: unknown; readonly content?: unknown };
    readonly finish_reason?: unknown;
  }[];
}

/** A whole answer: one completion whose text is that of the script, and nothing else. */
export class WholeCheck implements AnswerCheck {
  texts = 0;
  private body = '';

  constructor(
    private readonly id: string,
    private readonly events: number,
  ) {}

  push(text: string, start: number, end: number): void {
    this.body += text.slice(start, end);
  }

  end(): void {
    const { choices = [] } = parse(this.body);
    const [choice] = choices;
    if (choices.length !== 1 || choice?.message?.role !== 'assistant' || choice.finish_reason !== 'stop') {
      throw new WrongAnswerError(`not one whole answer: ${excerpt(this.body)}`);
    }
    let expected = '';
    for (let index = 0; index < this.events; index++) expected += eventText(this.id, index);
    if (choice.message.content !== expected) {
      throw new WrongAnswerError(
        `the text is ${excerpt(String(choice.message.content))} and not ${excerpt(expected)}`,
      );
    }
    this.texts = this.events;
  }
}

function parse(body: string): Completion {
  try {
    return (JSON.parse(body) ?? {}) as Completion;
  } catch {
    throw new WrongAnswerError(`the answer is no JSON: ${excerpt(body)}`);
  }
}
