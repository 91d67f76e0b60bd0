import { accepts, advances, claims, lapses, moves, placed, releases, run, running } from './steps.js';
import { byAnybody, byDeadline, byEpoch, cancelled, completed, deadlinePasses, failed } from './steps.js';
import { leaseRunsOut, removes, seals, settles, shows, streaming, writesOff } from './steps.js';
import type { LedgerCase } from './steps.js';

const row = '{"tokens":7}';
const last = { last: { seq: 2, text: 'lo' } };
const sealedLog = ['1-0 start gpu-box', '1-1 data Hel', '1-2 data lo', 'end completed'];

/** One row for each upstream call, or the mark that none was made, however its run was ended. */
export const usageCases: readonly LedgerCase[] = [
  {
    name: 'a run that was cancelled has a lease of time to say what its call cost',
    steps: [
      ...streaming,
      advances(1_000),
      seals(byAnybody, cancelled),
      shows({ state: 'ended', usage: {}, unsettled: { 1: 6_000 }, due: {} }),
      advances(4_999),
      writesOff(1, false),
      settles(1),
      shows({ usage: { 1: '{"tokens":7}' }, unsettled: {} }),
      writesOff(1, false),
    ],
  },
  {
    name: 'a run that was ended and stays silent is written off, and cannot settle when it wakes',
    steps: [
      ...running,
      deadlinePasses,
      seals(byDeadline, failed('deadline_exceeded')),
      shows({ unsettled: { 1: 65_000 } }),
      leaseRunsOut,
      writesOff(1),
      writesOff(1),
      settles(1, false),
      shows({ usage: { 1: 'unknown' }, unsettled: {} }),
    ],
  },
  {
    name: 'a run that has settled leaves nothing open when it is ended',
    steps: [
      ...running,
      settles(1),
      seals(byAnybody, cancelled),
      shows({ usage: { 1: '{"tokens":7}' }, unsettled: {} }),
      leaseRunsOut,
      writesOff(1, false),
    ],
  },
  {
    name: 'a run that seals itself may settle afterwards',
    steps: [
      ...running,
      seals(byEpoch(1), completed),
      shows({ unsettled: { 1: 5_000 } }),
      settles(1),
      shows({ usage: { 1: '{"tokens":7}' }, unsettled: {} }),
    ],
  },
  {
    name: 'a run that seals and settles in one step owes nothing',
    steps: [
      ...streaming,
      seals(byEpoch(1), completed, true, { ...last, usage: row }),
      seals(byEpoch(1), completed, true, { ...last, usage: row }),
      shows({ ...{ outcome: 'completed', usage: { 1: row }, unsettled: {}, due: {} }, log: sealedLog }),
      settles(1, true, row),
      settles(1, false, null),
      leaseRunsOut,
      writesOff(1, false),
    ],
  },
  {
    name: 'a run that seals and says that it made no call has no row',
    steps: [
      ...running,
      seals(byEpoch(1), failed('upstream_error'), true, { usage: null }),
      shows({ outcome: 'upstream_error', usage: { 1: 'none' }, unsettled: {} }),
      settles(1, false),
    ],
  },
  {
    name: 'a run that settled before does not have a second row from its seal',
    steps: [
      ...streaming,
      settles(1),
      seals(byEpoch(1), completed, true, { ...last, usage: 'another' }),
      shows({ outcome: 'completed', usage: { 1: row }, unsettled: {} }),
    ],
  },
  {
    name: 'a seal that comes after a cancel is refused and settles all the same',
    steps: [
      ...streaming,
      seals(byAnybody, cancelled),
      shows({ usage: {}, unsettled: { 1: 5_000 } }),
      seals(byEpoch(1), completed, false, { ...last, usage: row }),
      shows({ outcome: 'cancelled', usage: { 1: row }, unsettled: {} }),
      leaseRunsOut,
      writesOff(1, false),
    ],
  },
  {
    name: 'a seal with a gap before its last frame is refused and settles all the same',
    steps: [
      ...streaming,
      seals(byEpoch(1), completed, false, { last: { seq: 3, text: '!' }, usage: row }),
      shows({ state: 'running', outcome: null, usage: { 1: row }, unsettled: {} }),
      seals(byEpoch(1), completed, true, { ...last, usage: row }),
      shows({ outcome: 'completed', usage: { 1: row }, unsettled: {} }),
    ],
  },
  {
    name: 'a seal of a run that moved on settles that run, and no other',
    steps: [
      ...running,
      moves(byEpoch(1), placed(2, 1, 1)),
      claims('b', run(2), 2),
      seals(byEpoch(1), completed, false, { usage: row }),
      seals(byEpoch(3), completed, false, { usage: row }),
      shows({ state: 'running', epoch: 2, usage: { 1: row }, unsettled: {} }),
    ],
  },
  {
    name: 'a seal of a run that was lost leaves its call unknown',
    steps: [
      ...running,
      leaseRunsOut,
      claims('b', run(2)),
      seals(byEpoch(1), completed, false, { usage: row }),
      shows({ state: 'running', epoch: 2, usage: { 1: 'unknown' } }),
    ],
  },
  {
    name: 'a run that moved on may settle afterwards, whatever the next one does',
    steps: [
      ...running,
      moves(byEpoch(1), placed(2, 1, 1)),
      claims('b', run(2), 2),
      moves(byEpoch(2), placed(3, 1, 0), 0),
      shows({ state: 'waiting', unsettled: { 1: 5_000, 2: 5_000 } }),
      settles(2),
      advances(5_000),
      writesOff(1),
      writesOff(2, false),
      shows({ usage: { 1: 'unknown', 2: '{"tokens":7}' }, unsettled: {} }),
    ],
  },
  {
    name: 'a run that was handed back may settle afterwards',
    steps: [
      ...running,
      releases(1, placed(1, 2, 0)),
      shows({ usage: {}, unsettled: { 1: 5_000 } }),
      settles(1, true, null),
      shows({ usage: { 1: 'none' }, unsettled: {} }),
    ],
  },
  {
    name: 'a claim after the deadline leaves the run that it ends time to settle',
    steps: [
      ...running,
      deadlinePasses,
      claims('b', { kind: 'done' }),
      shows({ state: 'ended', unsettled: { 1: 65_000 } }),
      settles(1),
      shows({ usage: { 1: '{"tokens":7}' } }),
    ],
  },
  {
    name: 'a removal leaves the run that it ends time to settle',
    steps: [
      ...running,
      removes(),
      shows({ unsettled: { 1: 5_000 } }),
      leaseRunsOut,
      writesOff(1),
      settles(1, false),
    ],
  },
  {
    name: 'a run whose lease lapsed is unknown at once',
    steps: [
      ...running,
      leaseRunsOut,
      lapses({ kind: 'placed', ...placed(1, 2, 0) }),
      shows({ usage: { 1: 'unknown' }, unsettled: {} }),
    ],
  },
  {
    name: 'a run that made no call settles without a row, and then has none',
    steps: [
      ...running,
      settles(1, true, null),
      settles(1, true, null),
      settles(1, false),
      shows({ usage: { 1: 'none' } }),
      leaseRunsOut,
      lapses({ kind: 'placed', ...placed(1, 2, 0) }),
      shows({ usage: { 1: 'none' }, unsettled: {} }),
    ],
  },
  {
    name: 'a run that has a row cannot say that it made no call',
    steps: [...running, settles(1), settles(1, false, null), shows({ usage: { 1: '{"tokens":7}' } })],
  },
  {
    name: 'a run that goes on, or never was, is not written off',
    steps: [
      writesOff(1, false),
      accepts(),
      writesOff(1, false),
      claims('a', run(1)),
      leaseRunsOut,
      writesOff(1, false),
      writesOff(2, false),
      shows({ state: 'running', usage: {}, unsettled: {} }),
    ],
  },
];
