import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readStopWords, StopWords } from './stop-words.js';

interface Choice {
  readonly index: number;
  readonly delta?: { readonly content?: string };
  readonly text?: string;
  readonly finish_reason?: string | null;
}

const chunk = (index: number, content: string, finish: string | null = null): Choice => ({
  index,
  delta: { content },
  finish_reason: finish,
});

/** The texts that a client has after each of the chunks, by choice. */
function relay(words: readonly string[], chunks: readonly Choice[]): Map<number, string[]> {
  const stops = new StopWords(words);
  const texts = new Map<number, string[]>();
  for (const choice of chunks) {
    const [taken = choice] = (stops.take([choice]) ?? [choice]) as Choice[];
    const before = texts.get(choice.index) ?? [''];
    const said = taken.delta?.content ?? taken.text ?? '';
    texts.set(choice.index, [...before, before.at(-1) + said]);
  }
  return texts;
}

/** What is meant, for a whole text: said otherwise than the code has it. */
function expected(words: readonly string[], text: string, finish: string): string {
  const ended = words.filter((word) => text.endsWith(word));
  const longest = Math.max(0, ...ended.map((word) => word.length));
  return finish === 'stop' ? text.slice(0, text.length - longest) : text;
}

// Few letters, so that words overlap, repeat and begin again all the time.
const text = fc.string({ unit: fc.constantFrom('a', 'b', '\n', '👋'), maxLength: 24 });
const words = fc.uniqueArray(
  text.filter((word) => word !== '' && word.length < 8),
  {
    minLength: 1,
    maxLength: 4,
  },
);
const reason = fc.constantFrom('stop', 'stop', 'length', 'tool_calls');

/** Text that mostly ends with a stop word, cut at any places, with its finish in the last chunk or behind it. */
const answer = fc.record({
  text: fc.tuple(text, fc.nat(5)),
  cuts: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 8 }),
  finish: reason,
  apart: fc.boolean(),
});

function chunksOf(index: number, whole: string, { cuts, finish, apart }: Omit<Answer, 'text'>): Choice[] {
  const units = Array.from(whole);
  const places = [0, ...cuts.map((cut) => Math.floor(cut * units.length)), units.length];
  const sorted = places.toSorted((a, b) => a - b);
  const pieces = sorted.slice(1).map((end, at) => units.slice(sorted[at], end).join(''));
  const said = pieces.map((piece, at) =>
    chunk(index, piece, !apart && at === pieces.length - 1 ? finish : null),
  );
  return apart ? [...said, { index, delta: {}, finish_reason: finish }] : said;
}

type Answer = typeof answer extends fc.Arbitrary<infer Value> ? Value : never;

describe('StopWords', () => {
  it('gives the same text however it was cut into chunks, each choice for itself', () => {
    let trimmed = 0;
    fc.assert(
      fc.property(words, answer, answer, fc.infiniteStream(fc.boolean()), (stops, one, other, turns) => {
        const whole = [one, other].map(({ text: [body, pick] }) => body + (stops[pick] ?? ''));
        const queues = [one, other].map((each, index) => chunksOf(index, whole[index] ?? '', each));
        const chunks: Choice[] = [];
        while (queues.some((queue) => queue.length > 0)) {
          const [first = [], second = []] = queues;
          const next = (turns.next().value ? first : second).shift() ?? (first.shift() || second.shift());
          if (next) chunks.push(next);
        }
        const texts = relay(stops, chunks);
        for (const [index, { finish }] of [one, other].entries()) {
          const final = expected(stops, whole[index] ?? '', finish);
          const seen = texts.get(index) ?? [];
          if (final !== whole[index]) trimmed++;
          if (seen.at(-1) !== final) return false;
          // What was said once is never taken back.
          if (!seen.every((at) => final.startsWith(at))) return false;
        }
        return true;
      }),
      { numRuns: 5_000 },
    );
    expect(trimmed).toBeGreaterThan(1_000);
  });

  it('says at once what cannot be a stop word', () => {
    const texts = relay(
      ['END', '\n\n'],
      [chunk(0, 'Hello'), chunk(0, ' EN'), chunk(0, 'OUGH\n'), chunk(0, 'x')],
    );
    expect(texts.get(0)).toEqual(['', 'Hello', 'Hello ', 'Hello ENOUGH', 'Hello ENOUGH\nx']);
  });

  it('leaves a chunk alone that needs no change, and everything else of one that does', () => {
    const stops = new StopWords(['STOP']);
    const same = [{ index: 0, delta: { role: 'assistant', content: 'Hi' }, finish_reason: null }];
    expect(stops.take(same)).toBeUndefined();
    const held = { index: 0, delta: { content: ' ST' }, logprobs: null, finish_reason: null };
    expect(stops.take([held])).toEqual([{ ...held, delta: { content: ' ' } }]);
    const tools = { index: 0, delta: { tool_calls: [{ index: 0 }] }, finish_reason: 'tool_calls' };
    expect(stops.take([tools])).toEqual([{ ...tools, delta: { ...tools.delta, content: 'ST' } }]);
  });

  it('reads whole messages and legacy completions too', () => {
    const message = { index: 0, message: { role: 'assistant', content: 'one.\n\n' }, finish_reason: 'stop' };
    const legacy = { index: 1, text: 'two.\n\n', finish_reason: 'stop' };
    const cut = { index: 2, text: 'three.\n\n', finish_reason: 'length' };
    expect(new StopWords(['\n\n']).take([message, legacy, cut])).toEqual([
      { ...message, message: { role: 'assistant', content: 'one.' } },
      { ...legacy, text: 'two.' },
      cut,
    ]);
  });

  it('takes no longer for a long word that repeats itself', () => {
    const word = 'a'.repeat(100_000);
    const seen = relay([`${word}b`], [chunk(0, word), chunk(0, word), chunk(0, 'b', 'stop')]);
    expect(seen.get(0)?.at(-1)).toBe(word);
  });
});

describe('readStopWords', () => {
  it.each<[unknown, readonly string[]]>([
    [undefined, []],
    [null, []],
    ['', []],
    ['END', ['END']],
    [
      ['a', '', 'b', 'a', 7],
      ['a', 'b'],
    ],
    [{ a: 1 }, []],
  ])('%j are %j', (stop, found) => {
    expect(readStopWords(Buffer.from(JSON.stringify({ model: 'm', stop })))).toEqual(found);
  });
});
