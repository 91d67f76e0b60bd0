import { deadlinePasses, leaseRunsOut, placed, run, running, streaming } from './steps.js';
import { accepts, advances, appends, attends, claims, confirms, lapses, moves, releases } from './steps.js';
import { renews, replaces, seals, settles, shows } from './steps.js';
import { busy, byAnybody, byAttempt, byEpoch, cancelled, completed, done, type LedgerCase } from './steps.js';

/** From accept to a run: who may start one, and who may not. */
export const startCases: readonly LedgerCase[] = [
  {
    name: 'an accepted request waits with everything that watches over it',
    steps: [
      accepts(),
      shows({
        ...{ state: 'waiting', attempt: 1, placement: 1, target: 0, epoch: 0, starts: 0, visible: false },
        ...{ body: true, outcome: null, log: [], trail: [], usage: {} },
        due: { deadlines: 60_000, unplaced: 2_000, waits: 5_000, orphans: 30_000 },
      }),
    ],
  },
  {
    name: 'a resent accept changes nothing',
    steps: [
      ...streaming,
      advances(1_000),
      accepts(),
      shows({ state: 'running', epoch: 1, due: { deadlines: 60_000, leases: 5_000, orphans: 30_000 } }),
    ],
  },
  {
    name: 'a full queue refuses and stores nothing',
    steps: [accepts({ maxWaiting: 0 }, 'queue_full'), shows({ state: 'unknown' }), claims('a', done)],
  },
  {
    name: 'nothing happens to a request that was never accepted',
    steps: [
      claims('a', done),
      renews(1, 'ended'),
      appends(1, 1, 'Hel', false),
      seals(byEpoch(1), completed, false),
      seals(byAnybody, cancelled, false),
      settles(1, false),
      moves(byAttempt(1), null),
      releases(1, null),
      lapses({ kind: 'none' }),
      confirms(1, 1, false),
      replaces(1, 1, null),
      attends(false),
      shows({ state: 'unknown' }),
    ],
  },
  {
    name: 'a claim starts a run under a lease and ends the watch over its placement',
    steps: [
      accepts(),
      advances(1_000),
      claims('a', run(1, { attempt: 1, target: 0, start: 1, remainingMs: 59_000, trail: [] })),
      shows({
        ...{ state: 'running', epoch: 1, starts: 1, body: true, log: ['1-0 start gpu-box'], usage: {} },
        due: { deadlines: 60_000, leases: 6_000, orphans: 30_000 },
      }),
    ],
  },
  {
    name: 'a resent claim is answered with the same run',
    steps: [
      ...running,
      advances(500),
      claims('a', run(1, { start: 1, remainingMs: 59_500 })),
      shows({
        epoch: 1,
        starts: 1,
        log: ['1-0 start gpu-box'],
        due: { deadlines: 60_000, leases: 5_000, orphans: 30_000 },
      }),
    ],
  },
  {
    name: 'a resent claim is answered with the same run after output too',
    steps: [
      ...streaming,
      claims('a', run(1)),
      shows({ epoch: 1, log: ['1-0 start gpu-box', '1-1 data Hel'] }),
    ],
  },
  {
    name: 'a second execution finds a live run busy',
    steps: [
      ...running,
      claims('b', busy),
      advances(4_999),
      claims('b', busy),
      shows({ epoch: 1, starts: 1 }),
    ],
  },
  {
    name: 'an expired lease without output is taken over, and the lost call is marked unknown',
    steps: [
      ...running,
      leaseRunsOut,
      claims('b', run(2, { start: 2 })),
      shows({
        ...{ state: 'running', epoch: 2, starts: 2, usage: { 1: 'unknown' } },
        log: ['1-0 start gpu-box', '2-0 start gpu-box'],
        due: { deadlines: 60_000, leases: 10_000, orphans: 30_000 },
      }),
    ],
  },
  {
    name: 'an expired lease after output is never taken over: the stream was interrupted',
    steps: [
      ...streaming,
      leaseRunsOut,
      claims('b', done),
      shows({
        ...{
          state: 'ended',
          epoch: 1,
          outcome: 'stream_interrupted',
          body: false,
          usage: { 1: 'unknown' },
          due: {},
        },
        log: ['1-0 start gpu-box', '1-1 data Hel', 'end stream_interrupted'],
      }),
      claims('b', done),
    ],
  },
  {
    name: 'the fourth start of an attempt is refused: the request seems to kill its workers',
    steps: [
      ...running,
      leaseRunsOut,
      claims('b', run(2, { start: 2 })),
      leaseRunsOut,
      claims('c', run(3, { start: 3 })),
      leaseRunsOut,
      claims('d', done),
      shows({
        ...{ state: 'ended', epoch: 3, outcome: 'internal_error', body: false, due: {} },
        usage: { 1: 'unknown', 2: 'unknown', 3: 'unknown' },
      }),
    ],
  },
  {
    name: 'starts are counted per attempt',
    steps: [
      ...running,
      leaseRunsOut,
      claims('b', run(2, { start: 2 })),
      moves(byEpoch(2), placed(2, 1, 1)),
      claims('c', run(3, { attempt: 2, start: 1 }), 2),
    ],
  },
  {
    name: 'a claim after the deadline ends the request',
    steps: [
      accepts(),
      deadlinePasses,
      claims('a', done),
      shows({
        state: 'ended',
        epoch: 0,
        outcome: 'deadline_exceeded',
        log: ['end deadline_exceeded'],
        due: {},
      }),
    ],
  },
  {
    name: 'a claim in the last millisecond still runs',
    steps: [accepts(), advances(59_999), claims('a', run(1, { remainingMs: 1 }))],
  },
  {
    name: 'a claim of an ended request is told that it is done',
    steps: [
      ...running,
      seals(byEpoch(1), completed),
      claims('a', done),
      claims('b', done),
      shows({ epoch: 1 }),
    ],
  },
  {
    name: 'a job of an attempt that does not exist yet is dropped',
    steps: [accepts(), claims('a', done, 2), shows({ state: 'waiting', epoch: 0 })],
  },
  {
    name: 'a job of an earlier attempt is told which job to add, whatever the later one does',
    steps: [
      ...running,
      moves(byEpoch(1), placed(2, 1, 1)),
      claims('b', { kind: 'superseded', ...placed(2, 1, 1) }),
      claims('c', run(2, { attempt: 2, target: 1, trail: ['"503"'] }), 2),
      claims('b', { kind: 'superseded', ...placed(2, 1, 1) }),
      leaseRunsOut,
      lapses({ kind: 'placed', ...placed(2, 2, 1) }),
      claims('b', { kind: 'superseded', ...placed(2, 2, 1) }),
      shows({ state: 'waiting', attempt: 2, epoch: 2, starts: 1 }),
    ],
  },
];
