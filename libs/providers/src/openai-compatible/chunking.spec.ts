import { describe, expect, it, jest } from '@jest/globals';
import { Random } from '../../../../test/support/random.js';
import { drawPieces, drawStream } from '../../../../test/support/valid-stream.js';
import { ChatStream } from './chat-stream.js';
import type { ExchangeEvent } from '../http/exchange.js';

const CASES = 100_000;
/** The first case has this seed, each later one the next: one that fails can be played alone. */
const FIRST_SEED = 20_261_122;
// Ten seconds, but not on a machine that does much else.
jest.setTimeout(240_000);

const LIMITS = { maxEventLength: 10_000, maxStreamBytes: 100_000 };

/** What the client gets of the pieces, and how it ended. */
function relay(pieces: readonly Buffer[], includeUsage: boolean): string {
  const chat = new ChatStream({ includeUsage, secrets: [], ...LIMITS });
  let text = '';
  const events: ExchangeEvent[] = pieces.map((bytes) => ({ kind: 'data', bytes }));
  for (const event of [...events, { kind: 'end' } as const]) {
    for (const step of chat.take(event)) {
      if (step.kind !== 'frame') return `${text}<${step.kind}>`;
      text += step.frame.bytes.toString();
    }
  }
  return text;
}

describe('a valid stream', () => {
  it(`gives the same frames however its bytes are cut: ${CASES} cases`, () => {
    const seen = { pieces: 0, inCharacter: 0, inLineEnd: 0, bytes: 0 };
    for (let seed = FIRST_SEED; seed < FIRST_SEED + CASES; seed++) {
      const random = new Random(seed);
      const { bytes, includeUsage, expected } = drawStream(random);
      const pieces = drawPieces(random, bytes);
      const text = relay(pieces, includeUsage);
      if (text !== `${expected}<complete>`) {
        const sent = pieces.map((piece) => JSON.stringify(piece.toString('latin1'))).join('\n');
        throw new Error(`seed ${seed}: got\n${text}\nfor\n${expected}\nsent (Latin-1) as\n${sent}`);
      }
      seen.bytes += bytes.length;
      seen.pieces += pieces.length;
      for (const [at, piece] of pieces.entries()) {
        const next = pieces[at + 1]?.[0] ?? 0;
        if ((next & 0xc0) === 0x80) seen.inCharacter++;
        if (next === 0x0a && piece.at(-1) === 0x0d) seen.inLineEnd++;
      }
    }
    // Or it would prove little: the places where a reader goes wrong were among the cuts, many times.
    expect(seen.pieces / CASES).toBeGreaterThan(10);
    expect(seen.inCharacter).toBeGreaterThan(CASES / 10);
    expect(seen.inLineEnd).toBeGreaterThan(CASES / 10);
  });

  it.each([0, 1])(
    'may have an event of the longest data in one piece or in many, and %i more byte not',
    (over) => {
      const chunk = '{"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"stop"}]}';
      const event = Buffer.from(
        `data: ${chunk.replace('"x"', `"${'x'.repeat(LIMITS.maxEventLength - chunk.length + 1 + over)}"`)}\n\n`,
      );
      for (let longest = 1; longest <= event.length; longest = longest * 3) {
        const pieces = Array.from({ length: Math.ceil(event.length / longest) }, (_, n) =>
          event.subarray(n * longest, (n + 1) * longest),
        );
        expect(relay(pieces, false)).toBe(over === 0 ? `${event.toString()}<complete>` : '<failed>');
      }
    },
  );
});
