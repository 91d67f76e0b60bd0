import type { CallFacts } from '#core/failure.js';
import { parseJson } from '../json.js';
import { toConnectionFacts } from './exchange.js';
import type { Exchange } from './exchange.js';

/** Words of an error are worth this much and no more: the next target waits. */
const ERROR_BODY_BYTES = 64 * 1024;
const ERROR_BODY_MS = 2_000;

/** A body read to its end, or why it could not be. */
export type BodyRead =
  | { readonly kind: 'body'; readonly bytes: Buffer }
  | { readonly kind: 'failed'; readonly facts: CallFacts }
  | { readonly kind: 'aborted' };

/** Reads a body of at most `maxBytes` until `deadlineAt`; a longer one is malformed. */
export async function readBody(exchange: Exchange, maxBytes: number, deadlineAt: number): Promise<BodyRead> {
  const pieces: Buffer[] = [];
  let length = 0;
  for (;;) {
    const event = await exchange.next(deadlineAt);
    switch (event.kind) {
      case 'head':
        break;
      case 'data':
        pieces.push(event.bytes);
        length += event.bytes.length;
        if (length > maxBytes) {
          return { kind: 'failed', facts: { kind: 'malformed', reason: 'the body is too long' } };
        }
        break;
      case 'end':
        return { kind: 'body', bytes: Buffer.concat(pieces) };
      case 'error':
        return { kind: 'failed', facts: toConnectionFacts(event.code, 'headers') };
      case 'timeout':
        return { kind: 'failed', facts: { kind: 'timeout', timer: 'response' } };
      case 'aborted':
        return { kind: 'aborted' };
    }
  }
}

/** The JSON of an error; undefined where it does not come in time, or is none. */
export async function readErrorBody(exchange: Exchange): Promise<unknown> {
  const read = await readBody(exchange, ERROR_BODY_BYTES, performance.now() + ERROR_BODY_MS);
  return read.kind === 'body' ? parseJson(read.bytes) : undefined;
}
