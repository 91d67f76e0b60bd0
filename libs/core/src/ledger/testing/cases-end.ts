import { leaseRunsOut, placed, run, running, streaming } from './steps.js';
import {
  accepts,
  advances,
  appends,
  attends,
  claims,
  lapses,
  moves,
  releases,
  seals,
  shows,
} from './steps.js';
import { byAnybody, byAttempt, byDeadline, byEpoch, byOrphan, cancelled, completed } from './steps.js';
import { deadlinePasses, done, failed, renews, settles, type LedgerCase } from './steps.js';

/** How a request ends: once, and only by whoever may end it. */
export const endCases: readonly LedgerCase[] = [
  {
    name: 'a seal logs the last frame and the end, forgets the prompt and every watch',
    steps: [
      ...streaming,
      seals(byEpoch(1), completed, true, { last: { seq: 2, text: 'lo' } }),
      shows({
        ...{ state: 'ended', outcome: 'completed', body: false, visible: true, due: {}, trail: [] },
        log: ['1-0 start gpu-box', '1-1 data Hel', '1-2 data lo', 'end completed'],
      }),
    ],
  },
  {
    name: 'a resent seal is acknowledged and logged once',
    steps: [
      ...running,
      seals(byEpoch(1), completed, true, { last: { seq: 1, text: 'Hello' } }),
      seals(byEpoch(1), completed, true, { last: { seq: 1, text: 'Hello' } }),
      shows({ log: ['1-0 start gpu-box', '1-1 data Hello', 'end completed'] }),
    ],
  },
  {
    name: 'a seal whose last frame was resent as a frame logs it once',
    steps: [
      ...streaming,
      seals(byEpoch(1), completed, true, { last: { seq: 1, text: 'Hel' } }),
      shows({ log: ['1-0 start gpu-box', '1-1 data Hel', 'end completed'] }),
    ],
  },
  {
    name: 'a seal with a gap before its last frame is refused: it would complete an answer with a hole',
    steps: [
      ...streaming,
      seals(byEpoch(1), completed, false, { last: { seq: 3, text: '!' } }),
      shows({ state: 'running', outcome: null, log: ['1-0 start gpu-box', '1-1 data Hel'] }),
    ],
  },
  {
    name: 'an ended request cannot be sealed by another, nor otherwise',
    steps: [
      ...running,
      seals(byEpoch(1), completed),
      seals(byEpoch(1), failed('upstream_error'), false),
      seals(byAnybody, cancelled, false),
      deadlinePasses,
      seals(byDeadline, failed('deadline_exceeded'), false),
      shows({ outcome: 'completed', log: ['1-0 start gpu-box', 'end completed'] }),
    ],
  },
  {
    name: 'a run of another epoch cannot seal',
    steps: [
      ...running,
      leaseRunsOut,
      claims('b', run(2)),
      seals(byEpoch(1), completed, false, { last: { seq: 1, text: 'stale' } }),
      seals(byEpoch(3), completed, false),
      shows({ state: 'running', epoch: 2, outcome: null }),
    ],
  },
  {
    name: 'a run that was handed back or moved on cannot seal',
    steps: [
      ...running,
      releases(1, placed(1, 2, 0)),
      seals(byEpoch(1), completed, false),
      claims('b', run(2)),
      moves(byEpoch(2), placed(2, 1, 1)),
      seals(byEpoch(2), failed('upstream_error'), false),
      shows({ state: 'waiting', outcome: null }),
    ],
  },
  {
    name: 'the record of the failed attempt that ended it joins the trail, once',
    steps: [
      ...running,
      seals(byEpoch(1), failed('upstream_error'), true, { record: '"503"' }),
      seals(byEpoch(1), failed('upstream_error'), true, { record: '"503"' }),
      shows({
        outcome: 'upstream_error',
        trail: ['"503"'],
        log: ['1-0 start gpu-box', 'end upstream_error'],
      }),
    ],
  },
  {
    name: 'an attempt guard ends an attempt that waits',
    steps: [
      accepts(),
      seals(byAttempt(1), failed('queue_timeout')),
      seals(byAttempt(1), failed('queue_timeout')),
      shows({ state: 'ended', outcome: 'queue_timeout', log: ['end queue_timeout'], due: {} }),
      claims('a', done),
    ],
  },
  {
    name: 'an attempt guard is refused while that attempt runs, and for another attempt',
    steps: [
      accepts(),
      seals(byAttempt(2), failed('queue_timeout'), false),
      claims('a', run(1)),
      seals(byAttempt(1), failed('queue_timeout'), false),
      moves(byEpoch(1), placed(2, 1, 1)),
      seals(byAttempt(1), failed('queue_timeout'), false),
      shows({ state: 'waiting', attempt: 2, outcome: null }),
    ],
  },
  {
    name: 'a deadline guard is refused before the deadline and ends a waiting request after it',
    steps: [
      accepts(),
      advances(59_999),
      seals(byDeadline, failed('deadline_exceeded'), false),
      advances(1),
      seals(byDeadline, failed('deadline_exceeded')),
      seals(byDeadline, failed('deadline_exceeded')),
      shows({ state: 'ended', outcome: 'deadline_exceeded', log: ['end deadline_exceeded'], due: {} }),
    ],
  },
  {
    name: 'the deadline ends a running request too, and its run may still settle',
    steps: [
      ...streaming,
      deadlinePasses,
      seals(byDeadline, failed('deadline_exceeded')),
      appends(1, 2, 'lo', false),
      renews(1, 'ended'),
      settles(1),
      shows({ outcome: 'deadline_exceeded', usage: { 1: '{"tokens":7}' } }),
    ],
  },
  {
    name: 'a run that finishes after the deadline, before anybody sealed, completes',
    steps: [...streaming, deadlinePasses, seals(byEpoch(1), completed), shows({ outcome: 'completed' })],
  },
  {
    name: 'a cancel ends a waiting request, so that no call starts',
    steps: [
      accepts(),
      seals(byAnybody, cancelled),
      seals(byAnybody, cancelled),
      claims('a', done),
      shows({ state: 'ended', epoch: 0, outcome: 'cancelled', log: ['end cancelled'], body: false, due: {} }),
    ],
  },
  {
    name: 'a cancel ends a running request and fences its run',
    steps: [
      ...running,
      seals(byAnybody, cancelled),
      appends(1, 1, 'Hel', false),
      seals(byEpoch(1), completed, false),
      moves(byEpoch(1), null),
      releases(1, null),
      shows({ outcome: 'cancelled', log: ['1-0 start gpu-box', 'end cancelled'], trail: [], due: {} }),
    ],
  },
  {
    name: 'a cancel ends a stream after output',
    steps: [
      ...streaming,
      seals(byAnybody, cancelled),
      claims('a', done),
      shows({ outcome: 'cancelled', log: ['1-0 start gpu-box', '1-1 data Hel', 'end cancelled'] }),
    ],
  },
  {
    name: 'a cancel between two attempts stops the next one',
    steps: [
      ...running,
      moves(byEpoch(1), placed(2, 1, 1)),
      seals(byAnybody, cancelled),
      claims('b', done, 2),
      claims('b', done, 1),
      shows({ outcome: 'cancelled', epoch: 1, trail: ['"503"'] }),
    ],
  },
  {
    name: 'a cancel comes too late for a request that a lapsed lease has ended',
    steps: [
      ...streaming,
      leaseRunsOut,
      lapses({ kind: 'interrupted' }),
      seals(byAnybody, cancelled, false),
      shows({ outcome: 'stream_interrupted' }),
    ],
  },
  {
    name: 'an orphan guard is refused while a reader attends, and cancels after that',
    steps: [
      ...streaming,
      advances(29_999),
      seals(byOrphan, cancelled, false),
      attends(),
      advances(1),
      seals(byOrphan, cancelled, false),
      shows({ due: { deadlines: 60_000, leases: 5_000, orphans: 59_999 } }),
      advances(29_999),
      seals(byOrphan, cancelled),
      seals(byOrphan, cancelled),
      shows({ outcome: 'cancelled', due: {} }),
    ],
  },
  {
    name: 'a reader may attend an ended request without waking it',
    steps: [...running, seals(byEpoch(1), completed), attends(), shows({ state: 'ended', due: {} })],
  },
];
