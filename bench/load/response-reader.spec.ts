import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ResponseReader } from './response-reader.js';
import { WrongAnswerError } from './wrong-answer.js';

/** What a reader told, as one line for each answer. */
class Notes {
  readonly answers: string[] = [];
  private status = 0;
  private text = '';

  head(status: number): void {
    this.status = status;
    this.text = '';
  }

  body(text: string, start: number, end: number): void {
    this.text += text.slice(start, end);
  }

  end(): void {
    this.answers.push(`${this.status} ${this.text}`);
  }
}

/** Answers in these pieces; a request is sent whenever the one before it was answered. */
function read(pieces: readonly string[]): { answers: string[]; reader: ResponseReader } {
  const notes = new Notes();
  const reader = new ResponseReader();
  reader.expect(notes);
  for (const piece of pieces) reader.push(piece);
  return { answers: notes.answers, reader };
}

const LENGTH = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello';
const CHUNKED =
  'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n1;x=y\r\n \r\nA\r\nto the top\r\n0\r\n\r\n';

describe('ResponseReader', () => {
  it.each([
    ['with a length', LENGTH, '200 hello'],
    ['without a body', 'HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n', '503 '],
    ['in chunks', CHUNKED, '200 hello to the top'],
    ['with a trailer', CHUNKED.replace(/\r\n$/, 'etag: 1\r\n\r\n'), '200 hello to the top'],
    ['behind an interim one', `HTTP/1.1 100 Continue\r\n\r\n${LENGTH}`, '200 hello'],
  ])('reads an answer %s however it is cut', (_name, bytes, told) => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: bytes.length })), (cuts) => {
        const points = [0, ...cuts.sort((a, b) => a - b), bytes.length];
        const { answers, reader } = read(points.map((point, index) => bytes.slice(point, points[index + 1])));
        expect(answers).toEqual([told]);
        expect(reader.isReusable).toBe(true);
      }),
    );
  });

  it('reads one answer after the other', () => {
    const notes = new Notes();
    const reader = new ResponseReader();
    for (const bytes of [LENGTH, CHUNKED, LENGTH]) {
      reader.expect(notes);
      reader.push(bytes);
    }
    expect(notes.answers).toEqual(['200 hello', '200 hello to the top', '200 hello']);
  });

  it('reads until the connection closes where nothing else tells the end', () => {
    const { answers, reader } = read(['HTTP/1.1 200 OK\r\n\r\nhel', 'lo']);
    expect(answers).toEqual([]);
    reader.close();
    expect(answers).toEqual(['200 hello']);
  });

  it('is of no more use when its server says so', () => {
    const { answers, reader } = read([LENGTH.replace('\r\n', '\r\nConnection: close\r\n')]);
    expect(answers).toEqual(['200 hello']);
    expect(reader.isReusable).toBe(false);
  });

  it.each([
    ['behind an answer with a length', `${LENGTH}x`],
    ['behind the last chunk', `${CHUNKED}x`],
    ['behind a chunk', CHUNKED.replace('hello', 'hello!')],
    ['in the place of a size', CHUNKED.replace('\r\n5\r\n', '\r\n5x\r\n')],
    ['in the place of a head', 'HTTP/2 200\r\n\r\n'],
  ])('tells of bytes %s', (_name, bytes) => {
    expect(() => read([bytes])).toThrow(WrongAnswerError);
    expect(() => read([...bytes])).toThrow(WrongAnswerError);
  });

  it.each([
    ['before the head', ''],
    ['in the head', LENGTH.slice(0, 20)],
    ['in a body with a length', LENGTH.slice(0, -1)],
    ['in a chunk', CHUNKED.slice(0, -12)],
    ['before the last chunk', CHUNKED.slice(0, -5)],
    ['before the last line end', CHUNKED.slice(0, -2)],
  ])('tells of a connection that closes %s', (_name, bytes) => {
    const { answers, reader } = read([bytes]);
    expect(() => reader.close()).toThrow(WrongAnswerError);
    expect(answers).toEqual([]);
  });
});
