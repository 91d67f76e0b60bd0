import { createHash } from 'node:crypto';
import type { Idempotency } from '#core/ledger/transitions.js';

export interface IdempotentCall {
  readonly application: string | null;
  /** The client's Idempotency-Key. */
  readonly key: string;
  readonly path: string;
  readonly body: Buffer;
}

/** Hashes, so that no name of a key in Redis holds what a client wrote. Keys of two applications never meet. */
export function hashCall({ application, key, path, body }: IdempotentCall): Idempotency {
  return {
    key: createHash('sha256')
      .update(JSON.stringify([application, key]))
      .digest('hex'),
    fingerprint: createHash('sha256').update(`${path}\n`).update(body).digest('hex'),
  };
}
