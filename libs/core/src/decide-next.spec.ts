import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { recordFailure } from './attempt-record.js';
import type { AttemptRecord } from './attempt-record.js';
import { decideNext, toSeconds } from './decide-next.js';
import type { AttemptFailed, Verdict } from './decide-next.js';
import { decideWaiting } from './decide-waiting.js';
import { errorMessage } from './errors.js';
import type { Failure, Phase } from './failure.js';
import { targetKey } from './target-key.js';
import type { Target } from './target.js';

const gpu: Target = { provider: 'gpu-box', model: 'llama', location: 'local' };
const openai: Target = { provider: 'openai', model: 'gpt-4o-mini', location: 'cloud' };
const azure: Target = { provider: 'azure', model: 'gpt-4o', location: 'cloud' };

const kinds = {
  refused: { category: 'fault', phase: 'not_sent', code: 'upstream_error', reason: 'ECONNREFUSED' },
  broken: { category: 'fault', phase: 'headers', code: 'upstream_error', reason: '503' },
  silent: {
    category: 'fault',
    phase: 'possibly_accepted',
    code: 'upstream_timeout',
    reason: 'first token timeout',
  },
  truncated: {
    category: 'fault',
    phase: 'headers',
    code: 'upstream_truncated',
    reason: 'ended without a finish',
  },
  busy: { category: 'backpressure', phase: 'headers', code: 'rate_limit_exceeded', reason: '429' },
  denied: { category: 'credential', phase: 'headers', code: 'upstream_credentials_exhausted', reason: '401' },
  absent: { category: 'unusable', phase: 'headers', code: 'model_not_found', reason: '404' },
  tooLong: {
    category: 'context',
    phase: 'headers',
    code: 'context_length_exceeded',
    reason: '400, context length',
  },
  bad: {
    category: 'caller',
    phase: 'headers',
    code: 'upstream_rejected',
    reason: '422',
    detail: { status: 422, message: 'no such role', param: 'messages[0].role' },
  },
} as const satisfies Record<string, Failure>;

function decide(failure: Failure, rest: Partial<AttemptFailed> = {}): Verdict {
  return decideNext({
    failure,
    targets: [gpu, openai],
    current: 0,
    trail: [],
    model: 'llama3.2',
    stream: true,
    remainingMs: 60_000,
    timeoutMs: 570_000,
    ...rest,
  });
}

/** All targets of a plan fail in turn; the verdict on the last. */
function decideLast(failures: readonly Failure[]): { code: string; message: string; params: object } {
  const targets = [gpu, openai, azure].slice(0, failures.length);
  const records = failures.map((failure, index) => recordFailure(targets[index] ?? gpu, failure));
  const last = failures.at(-1);
  if (last === undefined) throw new Error('No failures given.');
  const verdict = decide(last, { targets, current: targets.length - 1, trail: records.slice(0, -1) });
  if (verdict.action !== 'fail') throw new Error('It fell back.');
  return { ...verdict, message: errorMessage(verdict.code, verdict.params) };
}

describe('decideNext', () => {
  it.each(['refused', 'broken', 'silent', 'truncated', 'busy', 'denied', 'absent'] as const)(
    'falls back before the first output when the provider was %s',
    (kind) => expect(decide(kinds[kind])).toEqual({ action: 'fallback', target: 1 }),
  );

  it('passes over a target that was tried', () => {
    const trail = [recordFailure(openai, kinds.broken)];
    expect(decide(kinds.broken, { targets: [gpu, openai, azure], trail })).toEqual({
      action: 'fallback',
      target: 2,
    });
  });

  it('fails with the same words when the answer broke off after output, whatever the cause', () => {
    expect(decide({ ...kinds.broken, phase: 'visible' })).toEqual({
      action: 'fail',
      code: 'stream_interrupted',
      params: { provider: 'gpu-box', reason: '503' },
    });
  });

  it('calls an answer that just ended truncated, not interrupted', () => {
    expect(decide({ ...kinds.truncated, phase: 'visible' })).toEqual({
      action: 'fail',
      code: 'upstream_truncated',
      params: { provider: 'gpu-box' },
    });
  });

  it('falls back where nobody can have seen the output: without a stream', () => {
    expect(decide({ ...kinds.broken, phase: 'visible' }, { stream: false })).toEqual({
      action: 'fallback',
      target: 1,
    });
  });

  it('does not fall back for what another provider would refuse too', () => {
    const verdict = decide(kinds.bad);
    expect(verdict).toMatchObject({
      action: 'fail',
      code: 'upstream_rejected',
      params: { param: 'messages[0].role' },
    });
    expect(verdict.action === 'fail' && errorMessage(verdict.code, verdict.params)).toBe(
      'The provider gpu-box refused the request as invalid (status 422): no such role',
    );
  });

  it('says who refused a request for its size or content', () => {
    const size = decideLast([
      { category: 'caller', phase: 'headers', code: 'request_too_large', reason: '413' },
    ]);
    expect(size.message).toBe('The request is larger than the size that gpu-box accepts.');
    const content = decideLast([{ ...kinds.bad, code: 'content_policy_violation' }]);
    expect(content.message).toBe('The provider gpu-box refused the content by its policy.');
  });

  it('ends at the deadline instead of falling back', () => {
    expect(decide(kinds.broken, { remainingMs: 0 })).toEqual({
      action: 'fail',
      code: 'deadline_exceeded',
      params: { seconds: 570 },
    });
  });

  it('knows only the targets of the plan', () => {
    expect(() => decide(kinds.broken, { current: 2 })).toThrow(RangeError);
  });
});

describe('decideNext on a prompt too long', () => {
  const short = { ...gpu, contextTokens: 8_000 };
  const long = { ...azure, contextTokens: 128_000 };

  it('falls back only to a longer context', () => {
    expect(
      decide(kinds.tooLong, {
        targets: [short, openai, { ...openai, model: 'x', contextTokens: 8_000 }, long],
      }),
    ).toEqual({
      action: 'fallback',
      target: 3,
    });
    expect(decide(kinds.tooLong, { targets: [gpu, openai, long] })).toEqual({
      action: 'fallback',
      target: 2,
    });
  });

  it('fails where none is longer', () => {
    const verdict = decide(kinds.tooLong, { targets: [long, openai, short] });
    expect(verdict).toEqual({
      action: 'fail',
      code: 'context_length_exceeded',
      params: { model: 'gpt-4o', provider: 'azure' },
    });
  });

  it('does not go to a shorter one later, when the longer one failed otherwise', () => {
    const trail = [recordFailure(short, kinds.tooLong)];
    const verdict = decide(kinds.broken, { targets: [short, long, openai], current: 1, trail });
    expect(verdict).toMatchObject({ code: 'upstream_error' });
  });
});

describe('decideNext with nothing left', () => {
  const busyFor = (retryAfterMs: number): Failure => ({ ...kinds.busy, retryAfterMs });

  it.each<[string, readonly Failure[], string, string]>([
    [
      'all credentials',
      [kinds.denied, kinds.denied],
      'upstream_credentials_exhausted',
      'No provider for llama3.2 accepted its credential: gpu-box: 401; openai: 401.',
    ],
    [
      'all busy',
      [busyFor(9_000), kinds.busy, busyFor(2_100)],
      'rate_limit_exceeded',
      'Every provider for llama3.2 is busy or rate-limiting; try again in 3 s.',
    ],
    [
      'busy for an unknown time',
      [kinds.busy],
      'rate_limit_exceeded',
      'Every provider for llama3.2 is busy or rate-limiting; try again in 1 s.',
    ],
    [
      'all without the model',
      [kinds.absent, kinds.absent],
      'model_not_found',
      'The model llama3.2 is not available here. Available: see GET /v1/models (gpu-box: 404; openai: 404).',
    ],
    [
      'all silent',
      [kinds.silent, kinds.silent],
      'upstream_timeout',
      'No provider answered in time: gpu-box: first token timeout; openai: first token timeout.',
    ],
    [
      'one truncated',
      [kinds.truncated],
      'upstream_truncated',
      'The answer of gpu-box ended before it was complete.',
    ],
    [
      'several truncated',
      [kinds.truncated, kinds.truncated],
      'upstream_error',
      'Every provider that could serve llama3.2 failed: gpu-box: ended without a finish; openai: ended without a finish.',
    ],
    [
      'all unreachable',
      [kinds.refused],
      'upstream_error',
      'Every provider that could serve llama3.2 failed: gpu-box: ECONNREFUSED.',
    ],
    [
      'a mixture',
      [kinds.broken, kinds.busy, kinds.refused],
      'upstream_error',
      'Every provider that could serve llama3.2 failed: gpu-box: 503; openai: 429; azure: ECONNREFUSED.',
    ],
    [
      'a fault and silence',
      [kinds.silent, kinds.broken],
      'upstream_error',
      'Every provider that could serve llama3.2 failed: gpu-box: first token timeout; openai: 503.',
    ],
  ])('%s', (_, failures, code, message) => expect(decideLast(failures)).toMatchObject({ code, message }));

  it('judges by the calls that were made, and shows the queues that were left too', () => {
    const trail: AttemptRecord[] = [
      {
        v: 1,
        provider: 'gpu-box',
        model: 'llama',
        location: 'local',
        category: 'waited',
        phase: 'not_sent',
        reason: 'no worker',
        code: 'no_worker',
      },
    ];
    expect(decide(kinds.denied, { current: 1, trail })).toEqual({
      action: 'fail',
      code: 'upstream_credentials_exhausted',
      params: { model: 'llama3.2', trail: 'gpu-box: no worker; openai: 401' },
    });
  });
});

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
    const verdict = decide(failure, { targets, current, trail: [...trail] });
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
        const verdict = decide(failure, moment);
        const visible = stream && failure.phase === 'visible';
        if (visible || failure.category === 'caller' || remainingMs <= 0) expect(verdict.action).toBe('fail');
        if (visible && verdict.action === 'fail') {
          expect(['stream_interrupted', 'upstream_truncated']).toContain(verdict.code);
        }
      }),
    );
  });

  it('never falls back to a tried target, to itself, or out of the plan', () => {
    fc.assert(
      fc.property(anyMoment, (moment) => {
        const verdict = decide(moment.failure, moment);
        if (verdict.action === 'fail') return;
        const next = moment.targets[verdict.target];
        expect(next).toBeDefined();
        expect(verdict.target).toBeGreaterThan(moment.current);
        expect(moment.trail.map(targetKey)).not.toContain(next && targetKey(next));
      }),
    );
  });

  it('fills every place of the message it fails with', () => {
    fc.assert(
      fc.property(anyMoment, (moment) => {
        const verdict = decide(moment.failure, moment);
        if (verdict.action === 'fail')
          expect(errorMessage(verdict.code, verdict.params)).not.toContain('unknown');
      }),
    );
  });
});

describe('toSeconds', () => {
  it.each([
    [570_000, 570],
    [1_540, 1.5],
    [300, 0.3],
    [12_600, 13],
    [-5, 0],
  ])('of %i ms is %d', (ms, seconds) => expect(toSeconds(ms)).toBe(seconds));
});
