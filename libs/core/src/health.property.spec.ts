import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { claimProbe, FAULTS_IN_SILENCE, holdsProbe, noteCall, noteCoolDown } from './health.js';
import type { Breaker, CallResult, CoolDown } from './health.js';

const T = 1_800_000_000_000;
const answered: CallResult = { kind: 'answered' };
const fault: CallResult = { kind: 'fault' };
const busy: CallResult = { kind: 'busy' };
const nothing: CallResult = { kind: 'nothing' };

describe('health, whatever is told', () => {
  const busyFor = fc
    .nat({ max: 400_000 })
    .map((retryAfterMs): CallResult => ({ kind: 'busy', retryAfterMs }));
  const result = fc.oneof(
    // Else five faults in a row would hardly ever come.
    { weight: 40, arbitrary: fc.constant(fault) },
    { weight: 3, arbitrary: fc.constantFrom(answered, busy, nothing) },
    { weight: 1, arbitrary: busyFor },
  );
  const call = fc.record({
    result,
    request: fc.constantFrom('a', 'b', 'c'),
    later: fc.nat({ max: 8_000 }),
    tries: fc.boolean(),
  });

  it('opens for faults only, lets one probe through at a time, and never shortens a live cool-down', () => {
    let opened = 0;
    let probes = 0;
    fc.assert(
      fc.property(fc.array(call, { minLength: 20, maxLength: 60 }), (calls) => {
        let breaker: Breaker | undefined;
        let coolDown: CoolDown | undefined;
        let now = T;
        const broken: string[] = [];
        const rule = (holds: boolean, name: string) => void (holds || broken.push(name));
        for (const { result: told, request, later, tries } of calls) {
          now += later;
          const claimed = tries ? claimProbe(breaker, { request, now }) : breaker;
          if (claimed !== breaker) {
            probes += 1;
            rule((breaker?.open?.until ?? Infinity) <= now, 'a probe before half-open');
            rule((breaker?.open?.probe?.until ?? 0) <= now, 'two probes at once');
          }
          const probe = holdsProbe(claimed, request);
          breaker = noteCall(claimed, { result: told, request, now, probe });
          if (breaker?.open && !claimed?.open) {
            opened += 1;
            rule(told.kind === 'fault' && breaker.faults >= FAULTS_IN_SILENCE, 'opened for nothing');
          }
          rule(probe || !claimed?.open || breaker?.open !== undefined, 'closed without a probe');
          const before = coolDown?.until ?? 0;
          coolDown = noteCoolDown(coolDown, { result: told, now });
          rule(before <= now || (coolDown?.until ?? 0) >= before, 'a cool-down was shortened');
          rule((coolDown?.until ?? 0) - now <= 300_000, 'a cool-down above the limit');
        }
        expect(broken).toEqual([]);
      }),
      { numRuns: 300 },
    );
    expect(Math.min(opened, probes)).toBeGreaterThan(20);
  });
});
