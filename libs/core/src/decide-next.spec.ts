import { describe, expect, it } from '@jest/globals';
import { recordFailure, recordWait } from './attempt-record.js';
import type { AttemptRecord } from './attempt-record.js';
import { decideNext, toSeconds } from './decide-next.js';
import type { AttemptFailed, Verdict } from './decide-next.js';
import { errorMessage } from './errors.js';
import type { Failure } from './failure.js';
import { azure, failed, gpu, kinds, openai } from './testing/failed-attempt.js';

function decide(failure: Failure, rest: Partial<AttemptFailed> = {}): Verdict {
  return decideNext(failed(failure, rest));
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
  it.each(['refused', 'broken', 'silent', 'truncated', 'busy', 'denied', 'absent', 'beyond'] as const)(
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

describe('decideNext on what a target cannot do', () => {
  const { beyond } = kinds;
  const thinking: Failure = {
    ...beyond,
    reason: '400, no such thinking',
    detail: { status: 400, param: 'reasoning_effort' },
  };

  it('names the members, and what to do, once no target can', () => {
    expect(decideLast([thinking, beyond])).toMatchObject({
      code: 'unsupported_parameter',
      params: { param: 'reasoning_effort' },
      message:
        'llama3.2 cannot take `reasoning_effort` and `tools` here: gpu-box: 400, no such thinking; openai: 400, no tools ' +
        '(llama does not support tools). Remove them, or ask for a model whose provider has what is missing.',
    });
  });

  it('names no messages, as nobody can do without them', () => {
    const { message } = decideLast([{ ...beyond, reason: '500, no images', detail: { param: 'messages' } }]);
    expect(message).toMatch(
      /^llama3\.2 cannot take this request here: gpu-box: 500, no images\. Change it, or/,
    );
  });

  it('leaves the last word to those that can, whatever the order', () => {
    expect(decideLast([beyond, kinds.broken]).code).toBe('upstream_error');
    expect(decideLast([kinds.busy, beyond]).code).toBe('rate_limit_exceeded');
    expect(decideLast([kinds.denied, beyond]).code).toBe('upstream_credentials_exhausted');
  });

  it('says that nobody can serve now where the others were not called', () => {
    const trail = [recordWait(openai, 'no_worker')];
    const verdict = decide(beyond, { targets: [gpu, openai], trail });
    expect(verdict).toMatchObject({
      code: 'no_provider_available',
      params: { reason: 'openai: no worker; gpu-box: 400, no tools.' },
    });
  });
});

describe('decideNext with nothing left', () => {
  it('leaves the last word to those that could have served, whatever the order', () => {
    for (const hopeless of [kinds.absent, kinds.denied]) {
      expect(decideLast([kinds.busy, hopeless]).code).toBe('rate_limit_exceeded');
      expect(decideLast([hopeless, kinds.busy]).code).toBe('rate_limit_exceeded');
      expect(decideLast([kinds.silent, hopeless]).code).toBe('upstream_timeout');
    }
    expect(decideLast([kinds.absent, kinds.denied]).code).toBe('upstream_error');
  });

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
      'all overloaded',
      [kinds.overloaded, kinds.overloaded],
      'upstream_error',
      'Every provider that could serve llama3.2 failed: gpu-box: 529; openai: 529.',
    ],
    [
      'one overloaded, one busy',
      [kinds.overloaded, kinds.busy],
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

describe('toSeconds', () => {
  it.each([
    [570_000, 570],
    [1_540, 1.5],
    [300, 0.3],
    [12_600, 13],
    [-5, 0],
  ])('of %i ms is %d', (ms, seconds) => expect(toSeconds(ms)).toBe(seconds));
});
