import { SpillwayError } from '#core/errors.js';

/**
 * Where a reader of a stream is: after the `event`-th event of the frame with this log id, `<epoch>-<seq>`. Written as
 * `<epoch>-<seq>.<event>`; a frame may hold several events, and a connection may break between any two of them.
 */
export interface EventCursor {
  readonly epoch: number;
  readonly seq: number;
  /** From 1. */
  readonly event: number;
}

/** Any longer number is none that was ever given out, and would not be exact in JavaScript. */
const CURSOR = /^([1-9]\d{0,14})-([1-9]\d{0,14})\.([1-9]\d{0,14})$/;

/** The end of an event: both line feeds of an empty line. */
const BLANK_LINE = Buffer.from('\n\n');

/**
 * Where a stream is to go on: the header that an EventSource sends by itself when it reconnects, else the query. The
 * header is the later one of the two, as a reconnect keeps the URL. Undefined: from the start, as for an empty value.
 *
 * @throws {SpillwayError} `invalid_value` if it does not have the form of a cursor
 */
export function readCursor(
  headers: Readonly<Record<string, unknown>>,
  query: Readonly<Record<string, unknown>>,
): EventCursor | undefined {
  const header = headers['last-event-id'];
  const [param, text] = header ? ['Last-Event-ID', header] : ['starting_after', query['starting_after']];
  if (text === undefined || text === '') return undefined;
  const [, epoch, seq, event] = (typeof text === 'string' && CURSOR.exec(text)) || [];
  if (event === undefined) {
    const reason = `${param} must be the id of an event of this stream, such as 1-7.2, once.`;
    throw new SpillwayError('invalid_value', { param, reason });
  }
  return { epoch: Number(epoch), seq: Number(seq), event: Number(event) };
}

/** What to tell a client whose cursor has the right form, but is of no event that its stream has. */
export function unknownCursor(): SpillwayError {
  return new SpillwayError('invalid_value', {
    param: 'starting_after',
    reason: 'There is no event with this id in the stream of this request.',
  });
}

/** A frame's events, each with the empty line that ends it; the last one may lack it. */
export function splitEvents(frame: Buffer): Buffer[] {
  const events: Buffer[] = [];
  let start = 0;
  while (start < frame.length) {
    const blank = frame.indexOf(BLANK_LINE, start);
    const end = blank === -1 ? frame.length : blank + BLANK_LINE.length;
    events.push(frame.subarray(start, end));
    start = end;
  }
  return events;
}

/** A frame up to this size is put together anew with its ids; a larger one is not held twice. */
const COPIED_BYTES = 64 * 1024;

/**
 * The frame with the log id `id`, from its event `first` (from 1) on, with a line before each that says its cursor: as
 * pieces that each must be written whole, since an id without its event would be taken for that of one that was read.
 */
export function withIds(id: string, frame: Buffer, first = 1): Buffer[][] {
  const events = splitEvents(frame).map((event, at) => [Buffer.from(`id: ${id}.${at + 1}\n`), event]);
  const pieces = events.slice(first - 1);
  return frame.length > COPIED_BYTES ? pieces : [[Buffer.concat(pieces.flat())]];
}
