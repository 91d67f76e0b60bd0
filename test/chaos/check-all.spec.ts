import { describe, expect, it } from '@jest/globals';
import { checkHistories } from './check-all.js';
import type { ClientEvent, ClientHistory, Fault, Histories, UpstreamCall, UsageRow } from './history.js';

/** A request that went well: sent at 0, three tokens of call 1, ended at 1,000. */
const CLIENT: ClientHistory = {
  marker: 'm1',
  stream: true,
  timeoutMs: 5_000,
  kept: 'no',
  apis: ['api-1'],
  sentAt: 0,
  status: 200,
  request: 'req_0_A',
  events: [...tokens(1, 3), [1_000, 'finish', 'stop'], [1_000, 'done', '']],
  ending: 'whole',
  endedAt: 1_000,
};
const KEYED: ClientHistory = { ...CLIENT, kept: 'repeat' };
const CALL: UpstreamCall = {
  number: 1,
  marker: 'm1',
  request: 'req_0_A',
  epoch: 1,
  provider: 'gpu',
  worker: 'worker-1',
  script: 'answer',
  startedAt: 100,
  planned: 3,
  sent: 3,
  firstAt: 200,
  finished: true,
  closedAt: 1_000,
};
const ROW: UsageRow = { request: 'req_0_A', epoch: 1, outcome: 'completed' };
const WELL: Histories = {
  clients: [CLIENT],
  calls: [CALL],
  faults: [],
  rows: [ROW],
  dead: [],
  leftovers: { deadlines: 0 },
  crashes: [],
};

function tokens(call: number, count: number, from = 0): ClientEvent[] {
  return Array.from({ length: count }, (_, nth) => [200 + nth, 'token', `m1/${call}/${from + nth}`]);
}

const client = (over: Partial<ClientHistory>) => ({ clients: [{ ...CLIENT, ...over }] });
const call = (over: Partial<UpstreamCall>) => ({ calls: [{ ...CALL, ...over }] });
/** The worker was lost in the middle: two tokens, then the error. */
const INTERRUPTED: ClientEvent[] = [...tokens(1, 2), [6_000, 'error', 'stream_interrupted']];
const CUT = { finished: false, sent: 2, closedAt: 500 };
const LOST: UsageRow = { ...ROW, outcome: 'unknown' };

function fault(kind: Fault['kind'], process: string, from: number, to = from): Fault {
  return { kind, process, point: 'any', request: '', from, to };
}

function rulesOf(histories: Partial<Histories>): string[] {
  return checkHistories({ ...WELL, ...histories }).map(({ rule }) => rule);
}

describe('the checker keeps quiet about', () => {
  const second: UpstreamCall = {
    ...CALL,
    number: 2,
    epoch: 2,
    worker: 'worker-2',
    startedAt: 5_500,
    closedAt: 6_000,
  };
  const kept: readonly (readonly [name: string, histories: Partial<Histories>])[] = [
    ['an answer that is whole', {}],
    [
      'a stream that its worker’s death interrupted',
      {
        ...client({ events: INTERRUPTED, endedAt: 6_000, timeoutMs: 9_000 }),
        ...call(CUT),
        faults: [fault('kill', 'worker-1', 500)],
        rows: [LOST],
      },
    ],
    [
      'an answer of the second run, after the first was lost before output',
      {
        ...client({
          events: [...tokens(2, 3), [6_000, 'finish', 'stop'], [6_000, 'done', '']],
          endedAt: 6_000,
          timeoutMs: 9_000,
        }),
        calls: [{ ...CALL, finished: false, sent: 0, closedAt: 500 }, second],
        faults: [fault('kill', 'worker-1', 500)],
        rows: [LOST, { ...ROW, epoch: 2 }],
      },
    ],
    [
      'a client that left, and its aborted call',
      {
        ...client({ events: tokens(1, 2), ending: 'left', endedAt: 400 }),
        ...call(CUT),
        rows: [{ ...ROW, outcome: 'aborted' }],
      },
    ],
    [
      'a connection that broke with its api, whose request was found half a minute later',
      {
        ...client({ events: tokens(1, 2), ending: 'broken', endedAt: 400 }),
        ...call({ ...CUT, closedAt: 31_000 }),
        faults: [fault('kill', 'api-1', 400)],
        rows: [{ ...ROW, outcome: 'aborted' }],
      },
    ],
    [
      'an answer that is late by as long as its api was frozen',
      { ...client({ endedAt: 9_000 }), faults: [fault('freeze', 'api-1', 4_000, 8_900)] },
    ],
    [
      'an error before output with a status of its own',
      {
        ...client({ status: 502, events: [[1_000, 'error', 'upstream_error']] }),
        ...call({ script: 'status', finished: false, sent: 0 }),
        rows: [{ ...ROW, outcome: 'failed' }],
      },
    ],
    ['a row for a run that was lost before anybody saw its call', { rows: [ROW, { ...LOST, epoch: 2 }] }],
    [
      'a dead letter’s error',
      { ...client({ status: 500, events: [[9, 'error', 'internal_error']] }), dead: ['req_0_A'] },
    ],
  ];
  it.each(kept)('%s', (_name, histories) => expect(rulesOf(histories)).toEqual([]));
});

describe('the checker finds', () => {
  const planted: readonly (readonly [name: string, rule: string, histories: Partial<Histories>])[] = [
    ['two ends', 'ends-once', client({ events: [...CLIENT.events, [1_001, 'error', 'internal_error']] })],
    [
      'an event behind the end',
      'ends-once',
      client({ events: [...CLIENT.events, [1_001, 'finish', 'stop']] }),
    ],
    ['a response without an end', 'ends-once', client({ events: tokens(1, 3) })],
    ['an empty answer', 'ends-once', client({ events: [] })],
    [
      'a request that never ended',
      'ends-once',
      client({ events: tokens(1, 3), ending: 'open', endedAt: 7_000 }),
    ],
    ['an answer with the status of an error', 'ends-once', client({ status: 502 })],
    [
      'an error with the status of an answer',
      'ends-once',
      client({ stream: false, events: [[9, 'error', 'queue_timeout']] }),
    ],
    ['what is no event', 'ends-once', client({ events: [[1, 'odd', '<html>'], ...CLIENT.events] })],
    ['an end after the deadline', 'in-time', client({ endedAt: 8_100 })],
    ['a lost token', 'one-run', client({ events: [...tokens(1, 1), ...tokens(1, 1, 2)] })],
    ['a doubled token', 'one-run', client({ events: [...tokens(1, 1), ...tokens(1, 2)] })],
    ['two tokens in the wrong order', 'one-run', client({ events: [...tokens(1, 1, 1), ...tokens(1, 1)] })],
    ['a missing beginning', 'one-run', client({ events: tokens(1, 2, 1) })],
    ['tokens of two runs', 'one-run', client({ events: [...tokens(1, 1), ...tokens(2, 1, 1)] })],
    ['a token that no call wrote', 'one-run', client({ events: tokens(7, 3) })],
    ['a token of another client', 'one-run', client({ events: [[9, 'token', 'm2/1/0']] })],
    ['more tokens than there are', 'one-run', client({ events: tokens(1, 4) })],
    [
      'a truncated answer reported as stop',
      'truncated',
      { ...client({ events: [...tokens(1, 2), [9, 'finish', 'stop']] }) },
    ],
    [
      'a truncated answer that is done',
      'truncated',
      { ...client({ events: [...tokens(1, 2), [9, 'done', '']] }) },
    ],
    ['an answer of a call that was cut off', 'truncated', call({ finished: false })],
    ['a whole answer without a finish', 'truncated', client({ events: [...tokens(1, 3), [9, 'done', '']] })],
    ['an end without any token', 'truncated', client({ events: [[9, 'done', '']] })],
    [
      'a call that starts after its client left',
      'cancelled',
      {
        ...client({ events: [], ending: 'left', endedAt: 50 }),
        ...call({ startedAt: 1_100 }),
      },
    ],
    [
      'a call that goes on after its client left',
      'cancelled',
      {
        ...client({ events: tokens(1, 1), ending: 'left', endedAt: 250 }),
        ...call({ closedAt: 6_000 }),
      },
    ],
    [
      'a call that never ends after its client left',
      'cancelled',
      {
        ...client({ events: tokens(1, 1), ending: 'left', endedAt: 250 }),
        ...call({ closedAt: undefined }),
      },
    ],
    [
      'a call for what was given up',
      'given-up',
      {
        ...client({ status: 504, timeoutMs: 900, events: [[1_000, 'error', 'deadline_exceeded']] }),
        ...call({ startedAt: 2_100 }),
      },
    ],
    [
      'two calls at once',
      'one-at-a-time',
      {
        calls: [
          { ...CALL, closedAt: 4_000 },
          { ...CALL, number: 2, epoch: 2, startedAt: 900 },
        ],
      },
    ],
    ['an interruption that nothing explains', 'cause', { ...client({ events: INTERRUPTED }), ...call(CUT) }],
    [
      'an internal error without a dead letter',
      'cause',
      client({ status: 500, events: [[9, 'error', 'internal_error']] }),
    ],
    [
      'a deadline that had not passed',
      'cause',
      client({ status: 504, events: [[9, 'error', 'deadline_exceeded']] }),
    ],
    [
      'a call for what was refused because Redis was away',
      'cause',
      client({ status: 503, events: [[9, 'error', 'redis_unavailable']] }),
    ],
    [
      'a code that no fault of ours brings',
      'cause',
      client({ status: 503, events: [[9, 'error', 'no_worker']] }),
    ],
    [
      'a connection that broke with a living api',
      'cause',
      client({ events: tokens(1, 3), ending: 'broken' }),
    ],
    [
      'two answers to one key',
      'one-execution',
      {
        clients: [
          KEYED,
          { ...KEYED, events: [...tokens(2, 3), [1_000, 'finish', 'stop'], [1_000, 'done', '']] },
        ],
        calls: [CALL, { ...CALL, number: 2, epoch: 2 }],
        rows: [ROW, { ...ROW, epoch: 2 }],
      },
    ],
    [
      'two executions of one key',
      'one-execution',
      {
        clients: [KEYED],
        calls: [CALL, { ...CALL, number: 2, request: 'req_0_B' }],
        rows: [ROW, { ...ROW, request: 'req_0_B' }],
      },
    ],
    [
      'a kept request whose end cannot be told',
      'ends-once',
      {
        ...client({ events: tokens(1, 1), kept: 'resume', ending: 'broken' }),
        faults: [fault('kill', 'api-1', 900)],
      },
    ],
    ['a call without a row', 'usage', { rows: [] }],
    ['two rows for one run', 'usage', { rows: [ROW, LOST] }],
    [
      'a row that says completed for a call that was not',
      'usage',
      {
        ...client({ events: INTERRUPTED }),
        ...call(CUT),
        faults: [fault('kill', 'worker-1', 500)],
      },
    ],
    ['a row for a call that was not made', 'usage', { rows: [ROW, { ...ROW, epoch: 2 }] }],
    ['two calls of one run', 'usage', { calls: [CALL, { ...CALL, number: 2 }] }],
    ['a call without a run', 'usage', call({ epoch: undefined })],
    ['what is left', 'leftover', { leftovers: { leases: 1 } }],
    ['a process that ended by itself', 'crash', { crashes: ['worker-1 ended (1)'] }],
  ];
  it.each(planted)('%s', (_name, rule, histories) => expect(rulesOf(histories)).toContain(rule));
});
