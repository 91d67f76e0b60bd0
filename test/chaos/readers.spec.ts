import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { AnswerReader } from './answer-reader.js';
import { FrameSplitter, wordsOf } from './resp.js';

/** The text in pieces that end at these places. */
function cut(text: string, at: readonly number[]): string[] {
  const places = [
    0,
    ...at.map((place) => place % text.length).toSorted((one, other) => one - other),
    text.length,
  ];
  return places.slice(1).map((end, nth) => text.slice(places[nth], end));
}

const cuts = fc.array(fc.nat(), { maxLength: 12 });

describe('what clients read', () => {
  const chunk = (content: string, finish_reason: string | null = null) =>
    `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content }, finish_reason }] })}\n\n`;
  const STREAM = [
    ': queued position=1\n',
    `id: 1-1.1\n${chunk('a/1/0 ')}`,
    `id: 1-1.2\n${chunk('a/1/1 ')}`,
    ': running\n',
    `id: 1-2.1\n${chunk('', 'stop')}`,
    'data: [DONE]\n\n',
  ].join('');

  it('is the same however it arrives', () => {
    fc.assert(
      fc.property(cuts, (at) => {
        const reader = new AnswerReader(() => undefined);
        for (const piece of cut(STREAM, at)) reader.readStream(piece);
        reader.end();
        expect(reader.events.map(([, ...rest]) => rest)).toEqual([
          ['token', 'a/1/0 '],
          ['token', 'a/1/1 '],
          ['finish', 'stop'],
          ['done', ''],
        ]);
        expect(reader.cursor).toBe('1-2.1');
      }),
    );
  });

  it('goes on behind the last whole event where a connection broke', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: STREAM.length }), (broken) => {
        const reader = new AnswerReader(() => undefined);
        reader.readStream(STREAM.slice(0, broken));
        reader.begin();
        const behind =
          reader.cursor === '' ? 0 : STREAM.indexOf('\n\n', STREAM.indexOf(`id: ${reader.cursor}\n`)) + 2;
        // The events so far, less the one without an id, which ends every stream.
        if (reader.events.at(-1)?.[1] === 'done') return;
        reader.readStream(STREAM.slice(behind));
        expect(reader.events.map(([, , text]) => text)).toEqual(['a/1/0 ', 'a/1/1 ', 'stop', '']);
      }),
    );
  });

  it('says what is no event, and what was left half-said', () => {
    const reader = new AnswerReader(() => undefined);
    reader.readStream('event: x\n\ndata: {"choices":\n\ndata: {');
    reader.end();
    expect(reader.events.map(([, kind]) => kind)).toEqual(['odd', 'odd', 'odd']);
  });
});

describe('what Redis and its clients send', () => {
  const FRAMES = [
    '*3\r\n$7\r\nEVALSHA\r\n$3\r\nabc\r\n$6\r\n\r\n*3\r\n\r\n',
    '+OK\r\n',
    ':17\r\n',
    '$-1\r\n',
    '_\r\n',
    '-NOSCRIPT No matching script.\r\n',
    '*2\r\n*-1\r\n%1\r\n+a\r\n:1\r\n',
    '>3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$4\r\n\r\n\r\n\r\n',
  ];

  it('is cut into the same frames however it arrives', () => {
    fc.assert(
      fc.property(cuts, (at) => {
        const splitter = new FrameSplitter();
        const frames = cut(FRAMES.join(''), at).flatMap((piece) => splitter.push(Buffer.from(piece)));
        expect(frames.map(String)).toEqual(FRAMES);
      }),
    );
  });

  it('has words', () => {
    expect(wordsOf(Buffer.from(FRAMES[0] ?? ''), 9)).toEqual(['EVALSHA', 'abc', '\r\n*3\r\n']);
    expect(wordsOf(Buffer.from(FRAMES[0] ?? ''), 1)).toEqual(['EVALSHA']);
  });
});
