import { describe, expect, it } from '@jest/globals';
import {
  ANSWER_NOTED_MS,
  breakerState,
  claimProbe,
  COOL_DOWN_FORGOTTEN_MS,
  FAULTS_IN_SILENCE,
  FAULTS_MAX,
  holdsProbe,
  isForgotten,
  judgeFailure,
  noteCall,
  noteCoolDown,
  PROBE_MS,
  SILENT_MS,
  waitFor,
} from './health.js';
import type { Breaker, CallResult, CoolDown, Health } from './health.js';
import { gpu, kinds, openai } from './testing/failed-attempt.js';

const T = 1_800_000_000_000;
const answered: CallResult = { kind: 'answered' };
const fault: CallResult = { kind: 'fault' };
const busy: CallResult = { kind: 'busy' };
const nothing: CallResult = { kind: 'nothing' };

function note(breaker: Breaker | undefined, result: CallResult, now: number, probe = false) {
  return noteCall(breaker, { result, now, request: 'r', probe });
}

/** So many faults, one a millisecond from `from` on. */
function faults(count: number, from: number, breaker?: Breaker): Breaker | undefined {
  let after = breaker;
  for (let n = 0; n < count; n += 1) after = note(after, fault, from + n);
  return after;
}

function healthOf(breaker: Breaker | undefined, now: number, coolDown?: CoolDown): Health {
  return {
    now,
    breakers: new Map(breaker ? [['gpu-box', breaker]] : []),
    coolDowns: new Map(coolDown ? [['gpu-box/llama', coolDown]] : []),
  };
}

/** Opened at T, half-open from T + 1 000 on. */
const open: Breaker = {
  v: 1,
  faults: 5,
  answeredAt: 0,
  open: { until: T + 1_000, forMs: 1_000 },
};

describe('a failed call', () => {
  it.each([
    ['refused', fault],
    ['broken', fault],
    ['silent', fault],
    ['truncated', fault],
    ['busy', busy],
    ['denied', nothing],
    ['absent', answered],
    ['tooLong', answered],
    ['bad', answered],
  ] as const)('that was %s counts', (kind, result) => expect(judgeFailure(kinds[kind])).toEqual(result));

  it('that was busy says for how long', () => {
    expect(judgeFailure({ ...kinds.busy, retryAfterMs: 7 })).toEqual({ kind: 'busy', retryAfterMs: 7 });
  });
});

describe('a breaker', () => {
  it('opens after five faults in a row of a provider that never answered', () => {
    const before = faults(FAULTS_IN_SILENCE - 1, T);
    expect(before?.open).toBeUndefined();
    expect(note(before, fault, T + 9)?.open).toEqual({ until: T + 1_009, forMs: 1_000 });
  });

  it('opens after five where the last answer is five seconds old, else after fifteen', () => {
    const healthy = note(undefined, answered, T);
    const late = T + SILENT_MS;
    expect(faults(4, late, healthy)?.open).toBeUndefined();
    expect(faults(5, late, healthy)?.open).toBeDefined();
    expect(faults(FAULTS_MAX - 1, T + 1, healthy)?.open).toBeUndefined();
    expect(faults(FAULTS_MAX, T + 1, healthy)?.open).toBeDefined();
  });

  it('counts only faults in a row: an answer, a refusal or a busy provider ends them', () => {
    for (const result of [answered, busy]) {
      const after = note(faults(4, T), result, T + 10);
      expect(after).toEqual({ v: 1, faults: 0, answeredAt: T + 10 });
    }
  });

  it('is untouched by what says nothing of the provider', () => {
    const before = faults(4, T);
    expect(note(before, nothing, T + 10)).toBe(before);
  });

  it('never opens for backpressure', () => {
    let breaker: Breaker | undefined;
    for (let n = 0; n < 100; n += 1) breaker = note(breaker, busy, T + n * 1_000);
    expect(breaker?.open).toBeUndefined();
  });

  it('notes an answer once a second: health costs no command per request', () => {
    const first = note(undefined, answered, T);
    expect(note(first, answered, T + ANSWER_NOTED_MS - 1)).toBe(first);
    expect(note(first, answered, T + ANSWER_NOTED_MS)).toEqual({
      v: 1,
      faults: 0,
      answeredAt: T + ANSWER_NOTED_MS,
    });
  });

  it('stays as it is for calls that began before it opened', () => {
    expect(note(open, fault, T + 500)).toBe(open);
    expect(note(open, answered, T + 500)).toBe(open);
    expect(note(open, nothing, T + 500)).toBe(open);
  });

  it('is open, then half-open, then closed', () => {
    expect(breakerState(undefined, T)).toBe('closed');
    expect(breakerState(open, T + 999)).toBe('open');
    expect(breakerState(open, T + 1_000)).toBe('half-open');
  });
});

describe('a probe', () => {
  const now = T + 1_000;
  const claim = (breaker: Breaker | undefined, request: string, at = now) =>
    claimProbe(breaker, { request, now: at });

  it('is not to be had while the breaker is closed or open', () => {
    const closed = faults(1, T);
    expect(claim(undefined, 'a')).toBeUndefined();
    expect(claim(closed, 'a')).toBe(closed);
    expect(claim(open, 'a', T + 999)).toBe(open);
  });

  it('is one at a time', () => {
    const first = claim(open, 'a');
    expect([holdsProbe(first, 'a'), holdsProbe(first, 'b')]).toEqual([true, false]);
    expect(claim(first, 'b', now + PROBE_MS - 1)).toBe(first);
    expect(holdsProbe(claim(first, 'b', now + PROBE_MS), 'b')).toBe(true);
  });

  it('closes the breaker with an answer, busy or not', () => {
    for (const result of [answered, busy]) {
      const probed = claim(open, 'r');
      expect(note(probed, result, now + 50, true)).toEqual({ v: 1, faults: 0, answeredAt: now + 50 });
    }
  });

  it('that fails opens it for twice as long, up to 30 s', () => {
    let breaker: Breaker | undefined = open;
    const times: (number | undefined)[] = [];
    let at = now;
    for (let n = 0; n < 7; n += 1) {
      breaker = note(claim(breaker, 'r', at), fault, at, true);
      times.push(breaker?.open?.forMs);
      expect(breaker?.open?.probe).toBeUndefined();
      at = breaker?.open?.until ?? 0;
    }
    expect(times).toEqual([2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
  });

  it('that is aborted leaves the next one to another', () => {
    const left = note(claim(open, 'r'), nothing, now, true);
    expect(left).toEqual(open);
    expect(holdsProbe(claim(left, 'b'), 'b')).toBe(true);
  });

  it('that was given up speaks for itself all the same when it is answered, and no longer when it fails', () => {
    const taken = claim(claim(open, 'r'), 'b', now + PROBE_MS);
    expect(note(taken, fault, now + PROBE_MS + 1, true)).toBe(taken);
    expect(note(taken, answered, now + PROBE_MS + 1, true)?.open).toBeUndefined();
  });
});

describe('a cool-down', () => {
  const after = (coolDown: CoolDown | undefined, result: CallResult, now: number) =>
    noteCoolDown(coolDown, { result, now });
  const busyFor = (retryAfterMs: number): CallResult => ({ kind: 'busy', retryAfterMs });

  it('lasts as long as the provider says, 300 s at most', () => {
    expect(after(undefined, busyFor(7_000), T)).toMatchObject({ until: T + 7_000 });
    expect(after(undefined, busyFor(1e12), T)).toMatchObject({ until: T + 300_000 });
    expect(after(undefined, busyFor(-5), T)).toMatchObject({ until: T });
  });

  it('is replaced by a longer one, never by a shorter one', () => {
    const long = after(undefined, busyFor(60_000), T);
    expect(after(long, busyFor(1_000), T)).toBe(long);
    expect(after(long, busy, T)).toBe(long);
    expect(after(long, answered, T)).toBe(long);
    expect(after(long, busyFor(90_000), T)).toMatchObject({ until: T + 90_000 });
  });

  it('doubles to 30 s while it comes again without a time and without an answer between', () => {
    let coolDown: CoolDown | undefined;
    const lengths: number[] = [];
    let at = T;
    for (let n = 0; n < 7; n += 1) {
      coolDown = after(coolDown, busy, at);
      const until = coolDown?.until ?? 0;
      lengths.push(until - at);
      at = until;
    }
    expect(lengths).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
    expect(after(coolDown, answered, at)).toBeUndefined();
    expect(after(undefined, busy, at)).toMatchObject({ until: at + 1_000 });
  });

  it('is one for all calls that were under way when it began', () => {
    const first = after(undefined, busy, T);
    expect(after(first, busy, T + 5)).toBe(first);
  });

  it('stays for what says nothing of it, and is forgotten a minute after its end', () => {
    const first = after(undefined, busy, T);
    expect(after(first, fault, T + 5_000)).toBe(first);
    expect(after(first, nothing, T + 5_000)).toBe(first);
    const late = T + 1_000 + COOL_DOWN_FORGOTTEN_MS;
    expect([isForgotten(first, late - 1), isForgotten(first, late), isForgotten(undefined, late)]).toEqual([
      false,
      true,
      false,
    ]);
    expect(after(first, busy, late)).toMatchObject({ until: late + 1_000 });
  });
});

describe('waitFor', () => {
  it('is nothing where nothing is known', () => {
    expect(waitFor(gpu, undefined)).toEqual({ ms: 0 });
    expect(waitFor(openai, healthOf(open, T, { v: 1, until: T + 9, nextMs: 1 }))).toEqual({ ms: 0 });
  });

  it('is the time to half-open, for all models of a provider; then any call may try for the probe', () => {
    expect(waitFor(gpu, healthOf(open, T + 400))).toEqual({ ms: 600, why: 'open' });
    expect(waitFor({ ...gpu, model: 'x' }, healthOf(open, T + 400))).toEqual({ ms: 600, why: 'open' });
    expect(waitFor(gpu, healthOf(open, T + 1_000))).toEqual({ ms: 0 });
  });

  it('is a second while a probe is under way', () => {
    const probed = claimProbe(open, { request: 'a', now: T + 1_000 });
    expect(waitFor(gpu, healthOf(probed, T + 1_001))).toEqual({ ms: 1_000, why: 'open' });
    expect(waitFor(gpu, healthOf(probed, T + 1_000 + PROBE_MS))).toEqual({ ms: 0 });
  });

  it('is the rest of the cool-down, of that model only', () => {
    const coolDown = { v: 1, until: T + 7_000, nextMs: 1_000 } as const;
    expect(waitFor(gpu, healthOf(undefined, T, coolDown))).toEqual({ ms: 7_000, why: 'cooling' });
    expect(waitFor({ ...gpu, model: 'x' }, healthOf(undefined, T, coolDown))).toEqual({ ms: 0 });
    expect(waitFor(gpu, healthOf(undefined, T + 7_000, coolDown))).toEqual({ ms: 0 });
    expect(waitFor(gpu, healthOf(open, T, coolDown))).toEqual({ ms: 7_000, why: 'open' });
  });
});
