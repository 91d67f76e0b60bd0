import { WrongAnswerError, excerpt } from './wrong-answer.js';

/** Where the parts of an answer go. Texts are Latin-1: one character for each byte. */
export interface ResponseSink {
  head(status: number): void;
  /** The next bytes of the body: those of `text` from `start` until `end`. */
  body(text: string, start: number, end: number): void;
  end(): void;
}

type State = 'idle' | 'head' | 'length' | 'chunk-size' | 'chunk' | 'chunk-end' | 'trailer' | 'until-close';

/**
 * Takes HTTP/1.1 answers out of the bytes of a connection, however they are cut into reads. It looks at each byte once
 * and copies none, since the load generator shares its cores with what it measures.
 */
export class ResponseReader {
  private state: State = 'idle';
  private sink: ResponseSink | undefined;
  /** The beginning of a line that has not come whole. */
  private rest = '';
  /** Bytes of the body or chunk that are still to come. */
  private missing = 0;
  private mayStay = true;

  /** Another request may be sent on this connection. */
  get isReusable(): boolean {
    return this.mayStay && this.state === 'idle';
  }

  /** The request was sent whose answer comes next. */
  expect(sink: ResponseSink): void {
    this.sink = sink;
    this.state = 'head';
  }

  /** @throws {WrongAnswerError} the bytes are no answer, or there are more of them than the answer has */
  push(bytes: string): void {
    const text = this.rest === '' ? bytes : this.rest + bytes;
    this.rest = '';
    let at = 0;
    while (at < text.length) {
      const next = this.step(text, at);
      if (next === undefined) {
        this.rest = text.slice(at);
        return;
      }
      at = next;
    }
  }

  /** @throws {WrongAnswerError} the connection closed in the middle of an answer */
  close(): void {
    if (this.state === 'until-close') this.finish();
    if (this.state !== 'idle')
      throw new WrongAnswerError(`the connection closed in the answer's ${this.state}`);
  }

  /** Where to go on; undefined: with more bytes. */
  private step(text: string, at: number): number | undefined {
    switch (this.state) {
      case 'chunk':
      case 'length':
        return this.readBody(text, at);
      case 'chunk-end':
        return this.readChunkEnd(text, at);
      case 'chunk-size':
        return this.readChunkSize(text, at);
      case 'head':
        return this.readHead(text, at);
      case 'trailer':
        return this.readTrailer(text, at);
      case 'until-close':
        this.sink?.body(text, at, text.length);
        return text.length;
      case 'idle':
        throw new WrongAnswerError(`bytes behind the answer: ${excerpt(text.slice(at))}`);
    }
  }

  private readHead(text: string, at: number): number | undefined {
    const end = text.indexOf('\r\n\r\n', at);
    if (end < 0) return undefined;
    const head = text.slice(at, end);
    const status = Number(/^HTTP\/1\.1 (\d{3})(?: |\r|$)/.exec(head)?.[1]);
    if (Number.isNaN(status)) throw new WrongAnswerError(`no head of an answer: ${excerpt(head)}`);
    const next = end + 4;
    if (status < 200) return next; // an interim answer; the answer follows
    this.mayStay = !/\r\nconnection: *close/i.test(head);
    this.sink?.head(status);
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    if (/\r\ntransfer-encoding: *chunked/i.test(head)) this.state = 'chunk-size';
    else if (length === undefined) this.state = 'until-close';
    else this.expectLength(Number(length));
    return next;
  }

  private expectLength(length: number): void {
    this.missing = length;
    this.state = 'length';
    if (length === 0) this.finish();
  }

  private readBody(text: string, at: number): number {
    const end = Math.min(text.length, at + this.missing);
    this.missing -= end - at;
    this.sink?.body(text, at, end);
    if (this.missing > 0) return end;
    if (this.state === 'chunk') this.state = 'chunk-end';
    else this.finish();
    return end;
  }

  private readChunkSize(text: string, at: number): number | undefined {
    const end = text.indexOf('\r\n', at);
    if (end < 0) return undefined;
    const line = text.slice(at, end);
    const size = /^[\da-f]+(?:;|$)/i.test(line) ? Number.parseInt(line, 16) : Number.NaN;
    if (Number.isNaN(size)) throw new WrongAnswerError(`no size of a chunk: ${excerpt(line)}`);
    this.missing = size;
    this.state = size === 0 ? 'trailer' : 'chunk';
    return end + 2;
  }

  private readChunkEnd(text: string, at: number): number | undefined {
    if (text.length < at + 2) return undefined;
    if (!text.startsWith('\r\n', at)) {
      throw new WrongAnswerError(`bytes behind a chunk: ${excerpt(text.slice(at))}`);
    }
    this.state = 'chunk-size';
    return at + 2;
  }

  private readTrailer(text: string, at: number): number | undefined {
    const end = text.indexOf('\r\n', at);
    if (end < 0) return undefined;
    if (end === at) this.finish();
    return end + 2;
  }

  private finish(): void {
    this.state = 'idle';
    this.sink?.end();
    this.sink = undefined;
  }
}
