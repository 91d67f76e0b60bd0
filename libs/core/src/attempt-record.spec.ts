import { describe, expect, it } from '@jest/globals';
import { formatTrail, isCall, parseTrail, recordFailure, recordSkip, recordWait } from './attempt-record.js';
import type { Target } from './target.js';

const gpu: Target = { provider: 'gpu-box', model: 'llama', location: 'local', maxQueueWaitMs: 5 };
const openai: Target = { provider: 'openai', model: 'gpt-4o', location: 'cloud' };
const busy = recordFailure(gpu, {
  category: 'backpressure',
  phase: 'headers',
  code: 'rate_limit_exceeded',
  reason: '429',
  retryAfterMs: 3_000,
});
const refused = recordFailure(openai, {
  category: 'fault',
  phase: 'not_sent',
  code: 'upstream_error',
  reason: 'ECONNREFUSED',
});

describe('attempt records', () => {
  it('survive the ledger', () => {
    const beyond = recordFailure(gpu, {
      ...{
        category: 'unsupported',
        phase: 'headers',
        code: 'unsupported_parameter',
        reason: '400, no tools',
      },
      detail: { message: 'their words', param: 'tools' },
    });
    expect(beyond.param).toBe('tools');
    const trail = [busy, refused, beyond, recordWait(gpu, 'no_worker'), recordSkip(gpu, 'open')];
    expect(parseTrail(trail.map((record) => JSON.stringify(record)))).toEqual(trail);
  });

  it('of a newer version count as a plain fault', () => {
    const newer = { ...refused, v: 2, category: 'tired', phase: 'later', code: 'not_yet_known', extra: 1 };
    expect(parseTrail([JSON.stringify(newer)])).toEqual([
      { ...refused, v: 1, category: 'fault', phase: 'possibly_accepted', code: 'upstream_error' },
    ]);
  });

  it('hold nothing of what the upstream said', () => {
    const record = recordFailure(gpu, {
      category: 'caller',
      phase: 'headers',
      code: 'upstream_rejected',
      reason: '400',
      detail: { message: 'their words' },
    });
    expect(JSON.stringify(record)).not.toContain('their words');
  });
});

describe('isCall', () => {
  it('is true only where the upstream was called', () => {
    const trail = [busy, refused, recordWait(gpu, 'no_worker'), recordSkip(gpu, 'cooling')];
    expect(trail.map(isCall)).toEqual([true, true, false, false]);
  });
});

describe('formatTrail', () => {
  it('is a short list', () => {
    expect(formatTrail([busy, refused])).toBe('gpu-box: 429; openai: ECONNREFUSED');
    expect(formatTrail([recordWait(gpu, 'queue_timeout')])).toBe('gpu-box: no free worker');
  });

  it('names the model where a provider comes twice', () => {
    expect(formatTrail([busy, { ...busy, model: 'big' }, refused])).toBe(
      'gpu-box/llama: 429; gpu-box/big: 429; openai: ECONNREFUSED',
    );
  });

  it('says how often the same happened', () => {
    const skipped = recordSkip(gpu, 'cooling');
    expect(formatTrail([busy, skipped, skipped, busy, refused])).toBe(
      'gpu-box: 429 (2 times); gpu-box: cooling down (2 times); openai: ECONNREFUSED',
    );
    expect(formatTrail([recordSkip(gpu, 'open')])).toBe('gpu-box: known to be down');
  });

  it('is bounded', () => {
    const many = Array.from({ length: 11 }, (_, index) => ({ ...refused, provider: `p${index}` }));
    expect(formatTrail(many)).toMatch(/; and 3 more$/);
  });
});
