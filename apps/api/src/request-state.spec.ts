import { describe, expect, it } from '@jest/globals';
import type { EndEntry, RequestState } from '#core/ledger/transitions.js';
import { describeRequestState } from './request-state.js';

const state: RequestState = {
  application: 'web',
  state: 'waiting',
  stream: false,
  keepMs: null,
  model: 'm',
  createdAt: 1_700_000_000_999,
  deadlineAt: 1_700_000_060_000,
  attempt: 2,
  provider: 'box',
};

const end: EndEntry = {
  v: 1,
  outcome: 'completed',
  code: null,
  params: {},
  trail: [],
  attempts: 2,
  queueMs: 1,
  firstOutputMs: 2,
  totalMs: 3,
};

const known = {
  id: 'req_0_X',
  object: 'request',
  model: 'm',
  stream: false,
  created: 1_700_000_000,
  deadline: 1_700_000_060,
  attempts: 2,
  provider: 'box',
  error: null,
};

function describeState(
  ...[over, ended]: [Partial<RequestState>, Parameters<typeof describeRequestState>[2]?]
): unknown {
  return JSON.parse(describeRequestState('req_0_X', { ...state, ...over }, ended));
}

describe('describeRequestState', () => {
  it('tells the place in the queue, and an estimate once there is one', () => {
    expect(describeState({ position: 3 })).toEqual({ ...known, status: 'queued', ended: null, position: 3 });
    expect(describeState({ position: 3, paceMs: 400.2 })).toMatchObject({ position: 3, eta_ms: 1_201 });
    expect(describeState({ state: 'running' })).toEqual({ ...known, status: 'in_progress', ended: null });
  });

  it.each([
    ['completed', 'completed'],
    ['failed', 'failed'],
    ['cancelled', 'cancelled'],
  ] as const)('calls what was %s %s', (outcome, status) => {
    const ended = { end: { ...end, outcome }, body: Buffer.from('{}') };
    expect(describeState({ state: 'ended', outcome, endedAt: 1_700_000_001_500 }, ended)).toMatchObject({
      status,
      ended: 1_700_000_001,
    });
  });

  it('puts the answer in as it is, and none of a stream or of a failure', () => {
    const body = Buffer.from('{"n": 1.0, "é": "“”"}');
    const over = { ...state, state: 'ended', outcome: 'completed' } as const;
    expect(describeRequestState('req_0_X', over, { end, body })).toMatch(
      /,"response":\{"n": 1\.0, "é": "“”"\}\}$/,
    );
    expect(describeState({ ...over, stream: true }, { end, body })).not.toHaveProperty('response');
    const failed = { ...end, outcome: 'failed', code: 'no_worker', params: { waited: 15 } } as const;
    expect(describeState({ ...over, outcome: 'failed' }, { end: failed, body })).toEqual({
      ...known,
      status: 'failed',
      ended: null,
      error: {
        message: 'No worker that serves m was alive within 15 s.',
        type: 'server_error',
        param: null,
        code: 'no_worker',
      },
    });
  });

  it('does not break on a code of a later version', () => {
    const failed = { ...end, outcome: 'failed', code: 'made_later' as 'no_worker' } as const;
    const told = describeState({ state: 'ended', outcome: 'failed' }, { end: failed, body: Buffer.alloc(0) });
    expect(told).toMatchObject({ status: 'failed', error: { code: 'internal_error' } });
  });
});
