import { leaseRunsOut, placed, run, running, streaming } from './steps.js';
import {
  accepts,
  advances,
  appends,
  claims,
  moves,
  releases,
  renews,
  seals,
  settles,
  shows,
} from './steps.js';
import { byAnybody, byEpoch, cancelled, completed, deadlinePasses, failed, lapses } from './steps.js';
import type { LedgerCase } from './steps.js';

/** A run's own commands: its lease, its frames, its usage. */
export const frameCases: readonly LedgerCase[] = [
  {
    name: 'a renewal extends the lease from now',
    steps: [
      ...running,
      advances(4_000),
      renews(1, 'ok'),
      shows({ due: { deadlines: 60_000, leases: 9_000, orphans: 30_000 } }),
    ],
  },
  {
    name: 'a late renewal revives a lease that nobody took',
    steps: [
      ...streaming,
      leaseRunsOut,
      advances(1_000),
      renews(1, 'ok'),
      lapses({ kind: 'none' }),
      shows({ state: 'running', epoch: 1, due: { deadlines: 60_000, leases: 11_000, orphans: 30_000 } }),
    ],
  },
  {
    name: 'a renewal is fenced before the first claim, after a takeover and after a move',
    steps: [
      accepts(),
      renews(1, 'fenced'),
      claims('a', run(1)),
      leaseRunsOut,
      claims('b', run(2)),
      renews(1, 'fenced'),
      renews(2, 'ok'),
      moves(byEpoch(2), placed(2, 1, 1)),
      renews(2, 'fenced'),
      shows({ state: 'waiting', due: { deadlines: 60_000, unplaced: 7_000, orphans: 30_000 } }),
    ],
  },
  {
    name: 'a renewal after the deadline says so and extends nothing',
    steps: [
      ...running,
      deadlinePasses,
      renews(1, 'expired'),
      shows({ state: 'running', due: { deadlines: 60_000, leases: 5_000, orphans: 30_000 } }),
    ],
  },
  {
    name: 'a renewal learns of a cancel',
    steps: [...running, seals(byAnybody, cancelled), renews(1, 'ended'), shows({ state: 'ended', due: {} })],
  },
  {
    name: 'frames are logged in order and make a stream visible',
    steps: [
      ...streaming,
      appends(1, 2, 'lo'),
      shows({ visible: true, log: ['1-0 start gpu-box', '1-1 data Hel', '1-2 data lo'] }),
    ],
  },
  {
    name: 'a resent frame is acknowledged and logged once',
    steps: [
      ...streaming,
      appends(1, 1, 'Hel'),
      appends(1, 2, 'lo'),
      appends(1, 1, 'Hel'),
      appends(1, 2, 'lo'),
      shows({ log: ['1-0 start gpu-box', '1-1 data Hel', '1-2 data lo'] }),
    ],
  },
  {
    name: 'a frame after a missing one is refused: logging it would lose a token unseen',
    steps: [
      ...running,
      appends(1, 2, 'lo', false),
      shows({ visible: false, log: ['1-0 start gpu-box'] }),
      appends(1, 1, 'Hel'),
      appends(1, 3, '!', false),
      appends(1, 2, 'lo'),
      shows({ log: ['1-0 start gpu-box', '1-1 data Hel', '1-2 data lo'] }),
    ],
  },
  {
    name: 'frames of an earlier epoch are refused and the new run counts from 1',
    steps: [
      ...running,
      leaseRunsOut,
      claims('b', run(2)),
      appends(1, 1, 'stale', false),
      appends(2, 1, 'Hel'),
      appends(1, 2, 'stale', false),
      appends(3, 1, 'never', false),
      shows({ log: ['1-0 start gpu-box', '2-0 start gpu-box', '2-1 data Hel'] }),
    ],
  },
  {
    name: 'frames are refused while the request waits and after its end',
    steps: [
      accepts(),
      appends(0, 1, 'early', false),
      appends(1, 1, 'early', false),
      claims('a', run(1)),
      releases(1, placed(1, 2, 0)),
      appends(1, 1, 'late', false),
      claims('b', run(2)),
      seals(byEpoch(2), completed),
      appends(2, 1, 'later', false),
      shows({ visible: false, log: ['1-0 start gpu-box', '2-0 start gpu-box', 'end completed'] }),
    ],
  },
  {
    name: 'a frame still counts when the lease ran out but nobody acted on it',
    steps: [...streaming, leaseRunsOut, appends(1, 2, 'lo'), shows({ state: 'running', epoch: 1 })],
  },
  {
    name: 'a request without stream never becomes visible, so a lost run starts again after output too',
    steps: [
      accepts({ stream: false }),
      claims('a', run(1)),
      appends(1, 1, '{"half":'),
      shows({ visible: false }),
      leaseRunsOut,
      lapses({ kind: 'placed', ...placed(1, 2, 0) }),
      claims('b', run(2)),
      seals(byEpoch(2), completed, true, { last: { seq: 1, text: '{}' } }),
      shows({
        ...{ outcome: 'completed', visible: false },
        log: ['1-0 start gpu-box', '1-1 data {"half":', '2-0 start gpu-box', '2-1 data {}', 'end completed'],
      }),
    ],
  },
  {
    name: 'usage is settled once per run',
    steps: [
      ...running,
      settles(1),
      settles(1),
      settles(1, true, '{"tokens":8}'),
      shows({ state: 'running', usage: { 1: '{"tokens":7}' } }),
    ],
  },
  {
    name: 'usage is settled after the seal too, since an aborted call costs',
    steps: [
      ...streaming,
      seals(byAnybody, cancelled),
      settles(1),
      settles(1),
      shows({ outcome: 'cancelled', usage: { 1: '{"tokens":7}' } }),
    ],
  },
  {
    name: 'each run of a request has a usage row of its own',
    steps: [
      ...running,
      moves(byEpoch(1), placed(2, 1, 1)),
      claims('b', run(2), 2),
      settles(2, true, '{"tokens":9}'),
      settles(1),
      shows({ state: 'running', usage: { 1: '{"tokens":7}', 2: '{"tokens":9}' } }),
    ],
  },
  {
    name: 'a run that was lost cannot settle when it wakes',
    steps: [
      ...running,
      leaseRunsOut,
      lapses({ kind: 'placed', ...placed(1, 2, 0) }),
      settles(1, false),
      shows({ usage: { 1: 'unknown' } }),
    ],
  },
  {
    name: 'a run that settled before it was lost keeps its row',
    steps: [
      ...running,
      settles(1),
      leaseRunsOut,
      claims('b', run(2)),
      shows({ usage: { 1: '{"tokens":7}' } }),
    ],
  },
  {
    name: 'a run that never was cannot settle',
    steps: [
      accepts(),
      settles(1, false),
      settles(0, false),
      claims('a', run(1)),
      settles(2, false),
      shows({ usage: {} }),
    ],
  },
  {
    name: 'an answer that failed after output keeps its frames before the end',
    steps: [
      ...streaming,
      seals(byEpoch(1), failed('stream_interrupted'), true, { record: '"ECONNRESET"' }),
      shows({
        ...{ outcome: 'stream_interrupted', trail: ['"ECONNRESET"'] },
        log: ['1-0 start gpu-box', '1-1 data Hel', 'end stream_interrupted'],
      }),
    ],
  },
];
