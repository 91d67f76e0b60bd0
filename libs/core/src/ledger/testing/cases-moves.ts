import { leaseRunsOut, placed, run, running, streaming } from './steps.js';
import { accepts, advances, appends, claims, confirms, lapses, moves, releases, replaces } from './steps.js';
import { byAttempt, byEpoch, completed, renews, seals, settles, shows, type LedgerCase } from './steps.js';

/** What leads from one run to the next: fallback, hand-back, lost runs and lost jobs. */
export const moveCases: readonly LedgerCase[] = [
  {
    name: 'next records the failure and waits on another target, watched over again',
    steps: [
      ...running,
      advances(1_000),
      moves(byEpoch(1), placed(2, 1, 1)),
      shows({
        ...{ state: 'waiting', attempt: 2, placement: 1, target: 1, epoch: 1, starts: 0, body: true },
        ...{ trail: ['"503"'], log: ['1-0 start gpu-box'] },
        due: { deadlines: 60_000, unplaced: 3_000, orphans: 30_000 },
      }),
    ],
  },
  {
    name: 'a resent next is answered with the same job and records once',
    steps: [
      ...running,
      moves(byEpoch(1), placed(2, 1, 1)),
      moves(byEpoch(1), placed(2, 1, 1)),
      shows({ attempt: 2, trail: ['"503"'] }),
      claims('b', run(2), 2),
      moves(byEpoch(1), placed(2, 1, 1)),
      shows({ state: 'running', attempt: 2, epoch: 2, trail: ['"503"'] }),
    ],
  },
  {
    name: 'next may wait on the same target again',
    steps: [
      ...running,
      moves(byEpoch(1), placed(2, 1, 0), 0, '"429"'),
      shows({ due: { deadlines: 60_000, unplaced: 2_000, waits: 5_000, orphans: 30_000 } }),
      claims('b', run(2, { attempt: 2, target: 0, start: 1, trail: ['"429"'] }), 2),
      moves(byEpoch(2), placed(3, 1, 1)),
      claims('c', run(3, { attempt: 3, target: 1, trail: ['"429"', '"503"'] }), 3),
    ],
  },
  {
    name: 'next after output is refused: the client would see two answers spliced',
    steps: [
      ...streaming,
      moves(byEpoch(1), null),
      shows({ state: 'running', attempt: 1, trail: [], log: ['1-0 start gpu-box', '1-1 data Hel'] }),
    ],
  },
  {
    name: 'next by a stale run, or beyond the plan, is refused',
    steps: [
      ...running,
      moves(byEpoch(1), null, 2),
      leaseRunsOut,
      claims('b', run(2)),
      moves(byEpoch(1), null),
      shows({ state: 'running', attempt: 1, epoch: 2, trail: [] }),
    ],
  },
  {
    name: 'next after the end is refused',
    steps: [...running, seals(byEpoch(1), completed), moves(byEpoch(1), null), shows({ attempt: 1 })],
  },
  {
    name: 'an attempt that waited too long moves on, once',
    steps: [
      accepts(),
      advances(5_000),
      moves(byAttempt(1), placed(2, 1, 1), 1, '"waited"'),
      moves(byAttempt(1), placed(2, 1, 1), 1, '"waited"'),
      shows({ state: 'waiting', attempt: 2, target: 1, epoch: 0, trail: ['"waited"'] }),
      claims('a', { kind: 'superseded', ...placed(2, 1, 1) }),
      claims('b', run(1, { attempt: 2, target: 1 }), 2),
    ],
  },
  {
    name: 'an attempt that a worker just claimed does not move on',
    steps: [...running, moves(byAttempt(1), null), shows({ state: 'running', attempt: 1 })],
  },
  {
    name: 'a release hands the run back under a new placement, and its start does not count',
    steps: [
      ...running,
      advances(1_000),
      releases(1, placed(1, 2, 0)),
      shows({
        ...{ state: 'waiting', attempt: 1, placement: 2, starts: 0, epoch: 1, usage: {} },
        due: { deadlines: 60_000, unplaced: 3_000, waits: 6_000, orphans: 30_000 },
      }),
      claims('b', run(2, { start: 1 })),
    ],
  },
  {
    name: 'a resent release is acknowledged and counts once',
    steps: [
      ...running,
      releases(1, placed(1, 2, 0)),
      releases(1, placed(1, 2, 0)),
      shows({ state: 'waiting', starts: 0 }),
    ],
  },
  {
    name: 'a release after output is refused',
    steps: [...streaming, releases(1, null), shows({ state: 'running', epoch: 1, starts: 1 })],
  },
  {
    name: 'a release by a stale run, or by none, is refused',
    steps: [
      accepts(),
      releases(0, null),
      claims('a', run(1)),
      leaseRunsOut,
      claims('b', run(2)),
      releases(1, null),
      shows({ state: 'running', epoch: 2, starts: 2 }),
    ],
  },
  {
    name: 'a lease that is live does not lapse, nor does a request that waits or ended',
    steps: [
      accepts(),
      lapses({ kind: 'none' }),
      claims('a', run(1)),
      advances(4_999),
      lapses({ kind: 'none' }),
      shows({ state: 'running', placement: 1, usage: {} }),
      seals(byEpoch(1), completed),
      leaseRunsOut,
      lapses({ kind: 'none' }),
      shows({ outcome: 'completed', usage: {} }),
    ],
  },
  {
    name: 'a lapse before output places the attempt again and marks the lost call unknown',
    steps: [
      ...running,
      leaseRunsOut,
      lapses({ kind: 'placed', ...placed(1, 2, 0) }),
      lapses({ kind: 'none' }),
      shows({
        ...{ state: 'waiting', attempt: 1, placement: 2, starts: 1, usage: { 1: 'unknown' } },
        due: { deadlines: 60_000, unplaced: 7_000, waits: 10_000, orphans: 30_000 },
      }),
      renews(1, 'fenced'),
      appends(1, 1, 'stale', false),
      claims('b', run(2, { start: 2 })),
    ],
  },
  {
    name: 'a lapse after output ends the request',
    steps: [
      ...streaming,
      leaseRunsOut,
      lapses({ kind: 'interrupted' }),
      lapses({ kind: 'none' }),
      shows({
        ...{ outcome: 'stream_interrupted', usage: { 1: 'unknown' }, due: {} },
        log: ['1-0 start gpu-box', '1-1 data Hel', 'end stream_interrupted'],
      }),
    ],
  },
  {
    name: 'a run that settled before its lease lapsed keeps its row',
    steps: [
      ...running,
      settles(1),
      leaseRunsOut,
      lapses({ kind: 'placed', ...placed(1, 2, 0) }),
      shows({ usage: { 1: '{"tokens":7}' } }),
    ],
  },
  {
    name: 'a placement whose job was seen is not watched any more',
    steps: [
      accepts(),
      confirms(1, 1),
      confirms(1, 1),
      shows({ state: 'waiting', due: { deadlines: 60_000, waits: 5_000, orphans: 30_000 } }),
    ],
  },
  {
    name: 'a placement whose job is missing gets another, watched over again',
    steps: [
      accepts(),
      advances(2_000),
      replaces(1, 1, placed(1, 2, 0)),
      shows({
        ...{ state: 'waiting', attempt: 1, placement: 2, starts: 0 },
        due: { deadlines: 60_000, unplaced: 4_000, waits: 5_000, orphans: 30_000 },
      }),
      claims('a', run(1)),
    ],
  },
  {
    name: 'what was seen of another placement, or of one that runs, changes nothing',
    steps: [
      accepts(),
      replaces(1, 1, placed(1, 2, 0)),
      confirms(1, 1, false),
      replaces(2, 1, null),
      confirms(2, 2, false),
      shows({ placement: 2, due: { deadlines: 60_000, unplaced: 2_000, waits: 5_000, orphans: 30_000 } }),
      claims('a', run(1)),
      confirms(1, 2, false),
      replaces(1, 2, null),
      shows({ state: 'running', placement: 2, epoch: 1 }),
    ],
  },
];
