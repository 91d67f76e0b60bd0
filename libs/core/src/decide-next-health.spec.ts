import { describe, expect, it } from '@jest/globals';
import { recordFailure, recordSkip } from './attempt-record.js';
import { decideNext, decideSkipped } from './decide-next.js';
import type { AttemptFailed, Verdict } from './decide-next.js';
import { errorMessage } from './errors.js';
import type { Failure } from './failure.js';
import { SKIPS_MAX } from './next-target.js';
import { azure, failed, gpu, healthOf, kinds, openai } from './testing/failed-attempt.js';

function decide(failure: Failure, rest: Partial<AttemptFailed> = {}): Verdict {
  return decideNext(failed(failure, rest));
}

describe('decideNext with health in mind', () => {
  const patient = { maxDelayMs: 30_000, load: { active: 10, retrying: 0 } };
  const busyFor = (retryAfterMs: number): Failure => ({ ...kinds.busy, retryAfterMs });
  const plan = [gpu, openai, azure];

  it('passes over targets that are known to be down or cool down', () => {
    const health = healthOf({ openai: 500 });
    expect(decide(kinds.broken, { targets: plan, health })).toEqual({ action: 'fallback', target: 2 });
    const cooling = healthOf({}, [[openai, 500]]);
    expect(decide(kinds.broken, { targets: plan, health: cooling })).toEqual({
      action: 'fallback',
      target: 2,
    });
  });

  it('goes back to one that it skipped and that is well again', () => {
    const trail = [recordSkip(gpu, 'open')];
    expect(decide(kinds.broken, { current: 1, trail })).toEqual({ action: 'fallback', target: 0 });
  });

  it('waits for a busy target where none is left', () => {
    const retry = { action: 'retry', target: 0, afterMs: 2_000, counts: true };
    const health = healthOf({}, [[gpu, 1_999.2]]);
    expect(decide(kinds.busy, { targets: [gpu], limits: patient, health })).toEqual(retry);
    expect(decide(busyFor(2_000), { targets: [gpu], limits: patient })).toEqual(retry);
    expect(decide(kinds.busy, { targets: [gpu], limits: patient })).toMatchObject({ afterMs: 250 });
  });

  it('waits for the target that is free soonest, called or not', () => {
    const trail = [recordFailure(gpu, kinds.busy)];
    const health = healthOf({ azure: 300 }, [
      [gpu, 900],
      [openai, 5_000],
    ]);
    const last = { targets: plan, current: 1, trail, limits: patient };
    expect(decide(kinds.busy, { ...last, health })).toEqual({
      action: 'retry',
      target: 2,
      afterMs: 300,
      counts: false,
    });
    const down = healthOf({ azure: 60_000 }, [[gpu, 900]]);
    expect(decide(kinds.broken, { ...last, health: down })).toEqual({
      action: 'retry',
      target: 0,
      afterMs: 900,
      counts: true,
    });
  });

  it.each<[string, Failure, Partial<AttemptFailed>]>([
    ['a fault: it may have been billed', kinds.broken, {}],
    ['a refused credential', kinds.denied, {}],
    ['a missing model', kinds.absent, {}],
    ['a wait above maxRetryDelayMs', busyFor(30_001), {}],
    ['a wait where waiting is switched off', kinds.busy, { limits: { ...patient, maxDelayMs: 0 } }],
    ['a wait of maxQueueWaitMs', busyFor(500), { targets: [{ ...gpu, maxQueueWaitMs: 500 }] }],
    ['a wait that leaves no time for a call', busyFor(2_000), { remainingMs: 3_000 }],
    ['a wait above the budget', kinds.busy, { limits: { ...patient, load: { active: 10, retrying: 3 } } }],
    ['a wait above the share', kinds.busy, { limits: { ...patient, load: { active: 100, retrying: 20 } } }],
    ['a wait without a known budget', kinds.busy, { limits: { maxDelayMs: 30_000 } }],
    [
      'a fourth retry',
      kinds.busy,
      { trail: Array.from({ length: 3 }, () => recordFailure(gpu, kinds.busy)) },
    ],
  ])('does not call again after %s', (_, failure, rest) => {
    expect(decide(failure, { targets: [gpu], limits: patient, ...rest })).toMatchObject({ action: 'fail' });
  });

  it('calls again up to the limits themselves', () => {
    const trail = Array.from({ length: 2 }, () => recordFailure(gpu, kinds.busy));
    const load = { active: 100, retrying: 19 };
    const verdict = decide(busyFor(30_000), { targets: [gpu], trail, limits: { ...patient, load } });
    expect(verdict).toEqual({ action: 'retry', target: 0, afterMs: 30_000, counts: true });
  });

  it('says when the first of them is free', () => {
    const health = healthOf({ openai: 4_100 }, [[gpu, 9_000]]);
    expect(decide(kinds.busy, { health })).toMatchObject({
      code: 'rate_limit_exceeded',
      params: { seconds: 5 },
    });
  });

  it('waits for the longer context that cools down, and says so where it may not wait', () => {
    const [short, long] = [
      { ...gpu, contextTokens: 8_000 },
      { ...azure, contextTokens: 128_000 },
    ];
    const health = healthOf({}, [[long, 700]]);
    const rest = { targets: [short, openai, long], health };
    expect(decide(kinds.tooLong, { ...rest, limits: patient })).toEqual({
      action: 'retry',
      target: 2,
      afterMs: 700,
      counts: false,
    });
    expect(decide(kinds.tooLong, rest)).toMatchObject({ code: 'upstream_error' });
  });
});

describe('decideSkipped', () => {
  const skip = (why: 'open' | 'cooling', rest: Partial<AttemptFailed> = {}) =>
    decideSkipped({ ...failed(kinds.broken, rest), why });

  it('falls back, or waits, without a call and without the budget', () => {
    const health = healthOf({ 'gpu-box': 800 });
    expect(skip('open', { health })).toEqual({ action: 'fallback', target: 1 });
    const limits = { maxDelayMs: 30_000 };
    expect(skip('open', { targets: [gpu], health, limits })).toEqual({
      action: 'retry',
      target: 0,
      afterMs: 800,
      counts: false,
    });
  });

  it('tries again soon where another has the probe', () => {
    const limits = { maxDelayMs: 30_000 };
    expect(skip('open', { targets: [gpu], limits })).toMatchObject({ action: 'retry', afterMs: 250 });
  });

  it.each([
    [
      'open',
      { 'gpu-box': 4_200 },
      'no_provider_available',
      5,
      /No provider for llama3.2 .*: gpu-box: known to be down\.$/,
    ],
    ['cooling', {}, 'rate_limit_exceeded', 1, /Every provider for llama3.2 is busy .* in 1 s\.$/],
  ] as const)('fails where it may not wait: %s', (why, down, code, seconds, message) => {
    const verdict = skip(why, { targets: [gpu], health: healthOf(down) });
    expect(verdict).toMatchObject({ action: 'fail', code, params: { seconds } });
    expect(verdict.action === 'fail' && errorMessage(verdict.code, verdict.params)).toMatch(message);
  });

  it('judges by the calls where there were some', () => {
    const trail = [recordFailure(openai, kinds.denied)];
    const verdict = skip('open', { trail, health: healthOf({ 'gpu-box': 800 }) });
    expect(verdict).toMatchObject({ code: 'upstream_credentials_exhausted' });
  });

  it('ends at the deadline, and after as many attempts without a call as are allowed', () => {
    expect(skip('open', { remainingMs: 0 })).toMatchObject({ code: 'deadline_exceeded' });
    const limits = { maxDelayMs: 30_000 };
    const skipped = (count: number) => Array.from({ length: count }, () => recordSkip(gpu, 'open'));
    const last = skip('open', { targets: [gpu], limits, trail: skipped(SKIPS_MAX - 1) });
    expect(last).toMatchObject({ action: 'retry' });
    const over = skip('open', { limits, trail: skipped(SKIPS_MAX) });
    expect(over).toMatchObject({ code: 'no_provider_available' });
  });

  it('knows only the targets of the plan', () => {
    expect(() => skip('open', { current: 2 })).toThrow(RangeError);
  });
});
