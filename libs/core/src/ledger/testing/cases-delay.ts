import { accepts, advances, claims, lapses, moves, placed, releases, replaces, run } from './steps.js';
import { byAnybody, byAttempt, byEpoch, cancelled, leaseRunsOut, running, seals, shows } from './steps.js';
import type { LedgerCase } from './steps.js';

const later = { afterMs: 10_000, retry: true } as const;

/** Attempts whose target cools down, and what counts as retrying. */
export const delayCases: readonly LedgerCase[] = [
  {
    name: 'a first attempt may be due later; its wait counts from now all the same',
    steps: [
      accepts({ delayMs: 3_000 }),
      shows({ due: { deadlines: 60_000, unplaced: 2_000, waits: 5_000, orphans: 30_000 } }),
      advances(2_000),
      replaces(1, 1, placed(1, 2, 0, 1_000)),
      advances(2_000),
      replaces(1, 2, placed(1, 3, 0)),
      claims('a', run(1)),
    ],
  },
  {
    name: 'a retry waits on the same target, counts as retrying, and is due later',
    steps: [
      ...running,
      moves(byEpoch(1), placed(2, 1, 0, 10_000), 0, '"429"', later),
      shows({
        ...{ state: 'waiting', attempt: 2, target: 0 },
        due: { deadlines: 60_000, unplaced: 2_000, waits: 5_000, retrying: 10_000, orphans: 30_000 },
      }),
    ],
  },
  {
    name: 'a resent move is answered with what is left of its delay',
    steps: [
      ...running,
      moves(byEpoch(1), placed(2, 1, 0, 10_000), 0, '"429"', later),
      advances(4_000),
      moves(byEpoch(1), placed(2, 1, 0, 6_000), 0, '"429"', later),
      shows({ attempt: 2, trail: ['"429"'] }),
    ],
  },
  {
    name: 'a job of an earlier attempt brings the later one no sooner than it is due',
    steps: [
      ...running,
      moves(byEpoch(1), placed(2, 1, 0, 10_000), 0, '"429"', later),
      advances(1_000),
      claims('b', { kind: 'superseded', ...placed(2, 1, 0, 9_000) }),
    ],
  },
  {
    name: 'a lost job of a retry is replaced by one due at the same time, which still counts',
    steps: [
      ...running,
      moves(byEpoch(1), placed(2, 1, 0, 10_000), 0, '"429"', later),
      advances(2_000),
      replaces(2, 1, placed(2, 2, 0, 8_000)),
      shows({ due: { deadlines: 60_000, unplaced: 4_000, waits: 5_000, retrying: 10_000, orphans: 30_000 } }),
    ],
  },
  {
    name: 'a retry that is claimed does not count any more, nor when its run is lost or handed back',
    steps: [
      ...running,
      moves(byEpoch(1), placed(2, 1, 0, 10_000), 0, '"429"', later),
      advances(10_000),
      claims('b', run(2, { attempt: 2, start: 1, trail: ['"429"'] }), 2),
      shows({ due: { deadlines: 60_000, leases: 15_000, orphans: 30_000 } }),
      leaseRunsOut,
      lapses({ kind: 'placed', ...placed(2, 2, 0) }),
      claims('c', run(3, { attempt: 2, start: 2 }), 2),
      releases(3, placed(2, 3, 0)),
      shows({ due: { deadlines: 60_000, unplaced: 17_000, waits: 20_000, orphans: 30_000 } }),
    ],
  },
  {
    name: 'a retry that moves on before it was claimed does not count any more',
    steps: [
      ...running,
      moves(byEpoch(1), placed(2, 1, 0, 10_000), 0, '"429"', later),
      moves(byAttempt(2), placed(3, 1, 1), 1, '"waited"'),
      shows({ due: { deadlines: 60_000, unplaced: 2_000, orphans: 30_000 } }),
    ],
  },
  {
    name: 'a retry that is cancelled does not count any more',
    steps: [
      ...running,
      moves(byEpoch(1), placed(2, 1, 0, 10_000), 0, '"429"', later),
      seals(byAnybody, cancelled),
      shows({ state: 'ended', due: {} }),
    ],
  },
  {
    name: 'a later attempt goes back to an earlier target',
    steps: [
      ...running,
      moves(byEpoch(1), placed(2, 1, 1)),
      claims('b', run(2, { attempt: 2, target: 1 }), 2),
      moves(byEpoch(2), placed(3, 1, 0, 10_000), 0, '"429"', later),
      claims('c', run(3, { attempt: 3, target: 0, trail: ['"503"', '"429"'] }), 3),
    ],
  },
];
