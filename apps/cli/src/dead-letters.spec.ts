import { describe, expect, it } from '@jest/globals';
import type { ListedLetter } from '#broker/dead-letters.js';
import { explainRefusal, formatLetters } from './dead-letters.js';

const letter: ListedLetter = {
  ...{ request: 'req_0_A', application: 'web', model: 'm', provider: 'gpu', attempt: 1, starts: 3 },
  ...{ at: 1, kept: true, agoMs: 61_000, retry: 'yes' },
};

describe('formatLetters', () => {
  it('shows each with whether it can be tried again', () => {
    const plain = {
      ...letter,
      request: 'req_0_B',
      application: null,
      kept: false,
      retry: 'not_kept',
    } as const;
    expect(formatLetters([letter, plain])).toEqual([
      'request  given up   application  model  provider  starts  retry',
      'req_0_A  1 min ago  web          m      gpu       3       yes',
      'req_0_B  1 min ago  -            m      gpu       3       not kept',
    ]);
  });

  it('says that there are none', () => expect(formatLetters([])).toEqual(['no dead letters']));
});

describe('explainRefusal', () => {
  it('says why, and what there is to do', () => {
    expect(explainRefusal({ kind: 'unknown' })).toMatch(/list/);
    expect(explainRefusal({ kind: 'not_kept' })).toMatch(/plain request.*Idempotency-Key/);
    expect(explainRefusal({ kind: 'gone' })).toMatch(/keepMs/);
    expect(explainRefusal({ kind: 'queue_full', provider: 'gpu', waiting: 7 })).toMatch(
      /7 requests wait for gpu/,
    );
  });
});
