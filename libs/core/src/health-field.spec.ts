import { describe, expect, it } from '@jest/globals';
import { readBreaker, readCoolDown, readHealth } from './health-field.js';
import type { Breaker, CoolDown } from './health.js';

const breaker: Breaker = {
  v: 1,
  faults: 5,
  answeredAt: 7,
  open: { until: 9, forMs: 1_000, probe: { request: 'req_0_X', until: 10 } },
};
const coolDown: CoolDown = { v: 1, until: 9, nextMs: 2_000 };

describe('health as it is stored', () => {
  it('is read as it was written', () => {
    expect(readBreaker(JSON.stringify(breaker))).toEqual(breaker);
    expect(readCoolDown(JSON.stringify(coolDown))).toEqual(coolDown);
  });

  it('of a newer version is read as far as it is known', () => {
    expect(readBreaker(JSON.stringify({ ...breaker, v: 2, more: 1 }))).toEqual(breaker);
  });

  it.each(['', '{', 'null', '7', '{"v":1}', '{"faults":"many"}'])(
    'that cannot be read is none: %s',
    (text) => {
      expect(readBreaker(text)).toBeUndefined();
      expect(readCoolDown(text)).toBeUndefined();
    },
  );

  it('is a breaker by provider, and a cool-down by target', () => {
    const fields = new Map([
      ['gpu', JSON.stringify(breaker)],
      ['gpu/org/llama', JSON.stringify(coolDown)],
      ['odd', 'x'],
    ]);
    expect(readHealth(fields, 42)).toEqual({
      now: 42,
      breakers: new Map([['gpu', breaker]]),
      coolDowns: new Map([['gpu/org/llama', coolDown]]),
    });
  });
});
