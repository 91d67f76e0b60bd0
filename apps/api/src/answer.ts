import type { SpillwayError } from '#core/errors.js';
import type { ServedBy } from './served-by.js';

/** Where the entries of a request's log go: to a client, as one form of answer. */
export interface Answer {
  /** A worker has begun a run. */
  start(by: ServedBy): void;
  /** The bytes of a frame, and its log id, to be passed on as they are. Waits while the client reads too slowly. */
  data(bytes: Buffer, id: string): Promise<void>;
  /** The answer is whole. */
  complete(): void;
  /** Tells the client of a failure; throws the error where the answer can still have a status of its own. */
  fail(error: SpillwayError): void;
  /** Stops the answer's timers; nothing is written after it. */
  close(): void;
}
