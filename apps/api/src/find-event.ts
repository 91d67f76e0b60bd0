import type { LogEntry } from '#core/ledger/transitions.js';
import { splitEvents, unknownCursor, type EventCursor } from './event-cursor.js';
import { readStart, type ServedBy } from './served-by.js';

/** Where to go on with a stream. */
export interface Place {
  readonly after: EventCursor;
  /** The log id behind which the reading begins: before the frame of the event, if that holds further ones. */
  readonly readAfter: string;
  /** Who serves the stream, as its first answer said. */
  readonly by: ServedBy | undefined;
}

type Read = (cursor: string, count: number) => Promise<readonly LogEntry[]>;

/**
 * Looks up the event that a cursor names.
 *
 * @throws {SpillwayError} `invalid_value` if there is no such event: going on from it would skip what the client lacks
 */
export async function findEvent(read: Read, after: EventCursor): Promise<Place> {
  const { epoch, seq, event } = after;
  const readAfter = `${epoch}-${seq - 1}`;
  const [[frame], [start]] = await Promise.all([
    read(readAfter, 1),
    read(`${epoch - 1}-${Number.MAX_SAFE_INTEGER}`, 1),
  ]);
  if (frame?.id !== `${epoch}-${seq}` || frame.type !== 'data') throw unknownCursor();
  const events = splitEvents(frame.bytes).length;
  if (events < event) throw unknownCursor();
  return {
    after,
    readAfter: events === event ? frame.id : readAfter,
    by: start?.type === 'start' ? readStart(start.bytes, undefined) : undefined,
  };
}
