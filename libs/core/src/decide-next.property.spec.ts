import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { recordFailure } from './attempt-record.js';
import type { AttemptRecord } from './attempt-record.js';
import { decideNext } from './decide-next.js';
import { decideWaiting } from './decide-waiting.js';
import { errorMessage } from './errors.js';
import type { Failure, Phase } from './failure.js';
import { targetKey } from './target-key.js';
import type { Target } from './target.js';
import { failed, kinds } from './testing/failed-attempt.js';

const phases: readonly Phase[] = ['not_sent', 'possibly_accepted', 'headers', 'visible'];
const anyFailure = fc
  .record({ kind: fc.constantFrom(...Object.values(kinds)), phase: fc.constantFrom(...phases) })
  .map(({ kind, phase }): Failure => ({ ...kind, phase }));
const anyTarget = fc.record(
  {
    provider: fc.constantFrom('a', 'b', 'c', 'd'),
    model: fc.constantFrom('m', 'n'),
    location: fc.constantFrom('local' as const, 'cloud' as const),
    contextTokens: fc.constantFrom(1, 2, 3),
    maxQueueWaitMs: fc.constantFrom(0, 100),
  },
  { requiredKeys: ['provider', 'model', 'location'] },
);
const anyPlan = fc.uniqueArray(anyTarget, { selector: targetKey, minLength: 1, maxLength: 8 });

/** What happens to the attempts of one request, until it fails; `waits` says which of them no worker takes. */
function live(targets: readonly Target[], failures: readonly Failure[], waits: readonly boolean[]): number[] {
  const fleet = {
    providers: new Map(
      ['a', 'b', 'c'].map((name) => [
        name,
        {
          name,
          kind: 'demo',
          location: 'local' as const,
          concurrency: 1,
          models: [],
          credential: 'ok' as const,
        },
      ]),
    ),
    unusable: new Set<string>(),
  };
  const visited: number[] = [];
  const trail: AttemptRecord[] = [];
  let current = 0;
  for (let step = 0; step < 50; step += 1) {
    visited.push(current);
    const target = targets[current];
    const failure = failures[step % failures.length];
    if (target === undefined || failure === undefined) throw new Error('Outside the plan.');
    if (waits[step % waits.length]) {
      const moved = decideWaiting({
        targets,
        current,
        trail,
        model: 'm',
        endpoint: 'chat',
        waitedMs: 1e6,
        providerSilentMs: 1e6,
        fleet,
      });
      if (moved.action === 'fail') return visited;
      if (moved.action === 'move') {
        trail.push(moved.record);
        current = moved.target;
        continue;
      }
    }
    const verdict = decideNext(failed(failure, { targets, current, trail: [...trail] }));
    trail.push(recordFailure(target, failure));
    if (verdict.action === 'fail') return visited;
    current = verdict.target;
  }
  throw new Error('It did not end.');
}

describe('decideNext, whatever happens', () => {
  it('ends within as many attempts as there are targets, each tried once', () => {
    const many = fc.array(anyFailure, { minLength: 8, maxLength: 8 });
    const waits = fc.array(fc.boolean(), { minLength: 8, maxLength: 8 });
    fc.assert(
      fc.property(anyPlan, many, waits, (targets, failures, wait) => {
        const visited = live(targets, failures, wait);
        expect(visited.length).toBeLessThanOrEqual(targets.length);
        expect(new Set(visited).size).toBe(visited.length);
      }),
    );
  });

  const anyMoment = anyPlan.chain((targets) =>
    fc.record({
      targets: fc.constant(targets),
      current: fc.nat({ max: targets.length - 1 }),
      failure: anyFailure,
      trail: fc
        .subarray([...targets])
        .chain((tried) =>
          fc.tuple(...tried.map((target) => anyFailure.map((failure) => recordFailure(target, failure)))),
        ),
      stream: fc.boolean(),
      remainingMs: fc.integer({ min: -5, max: 50 }),
    }),
  );

  it('never falls back after output of a stream, for the caller’s mistake, or after the deadline', () => {
    fc.assert(
      fc.property(anyMoment, (moment) => {
        const { failure, stream, remainingMs } = moment;
        const verdict = decideNext(failed(failure, moment));
        const visible = stream && failure.phase === 'visible';
        const over = visible || failure.category === 'caller' || remainingMs <= 0;
        expect(over && verdict.action === 'fallback').toBe(false);
        const interrupted =
          verdict.action === 'fail' && /^(stream_interrupted|upstream_truncated)$/.test(verdict.code);
        expect(visible && !interrupted).toBe(false);
      }),
    );
  });

  it('never falls back to a tried target, to itself, or out of the plan', () => {
    let fallbacks = 0;
    fc.assert(
      fc.property(anyMoment, (moment) => {
        const verdict = decideNext(failed(moment.failure, moment));
        if (verdict.action === 'fail') return;
        fallbacks += 1;
        const next = moment.targets[verdict.target];
        expect(next).toBeDefined();
        expect(verdict.target).not.toBe(moment.current);
        expect(moment.trail.map(targetKey)).not.toContain(next && targetKey(next));
      }),
      { numRuns: 300 },
    );
    expect(fallbacks).toBeGreaterThan(20);
  });

  it('fills every place of the message it fails with', () => {
    fc.assert(
      fc.property(anyMoment, (moment) => {
        const verdict = decideNext(failed(moment.failure, moment));
        const message = verdict.action === 'fail' ? errorMessage(verdict.code, verdict.params) : '';
        expect(message).not.toContain('unknown');
      }),
    );
  });
});
