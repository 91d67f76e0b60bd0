import { accepts, acceptsSameKey, advances, appends, attends, claims, joins, leaseRunsOut } from './steps.js';
import { deadlinePasses, moves, placed, removes, run, running, seals, shows, streaming } from './steps.js';
import { byAnybody, byDeadline, byEpoch, byOrphan, cancelled, completed, done, failed } from './steps.js';
import { renews, settles, type LedgerCase } from './steps.js';

const keepMs = 3_600_000;
const keyed = (fingerprint: string) => ({ keepMs, idempotency: { key: 'k', fingerprint } });

const threeStartsInVain = ['a', 'b', 'c'].flatMap((token, i) => [claims(token, run(i + 1)), leaseRunsOut]);

/** Requests that outlive their reader, and what clients do with them by id or by idempotency key. */
export const keptCases: readonly LedgerCase[] = [
  {
    name: "a request that is kept is nobody's orphan, with a reader or without",
    steps: [
      accepts({ keepMs }),
      shows({ due: { deadlines: 60_000, unplaced: 2_000, waits: 5_000 } }),
      attends(),
      shows({ due: { deadlines: 60_000, unplaced: 2_000, waits: 5_000 } }),
      advances(40_000),
      seals(byOrphan, cancelled, false),
      shows({ state: 'waiting' }),
    ],
  },
  {
    name: 'a request that is kept stays readable for as long as was asked, a plain one for a minute',
    steps: [
      accepts({ keepMs }),
      claims('a', run(1)),
      seals(byEpoch(1), completed),
      shows({ state: 'ended', ttl: keepMs, body: false }),
    ],
  },
  {
    name: 'a plain request stays readable for a minute',
    steps: [...running, seals(byEpoch(1), completed), shows({ ttl: 60_000 })],
  },
  {
    name: 'a reader of a kept request that ended does not shorten its time',
    steps: [
      accepts({ keepMs }),
      seals(byDeadline, failed('deadline_exceeded'), false),
      deadlinePasses,
      seals(byDeadline, failed('deadline_exceeded')),
      attends(),
      shows({ ttl: keepMs }),
    ],
  },
  {
    name: 'a reader has its minute even where less was asked',
    steps: [
      accepts({ keepMs: 5_000 }),
      claims('a', run(1)),
      seals(byEpoch(1), completed),
      attends(),
      shows({ ttl: 60_000 }),
    ],
  },
  {
    name: 'a cancel ends a request that is kept',
    steps: [
      accepts({ keepMs }),
      claims('a', run(1)),
      seals(byAnybody, cancelled),
      shows({ outcome: 'cancelled', ttl: keepMs }),
    ],
  },
  {
    name: 'the body of a kept request that killed its workers stays, so that it can be tried again',
    steps: [
      accepts({ keepMs }),
      ...threeStartsInVain,
      claims('d', done),
      shows({ outcome: 'internal_error', body: true }),
    ],
  },
  {
    name: 'the body of a plain request that killed its workers goes',
    steps: [
      accepts(),
      ...threeStartsInVain,
      claims('d', done),
      shows({ outcome: 'internal_error', body: false }),
    ],
  },
  {
    name: 'a replica joins the readers, once, and learns where the request stands',
    steps: [
      ...running,
      joins('api-2', { state: 'running', stream: true, keepMs: null, attempt: 1, provider: 'gpu-box' }),
      joins('api-2', { state: 'running' }),
      joins('api-1', { state: 'running' }),
      shows({ readers: ['api-1', 'api-2'] }),
    ],
  },
  {
    name: "a replica whose name begins another's joins all the same",
    steps: [accepts(), joins('api', { state: 'waiting' }), shows({ readers: ['api-1', 'api'] })],
  },
  {
    name: 'a request that ended or moved on says so',
    steps: [
      accepts({ keepMs, stream: false }),
      claims('a', run(1)),
      moves(byEpoch(1), placed(2, 1, 1)),
      joins('api-2', { state: 'waiting', attempt: 2, provider: 'openai' }),
      seals(byAnybody, cancelled),
      joins('api-2', { state: 'ended', outcome: 'cancelled', stream: false, keepMs }),
    ],
  },
  {
    name: 'a request that was never accepted can be neither joined nor removed',
    steps: [joins('api-2', null), removes(false), shows({ state: 'unknown' })],
  },
  {
    name: 'a removal cancels a request that runs and forgets what its client sent and got',
    steps: [
      accepts({ keepMs }),
      claims('a', run(1)),
      appends(1, 1, 'Hel'),
      removes(),
      removes(),
      shows({ state: 'ended', outcome: 'cancelled', body: false, log: [], ttl: 60_000 }),
      joins('api-2', null),
      attends(false),
      renews(1, 'ended'),
      appends(1, 2, 'lo', false),
      claims('a', done),
      settles(1),
      shows({ usage: { 1: '{"tokens":7}' } }),
    ],
  },
  {
    name: 'a removal of a request that ended keeps its outcome from everybody',
    steps: [
      accepts({ keepMs }),
      claims('a', run(1)),
      seals(byEpoch(1), completed, true, { last: { seq: 1, text: 'Hello' } }),
      removes(),
      shows({ outcome: 'completed', log: [], ttl: 60_000 }),
      joins('api-2', null),
    ],
  },
  {
    name: 'the same idempotency key and body attach to the request while it waits, runs and when it completed',
    steps: [
      accepts(keyed('f1')),
      acceptsSameKey(keyed('f1'), 'attached'),
      claims('a', run(1)),
      acceptsSameKey(keyed('f1'), 'attached'),
      seals(byEpoch(1), completed),
      acceptsSameKey(keyed('f1'), 'attached'),
      shows({ outcome: 'completed', epoch: 1 }),
    ],
  },
  {
    name: 'the same idempotency key with another body is a conflict while its request waits, runs and when it completed',
    steps: [
      accepts(keyed('f1')),
      acceptsSameKey(keyed('f2'), 'conflict'),
      claims('a', run(1)),
      acceptsSameKey(keyed('f2'), 'conflict'),
      seals(byEpoch(1), completed),
      acceptsSameKey(keyed('f2'), 'conflict'),
      shows({ outcome: 'completed' }),
    ],
  },
  {
    name: 'a resent accept with an idempotency key is accepted again',
    steps: [accepts(keyed('f1')), accepts(keyed('f1')), claims('a', run(1)), accepts(keyed('f1'))],
  },
  {
    name: 'what failed may be tried again under the same idempotency key',
    steps: [
      accepts(keyed('f1')),
      claims('a', run(1)),
      seals(byEpoch(1), failed('upstream_error')),
      acceptsSameKey(keyed('f2'), 'accepted'),
      shows({ state: 'waiting', epoch: 0, log: [] }),
      acceptsSameKey(keyed('f1'), 'conflict'),
      acceptsSameKey(keyed('f2'), 'attached'),
    ],
  },
  {
    name: 'what was cancelled or removed may be sent again under the same idempotency key',
    steps: [
      accepts(keyed('f1')),
      seals(byAnybody, cancelled),
      acceptsSameKey(keyed('f1'), 'accepted'),
      claims('a', run(1)),
      seals(byEpoch(1), completed),
      removes(),
      acceptsSameKey(keyed('f2'), 'accepted'),
      shows({ state: 'waiting', epoch: 0 }),
    ],
  },
  {
    name: 'a full queue refuses what would begin, not what would attach',
    steps: [
      accepts(keyed('f1')),
      acceptsSameKey({ ...keyed('f1'), maxWaiting: 0 }, 'attached'),
      seals(byAnybody, cancelled),
      acceptsSameKey({ ...keyed('f1'), maxWaiting: 0 }, 'queue_full'),
      shows({ outcome: 'cancelled' }),
      acceptsSameKey(keyed('f1'), 'accepted'),
    ],
  },
  {
    name: 'a plain request that ended after output is read by its id alone',
    steps: [...streaming, seals(byEpoch(1), completed), joins('api-2', { state: 'ended', keepMs: null })],
  },
];
