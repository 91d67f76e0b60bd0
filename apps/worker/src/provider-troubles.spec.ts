import { describe, expect, it } from '@jest/globals';
import type { FailureCategory } from '#core/failure.js';
import { ProviderTroubles } from './provider-troubles.js';

const START = 1_000_000;

function watch() {
  const clock = { now: START };
  const lines: string[] = [];
  const note = (fields: object, message: string) => void lines.push(`${message} ${JSON.stringify(fields)}`);
  const log = { info: note, warn: note, error: note };
  const troubles = new ProviderTroubles('gpu', log, () => clock.now);
  return { troubles, clock, lines };
}

const fault = { category: 'fault', reason: '503' } as const;
const BEGINS = 'the provider fails; told again when it is well {"provider":"gpu","reason":"503"}';

describe('the troubles of a provider', () => {
  it('are told at the first failure and at the end, and not in between', () => {
    const { troubles, clock, lines } = watch();
    troubles.answered();
    expect(troubles.trouble).toBeUndefined();
    for (const ms of [0, 1_000, 20_000]) {
      clock.now = START + ms;
      troubles.failed(fault);
    }
    expect(troubles.trouble).toEqual({ reason: '503', at: START + 20_000 });
    expect(lines).toEqual([BEGINS]);
    clock.now += 10_000;
    troubles.answered();
    expect(troubles.trouble).toBeUndefined();
    expect(lines.slice(1)).toEqual(['the provider is well again {"provider":"gpu","seconds":30}']);
  });

  it('go on while calls fail now and then', () => {
    const { troubles, clock, lines } = watch();
    for (let second = 0; second < 60; second++) {
      clock.now += 1_000;
      if (second % 2 === 0) troubles.failed(fault);
      else troubles.answered();
    }
    expect(lines).toEqual([BEGINS]);
    expect(troubles.trouble).toBeDefined();
  });

  it.each<FailureCategory>(['caller', 'context', 'credential', 'backpressure', 'unusable'])(
    'are none of the category %s',
    (category) => {
      const { troubles, lines } = watch();
      troubles.failed({ category, reason: '429' });
      expect(troubles.trouble).toBeUndefined();
      expect(lines).toEqual([]);
    },
  );

  it('begin with nobody at its address, and end when somebody is', () => {
    const { troubles, lines } = watch();
    troubles.looked({});
    troubles.looked({ away: true });
    troubles.looked({ away: true });
    expect(troubles.trouble?.reason).toBe('nobody answers at its address');
    troubles.looked({});
    expect(troubles.trouble).toBeUndefined();
    expect(lines).toHaveLength(2);
  });

  it('do not end because it says what it offers, if it was a call that failed', () => {
    const { troubles } = watch();
    troubles.failed(fault);
    troubles.looked({});
    expect(troubles.trouble?.reason).toBe('503');
  });
});
