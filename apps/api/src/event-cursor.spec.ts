import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readCursor, splitEvents, withIds } from './event-cursor.js';

describe('readCursor', () => {
  it.each([
    { header: undefined, query: '1-7.2', cursor: { epoch: 1, seq: 7, event: 2 } },
    { header: '12-345.6', query: undefined, cursor: { epoch: 12, seq: 345, event: 6 } },
    // An EventSource that reconnects keeps the URL it was made with.
    { header: '1-9.1', query: '1-2.1', cursor: { epoch: 1, seq: 9, event: 1 } },
    { header: '', query: '1-2.1', cursor: { epoch: 1, seq: 2, event: 1 } },
    { header: undefined, query: undefined, cursor: undefined },
    { header: undefined, query: '', cursor: undefined },
  ])('of Last-Event-ID $header and starting_after $query', ({ header, query, cursor }) => {
    expect(readCursor({ 'last-event-id': header }, { starting_after: query })).toEqual(cursor);
  });

  it.each([
    '0',
    '7',
    '1-7',
    '1-7.0',
    '0-1.1',
    '1-0.1',
    '1-7.2.3',
    ' 1-7.2',
    '1-7.2 ',
    '-1-7.2',
    '1-07.2',
    'x',
  ])('refuses %p, which is no cursor', (text) => {
    const at = (param: string) =>
      expect.objectContaining({ code: 'invalid_value', params: expect.objectContaining({ param }) });
    expect(() => readCursor({}, { starting_after: text })).toThrow(at('starting_after'));
    expect(() => readCursor({ 'last-event-id': text }, {})).toThrow(at('Last-Event-ID'));
  });

  it('refuses two of them, and numbers that would not be exact', () => {
    const many = ['1-1.1', '1-2.1'];
    for (const starting_after of [many, '9007199254740993-1.1', `1-${'9'.repeat(400)}.1`]) {
      expect(() => readCursor({}, { starting_after })).toThrow('must be the id of an event');
    }
  });
});

/** Frames as providers make them, events whose lines hold anything, and as they never should. */
const line = fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll('\n', ''));
const event = fc
  .array(
    line.filter((text) => text !== ''),
    { minLength: 1, maxLength: 3 },
  )
  .map((lines) => `${lines.map((text) => `data: ${text}\n`).join('')}\n`);
const frame = fc.array(event, { minLength: 1, maxLength: 6 });

describe('splitEvents', () => {
  it('finds every event of a frame', () => {
    fc.assert(
      fc.property(frame, (events) => {
        expect(splitEvents(Buffer.from(events.join(''))).map(String)).toEqual(events);
      }),
    );
  });

  it('loses no byte of anything', () => {
    const bytes = fc.stringMatching(/^[ab\n]*$/);
    fc.assert(
      fc.property(bytes, (text) => {
        expect(Buffer.concat(splitEvents(Buffer.from(text))).toString()).toBe(text);
      }),
    );
  });

  it('keeps what is left without an empty line', () => {
    expect(splitEvents(Buffer.from('data: 1\n\ndata: 2')).map(String)).toEqual(['data: 1\n\n', 'data: 2']);
    expect(splitEvents(Buffer.alloc(0))).toEqual([]);
  });
});

function text(pieces: readonly Buffer[][]): string {
  return Buffer.concat(pieces.flat()).toString();
}

describe('withIds', () => {
  it('copies no large frame', () => {
    const events = ['a', 'b'].map((word) => `data: ${word.repeat(50_000)}\n\n`);
    const pieces = withIds('1-7', Buffer.from(events.join('')), 2);
    expect(pieces.map((piece) => piece.map(String))).toEqual([['id: 1-7.2\n', events[1]]]);
  });

  it('says each event its cursor', () => {
    expect(text(withIds('1-7', Buffer.from('data: a\n\ndata: b\n\n')))).toBe(
      'id: 1-7.1\ndata: a\n\nid: 1-7.2\ndata: b\n\n',
    );
  });

  it('goes on exactly behind any event: what was read and the rest are the whole', () => {
    fc.assert(
      fc.property(frame, fc.nat(6), (events, read) => {
        const bytes = Buffer.from(events.join(''));
        const whole = text(withIds('3-1', bytes));
        const rest = text(withIds('3-1', bytes, Math.min(read, events.length) + 1));
        const before = events.slice(0, read).map((each, at) => `id: 3-1.${at + 1}\n${each}`);
        expect(before.join('') + rest).toBe(whole);
      }),
    );
  });
});
