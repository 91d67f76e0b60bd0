import { END_ID, type EndEntry, type LogEntry } from '#core/ledger/transitions.js';
import { parseEnd } from './end-entry.js';

/** A request that has ended. */
export interface EndedRequest {
  readonly end: EndEntry;
  /** The answer, where it is one body. */
  readonly body: Buffer;
}

type Read = (cursor: string, count: number) => Promise<readonly LogEntry[]>;

/** Behind every frame, and before the end. */
const BEFORE_END = `${Number.parseInt(END_ID, 10) - 1}-0`;
const COUNT = 8;

/** Reads the end of a request from its log, and all of its answer unless it is a stream. Undefined: it is not there. */
export async function readOutcome(read: Read, isStream: boolean): Promise<EndedRequest | undefined> {
  let cursor = isStream ? BEFORE_END : '0-0';
  let parts: Buffer[] = [];
  for (;;) {
    const entries = await read(cursor, COUNT);
    for (const { id, type, bytes } of entries) {
      cursor = id;
      if (type === 'end') return { end: parseEnd(bytes), body: Buffer.concat(parts) };
      // A run that was lost may have left bytes.
      if (type === 'start') parts = [];
      else parts.push(bytes);
    }
    if (entries.length === 0) return undefined;
  }
}
