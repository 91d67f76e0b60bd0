import { describe, expect, it } from '@jest/globals';
import { recordWait } from './attempt-record.js';
import { decideExpired, decideWaiting } from './decide-waiting.js';
import type { AttemptWaiting } from './decide-waiting.js';
import { errorMessage } from './errors.js';
import { HEARTBEAT_TTL_MS } from './fleet.js';
import type { CredentialState, Fleet } from './fleet.js';
import type { Target } from './target.js';
import { healthOf } from './testing/failed-attempt.js';

const gpu: Target = { provider: 'gpu-box', model: 'llama', location: 'local', maxQueueWaitMs: 5_000 };
const patient: Target = { provider: 'gpu-box', model: 'llama', location: 'local' };
const openai: Target = { provider: 'openai', model: 'gpt-4o', location: 'cloud' };
const azure: Target = { provider: 'azure', model: 'gpt-4o', location: 'cloud' };

function fleetOf(workers: Record<string, CredentialState>, unusable: readonly string[] = []): Fleet {
  const providers = Object.entries(workers).map(
    ([name, credential]) =>
      [
        name,
        { name, kind: 'openai-compatible', location: 'cloud', concurrency: 1, models: [], credential },
      ] as const,
  );
  return { providers: new Map(providers), unusable: new Set(unusable) };
}

function decide(rest: Partial<AttemptWaiting>): ReturnType<typeof decideWaiting> {
  return decideWaiting({
    targets: [gpu, openai],
    current: 0,
    trail: [],
    model: 'llama3.2',
    endpoint: 'chat',
    waitedMs: 0,
    providerSilentMs: 0,
    fleet: fleetOf({ 'gpu-box': 'ok', openai: 'ok' }),
    ...rest,
  });
}

const moved = (target: number, code: string): object => ({
  action: 'move',
  target,
  record: { category: 'waited', code },
});
const onlyOpenai = fleetOf({ openai: 'ok' });
const nobody = fleetOf({});
const three = fleetOf({ 'gpu-box': 'ok', openai: 'ok', azure: 'ok' });

describe('decideWaiting', () => {
  it('stays within maxQueueWaitMs', () => {
    expect(decide({ waitedMs: 4_999 })).toEqual({ action: 'stay' });
  });

  it('moves on after it', () => {
    expect(decide({ waitedMs: 5_000 })).toMatchObject(moved(1, 'queue_timeout'));
  });

  it('stays through a restart of the worker, and moves on when nobody comes', () => {
    const rest = { targets: [patient, openai], fleet: onlyOpenai };
    expect(decide({ ...rest, providerSilentMs: HEARTBEAT_TTL_MS - 1 })).toEqual({ action: 'stay' });
    expect(decide({ ...rest, providerSilentMs: HEARTBEAT_TTL_MS })).toMatchObject(moved(1, 'no_worker'));
  });

  it('does not count silence against a provider with a live worker', () => {
    expect(decide({ targets: [patient, openai], providerSilentMs: 1e6 })).toEqual({ action: 'stay' });
  });

  it.each<[string, Fleet]>([
    ['has no worker', fleetOf({ 'gpu-box': 'ok', azure: 'ok' })],
    ['misses its credential', fleetOf({ 'gpu-box': 'ok', openai: 'missing', azure: 'ok' })],
    ['had its credential rejected', fleetOf({ 'gpu-box': 'ok', openai: 'rejected', azure: 'ok' })],
    ['lately lacked the model', fleetOf({ 'gpu-box': 'ok', openai: 'ok', azure: 'ok' }, ['openai/gpt-4o'])],
    ['is known to be down', { ...three, health: healthOf({ openai: 500 }) }],
    ['cools down', { ...three, health: healthOf({}, [[openai, 500]]) }],
  ])('passes over a target that %s', (_, fleet) => {
    expect(decide({ targets: [gpu, openai, azure], waitedMs: 5_000, fleet })).toMatchObject(
      moved(2, 'queue_timeout'),
    );
  });

  it('fails by name when it waited long enough and nothing else can serve', () => {
    const last = { targets: [gpu, openai], waitedMs: 5_000 };
    const busy = decide({ ...last, fleet: fleetOf({ 'gpu-box': 'ok' }) });
    expect(busy).toMatchObject({ action: 'fail', code: 'queue_timeout' });
    expect(busy.action === 'fail' && errorMessage(busy.code, busy.params)).toBe(
      'No worker was free for llama3.2 within 5 s.',
    );
    const dead = decide({ ...last, fleet: nobody });
    expect(dead).toMatchObject({ action: 'fail', code: 'no_worker' });
    expect(dead.action === 'fail' && errorMessage(dead.code, dead.params)).toBe(
      'No worker that serves llama3.2 was alive within 5 s.',
    );
  });

  it('stays on the last target without maxQueueWaitMs, worker or not', () => {
    const last = { targets: [gpu, openai], current: 1, waitedMs: 1e6, providerSilentMs: 1e6 };
    expect(decide({ ...last, fleet: nobody })).toEqual({ action: 'stay' });
    expect(decide(last)).toEqual({ action: 'stay' });
  });

  it('stays to maxQueueWaitMs on the last target, even where its provider is silent', () => {
    const last = { targets: [gpu], providerSilentMs: 1e6, fleet: nobody };
    expect(decide({ ...last, waitedMs: 4_999 })).toEqual({ action: 'stay' });
    expect(decide({ ...last, waitedMs: 5_000 })).toMatchObject({ action: 'fail', code: 'no_worker' });
  });

  it('passes over a target that was tried', () => {
    const trail = [recordWait(openai, 'queue_timeout')];
    const fleet = fleetOf({ 'gpu-box': 'ok', openai: 'ok', azure: 'ok' });
    const rest = { targets: [gpu, openai, azure], waitedMs: 5_000, trail, fleet };
    expect(decide(rest)).toMatchObject(moved(2, 'queue_timeout'));
  });

  it('never goes back', () => {
    const slow = { ...openai, maxQueueWaitMs: 0 };
    expect(decide({ targets: [gpu, slow], current: 1 })).toMatchObject({
      action: 'fail',
      code: 'queue_timeout',
    });
  });

  it('knows only the targets of the plan', () => {
    expect(() => decide({ current: 2 })).toThrow(RangeError);
  });
});

describe('decideExpired', () => {
  const expired = { targets: [gpu, openai], current: 0, model: 'llama3.2', timeoutMs: 2_000 };

  it.each([
    [true, nobody, 'no_worker', 'No worker that serves llama3.2 was alive within 2 s.'],
    [true, onlyOpenai, 'no_worker', 'No worker that serves llama3.2 was alive within 2 s.'],
    [true, fleetOf({ 'gpu-box': 'ok' }), 'deadline_exceeded', 'The request was not finished within its 2 s.'],
    [false, nobody, 'deadline_exceeded', 'The request was not finished within its 2 s.'],
  ])('waiting %s', (waiting, fleet, code, message) => {
    const verdict = decideExpired({ ...expired, waiting, fleet });
    expect(verdict.code).toBe(code);
    expect(errorMessage(verdict.code, verdict.params)).toBe(message);
  });
});
