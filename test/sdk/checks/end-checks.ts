import { expect } from '@jest/globals';
import { answer, hang, status, stream } from '../../support/upstream-behaviours.js';
import type { Upstream } from '../../support/upstream.js';
import { createGate } from '../../support/upstream-gate.js';
import { dropHere, role, token } from '../../support/upstream-steps.js';
import { ASK } from './scene.js';
import type { Check, Checks } from './scene.js';

/** From a call to the hang-up of a client that leaves at once, ms. */
const LEFT_WITHIN_MS = 2_000;

export const endChecks = {
  error: async (ask, { sdk: { upstream }, errors }) => {
    const before = upstream.calls.length;
    const error = await ask({ ...ASK, model: 'nobody' });
    const expected = { code: 'model_not_found', type: 'invalid_request_error', param: 'model' };
    expect(error).toMatchObject({ name: errors.notFound, status: 404, ...expected });
    expect(error.request).toMatch(/^req_0_/);
    expect(upstream.calls).toHaveLength(before);
  },
  streamError: async (read, { sdk: { upstream }, errors }) => {
    upstream.script(stream(role(), token('half'), dropHere()));
    const { texts, error } = await read(ASK);
    expect(texts).toEqual(['half']);
    expect(error).toMatchObject({ name: errors.midStream, code: 'stream_interrupted' });
  },
  leave: async (leave, { sdk: { upstream } }) => {
    const before = upstream.calls.length;
    const gate = createGate();
    gate.release(1);
    upstream.script(answer('one two', { gate }));
    await leave(ASK);
    await expectHangUp(upstream, before + 1);
  },
  cancel: async (cancel, { sdk: { upstream } }) => {
    const before = upstream.calls.length;
    upstream.script(hang());
    const asked = upstream.waitForCall(before + 1);
    await cancel(ASK, asked);
    await expectHangUp(upstream, before + 1);
  },
  retry: async (ask, { sdk: { upstream } }) => {
    const before = upstream.calls.length;
    upstream.script(status(429, { retryAfter: '1' }), answer('second try'));
    expect(await ask({ ...ASK, model: 'lonely' })).toBe('second try');
    const [first, second] = upstream.calls.slice(before);
    expect(Number(second?.startedAt) - Number(first?.startedAt)).toBeGreaterThanOrEqual(900);
  },
  noRetry: async (ask, { sdk: { upstream }, errors }) => {
    const before = upstream.calls.length;
    upstream.script(status(500));
    const error = await ask({ ...ASK, model: 'refused' });
    expect(error).toMatchObject({ name: errors.failed, status: 502, code: 'upstream_error' });
    expect(upstream.calls).toHaveLength(before + 1);
  },
} satisfies Partial<Checks>;

/** What SDKs do that go by the status alone: a call that may have been billed is made again. */
export const retriesAnyway: Check<'noRetry'> = async (ask, { sdk: { upstream }, errors }) => {
  const before = upstream.calls.length;
  upstream.script(status(500), status(500));
  const error = await ask({ ...ASK, model: 'refused' });
  expect(error).toMatchObject({ name: errors.failed, status: 502, code: 'upstream_error' });
  expect(upstream.calls).toHaveLength(before + 2);
};

/** The upstream was hung up on, soon after the n-th call came: clients that leave do so at its first token or before. */
export async function expectHangUp(upstream: Upstream, number: number): Promise<void> {
  const call = await upstream.waitForCall(number);
  expect((await upstream.waitForHangUp(call)) - call.startedAt).toBeLessThan(LEFT_WITHIN_MS);
}
