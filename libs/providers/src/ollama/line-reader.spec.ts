import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { LineReader } from './line-reader.js';

/** All that a reader gives for bytes that are cut at these places. */
function readAll(bytes: Uint8Array, cuts: readonly number[]): string[] {
  const reader = new LineReader(1_000);
  const places = [0, ...cuts.toSorted((a, b) => a - b), bytes.length];
  const pieces = places.slice(1).map((end, at) => bytes.subarray(places[at], end));
  return [...pieces.flatMap((piece) => reader.feed(piece)), ...reader.end()];
}

describe('LineReader', () => {
  it('reads the same lines however the bytes are cut', () => {
    const line = fc.string({ unit: 'grapheme', minLength: 1 }).map((text) => JSON.stringify({ text }));
    const cut = fc.array(fc.nat(2_000));
    fc.assert(
      fc.property(
        fc.array(line),
        fc.constantFrom('\n', '\r\n', '\n\n'),
        fc.boolean(),
        cut,
        (lines, end, ends, cuts) => {
          const bytes = Buffer.from(lines.join(end) + (ends ? end : ''));
          const inside = cuts.map((at) => at % (bytes.length + 1));
          expect(readAll(bytes, inside)).toEqual(lines);
        },
      ),
    );
  });

  it.each([
    ['in one piece', ['abcdef\n']],
    ['in several', ['abc', 'def']],
    ['behind others', ['a\nb\nabcdef\nc\n']],
  ])('gives up at a line that is too long, %s', (_, pieces) => {
    const reader = new LineReader(5);
    const lines = pieces.flatMap((piece) => reader.feed(Buffer.from(piece)));
    expect(reader.overflowed).toBe(true);
    expect(lines).not.toContain('c');
    expect(reader.feed(Buffer.from('d\n'))).toEqual([]);
    expect(reader.end()).toEqual([]);
  });
});
