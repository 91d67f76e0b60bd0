import { readMember } from '#core/body.js';
import { isRecord } from '../json.js';

type JsonObject = Readonly<Record<string, unknown>>;

/** A stop word, and for each length of its beginning how much of that ends as the word begins. */
interface StopWord {
  readonly text: string;
  readonly borders: readonly number[];
}

/** One choice: text that may turn out to be a stop word, and how much of each word the text so far ends with. */
interface Held {
  text: string;
  readonly matched: number[];
  finished: boolean;
}

/** The stop words of a request, as a text or a list; none where it has no usable ones. */
export function readStopWords(body: Buffer): readonly string[] {
  const stop: unknown = JSON.parse(readMember(body, 'stop') ?? 'null');
  const words = Array.isArray(stop) ? stop : [stop];
  return [...new Set(words.filter((word): word is string => typeof word === 'string' && word !== ''))];
}

/**
 * Takes the stop word off the end of each choice that it ended, for upstreams that leave it in the text. Of a stream it
 * holds back what may be the beginning of one, so what a client has is always a beginning of the final text, and however
 * the text was cut into chunks, the final text is the same.
 */
export class StopWords {
  private readonly words: readonly StopWord[];
  private readonly choices = new Map<number, Held>();

  constructor(words: readonly string[]) {
    this.words = words.map((text) => ({ text, borders: bordersOf(text) }));
  }

  /** The choices of the next chunk, or of the whole answer, as the client gets them; undefined where they are so already. */
  take(choices: readonly unknown[]): readonly unknown[] | undefined {
    const taken = choices.map((choice) => (isRecord(choice) ? this.takeChoice(choice) : choice));
    return taken.every((choice, at) => choice === choices[at]) ? undefined : taken;
  }

  private takeChoice(choice: JsonObject): JsonObject {
    const said = saidBy(choice);
    const held = this.heldOf(choice['index']);
    if (held.finished) return choice;
    this.feed(held, said.text);
    const text = held.text + said.text;
    const reason = choice['finish_reason'];
    held.finished = typeof reason === 'string' && reason !== '';
    const back = held.finished ? cutOf(this.words, held, reason) : Math.max(0, ...held.matched);
    const rest = text.slice(0, text.length - back);
    held.text = held.finished ? '' : text.slice(text.length - back);
    return rest === said.text ? choice : said.with(rest);
  }

  private heldOf(index: unknown): Held {
    const key = typeof index === 'number' ? index : 0;
    const held = this.choices.get(key) ?? { text: '', matched: this.words.map(() => 0), finished: false };
    this.choices.set(key, held);
    return held;
  }

  private feed({ matched }: Held, text: string): void {
    for (const [at, word] of this.words.entries()) {
      for (let unit = 0; unit < text.length; unit++) {
        matched[at] = advance(word, matched[at] ?? 0, text.charCodeAt(unit));
      }
    }
  }
}

/** UTF-16 units of the word that ended the choice: of several that end together, the one that began first. */
function cutOf(words: readonly StopWord[], { matched }: Held, reason: unknown): number {
  if (reason !== 'stop') return 0;
  return Math.max(0, ...words.map(({ text }, at) => (matched[at] === text.length ? text.length : 0)));
}

interface Said {
  readonly text: string;
  readonly with: (text: string) => JsonObject;
}

/** The text of a chat's chunk, of its whole message, or of a legacy completion. */
function saidBy(choice: JsonObject): Said {
  if (typeof choice['text'] === 'string') {
    return { text: choice['text'], with: (text) => ({ ...choice, text }) };
  }
  const member = isRecord(choice['message']) ? 'message' : 'delta';
  const said = choice[member];
  const content = isRecord(said) && typeof said['content'] === 'string' ? said['content'] : '';
  return {
    text: content,
    with: (text) => ({ ...choice, [member]: { ...(isRecord(said) && said), content: text } }),
  };
}

/** Knuth, Morris and Pratt: one step for each unit on average, whatever the word. */
function advance({ text, borders }: StopWord, matched: number, unit: number): number {
  let at = matched === text.length ? (borders[matched] ?? 0) : matched;
  while (at > 0 && text.charCodeAt(at) !== unit) at = borders[at] ?? 0;
  return text.charCodeAt(at) === unit ? at + 1 : 0;
}

function bordersOf(text: string): readonly number[] {
  const borders = [0, 0];
  for (let length = 2; length <= text.length; length++) {
    let at = borders[length - 1] ?? 0;
    const unit = text.charCodeAt(length - 1);
    while (at > 0 && text.charCodeAt(at) !== unit) at = borders[at] ?? 0;
    borders.push(text.charCodeAt(at) === unit ? at + 1 : 0);
  }
  return borders;
}
