import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isCall, recordFailure, recordSkip } from './attempt-record.js';
import type { AttemptRecord } from './attempt-record.js';
import { decideNext, decideSkipped } from './decide-next.js';
import type { Failure, Phase } from './failure.js';
import { waitFor } from './health.js';
import { RETRIES_MAX, RETRY_BUDGET, SKIPS_MAX } from './next-target.js';
import { targetKey } from './target-key.js';
import type { Target } from './target.js';
import { failed, healthOf, kinds } from './testing/failed-attempt.js';

const phases: readonly Phase[] = ['not_sent', 'possibly_accepted', 'headers', 'visible'];
/** The same value so often: what a constant among others weighs. */
const many = <Value>(value: Value, count: number): Value[] => Array.from({ length: count }, () => value);

const failure = fc
  .record({
    // Mostly busy, else a request is over before it comes to its limits.
    kind: fc.oneof(
      { weight: 20, arbitrary: fc.constant(kinds.busy) },
      { weight: 1, arbitrary: fc.constantFrom(...Object.values(kinds)) },
    ),
    phase: fc.constantFrom(...phases, ...many('headers' as const, 12)),
    retryAfterMs: fc.constantFrom(undefined, undefined, undefined, 0, 700, 3_000, 200_000),
  })
  .map(({ kind, phase, retryAfterMs }): Failure => {
    const wait = kind.category === 'backpressure' && retryAfterMs !== undefined ? { retryAfterMs } : {};
    return { ...kind, phase, ...wait };
  });
const target = fc.record(
  {
    provider: fc.constantFrom('a', 'b', 'c'),
    model: fc.constantFrom('m', 'n'),
    location: fc.constant('cloud' as const),
    maxQueueWaitMs: fc.constantFrom(0, 1_500, 60_000, 60_000),
  },
  { requiredKeys: ['provider', 'model', 'location'] },
);
const plan = fc.uniqueArray(target, { selector: targetKey, minLength: 1, maxLength: 4 });
const ms = fc.constantFrom(...many(0, 12), 400, 2_000, 60_000);

/** What one worker meets: what is known of health, whether it loses the probe to another, and how its call fails. */
const moment = fc.record({
  down: fc.record({ a: ms, b: ms, c: ms }),
  cooling: fc.array(ms, { minLength: 4, maxLength: 4 }),
  losesProbe: fc.integer({ max: 5, min: 0 }).map((roll) => roll === 0),
  failure,
  load: fc.constantFrom(
    undefined,
    { active: 4, retrying: 2 },
    { active: 4, retrying: 3 },
    { active: 90, retrying: 17 },
  ),
});
type Moment = typeof moment extends fc.Arbitrary<infer Value> ? Value : never;

interface Life {
  readonly trail: readonly AttemptRecord[];
  readonly broken: readonly string[];
  readonly retries: number;
}

/** What happens to the attempts of a request until it fails, and which rules a verdict broke. */
function live(targets: readonly Target[], moments: readonly Moment[], maxDelayMs: number): Life {
  const trail: AttemptRecord[] = [];
  const broken: string[] = [];
  const rule = (holds: boolean, name: string) => void (holds || broken.push(name));
  let [current, retries, remainingMs] = [0, 0, 100_000];
  for (let step = 0; step < 500; step += 1) {
    const now = moments[step % moments.length];
    const placed = targets[current];
    if (!now || !placed) throw new Error('Outside the plan.');
    const health = healthOf(
      now.down,
      targets.map((each, index) => [each, now.cooling[index] ?? 0]),
    );
    const facts = {
      targets,
      current,
      trail: [...trail],
      remainingMs,
      health,
      limits: { maxDelayMs, load: now.load },
    };
    const why = waitFor(placed, health).why ?? (now.losesProbe ? 'open' : undefined);
    const over = failed(now.failure, facts);
    const verdict = why ? decideSkipped({ ...over, why }) : decideNext(over);
    const before = trail.map(targetKey);
    trail.push(why ? recordSkip(placed, why) : recordFailure(placed, now.failure));
    if (verdict.action === 'fail') return { trail, broken, retries };
    const next = targets[verdict.target];
    const own = trail.filter((record) => isCall(record) && next && targetKey(record) === targetKey(next));
    rule(why !== undefined || now.failure.phase !== 'visible', 'went on after output');
    rule(why !== undefined || now.failure.category !== 'caller', 'went on after a refusal');
    rule(remainingMs > 0, 'went on after the deadline');
    if (verdict.action === 'fallback') {
      rule(own.length === 0 && verdict.target !== current, 'fell back to a tried target');
      rule(
        next !== undefined && waitFor(next, health).ms === 0,
        'fell back to a target that is not to be called',
      );
    } else {
      retries += 1;
      const { afterMs } = verdict;
      rule(
        own.every(({ category }) => category === 'backpressure'),
        'a retry after more than backpressure',
      );
      rule(verdict.counts === own.length > 0, 'counts what is no retry, or the reverse');
      rule(afterMs <= maxDelayMs && afterMs < (next?.maxQueueWaitMs ?? Infinity), 'waited too long');
      rule(afterMs >= waitFor(next ?? placed, health).ms && afterMs > 0, 'did not wait for long enough');
      rule(afterMs < remainingMs, 'waited past the deadline');
      const room = Math.max(RETRY_BUDGET.floor, (now.load?.active ?? 0) * RETRY_BUDGET.share);
      rule(!verdict.counts || (now.load !== undefined && now.load.retrying < room), 'above the retry budget');
      remainingMs -= afterMs;
    }
    rule(before.length < 400, 'no end');
    current = verdict.target;
  }
  throw new Error('It did not end.');
}

describe('a request whose targets come and go', () => {
  it('ends within its limits, whatever happens', () => {
    let [waited, atLimit] = [0, 0];
    fc.assert(
      fc.property(
        plan,
        fc.array(moment, { minLength: 12, maxLength: 12 }),
        fc.constantFrom(0, 5_000, 30_000, 30_000, 30_000),
        (targets, moments, maxDelayMs) => {
          const { trail, broken, retries } = live(targets, moments, maxDelayMs);
          const calls = trail.filter(isCall);
          expect(broken).toEqual([]);
          expect(calls.length).toBeLessThanOrEqual(targets.length + RETRIES_MAX);
          expect(trail.length - calls.length).toBeLessThanOrEqual(SKIPS_MAX + 1);
          expect(retries === 0 || maxDelayMs > 0).toBe(true);
          if (retries > 0) waited += 1;
          if (calls.length - new Set(calls.map(targetKey)).size === RETRIES_MAX) atLimit += 1;
        },
      ),
      { numRuns: 1_500 },
    );
    expect(waited).toBeGreaterThan(50);
    expect(atLimit).toBeGreaterThan(0);
  });
});
