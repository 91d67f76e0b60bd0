import { parseTrail, type AttemptRecord } from '#core/attempt-record.js';
import type { EndEntry } from '#core/ledger/transitions.js';

/** One attempt of a request: `ok`, or what kind of failure it was. */
export interface AttemptMade {
  readonly provider: string;
  readonly outcome: 'ok' | AttemptRecord['category'];
}

/** The attempts of an ended request, oldest first. One that a client's leaving or the deadline ended is none of them. */
export function attemptsOf({ trail, outcome }: EndEntry, servedBy: string | null): readonly AttemptMade[] {
  const failed = parseTrail(trail.map((record) => JSON.stringify(record))).map(
    ({ provider, category }): AttemptMade => ({ provider, outcome: category }),
  );
  return outcome === 'completed' && servedBy !== null
    ? [...failed, { provider: servedBy, outcome: 'ok' }]
    : failed;
}
