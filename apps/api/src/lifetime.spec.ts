import { describe, expect, it } from '@jest/globals';
import { readLifetime } from './lifetime.js';

describe('readLifetime', () => {
  it.each([
    [{}, { continues: false }],
    [{ 'x-spillway-on-disconnect': 'cancel' }, { continues: false }],
    [{ 'x-spillway-on-disconnect': 'continue' }, { continues: true }],
    [{ 'idempotency-key': 'k' }, { continues: false, idempotencyKey: 'k' }],
    [
      { 'idempotency-key': `!~${'x'.repeat(253)}`, 'x-spillway-on-disconnect': 'continue' },
      { continues: true, idempotencyKey: `!~${'x'.repeat(253)}` },
    ],
  ])('of %j is %j', (headers, lifetime) => {
    expect(readLifetime(headers)).toEqual(lifetime);
  });

  it.each(['', ' ', 'a b', 'a, a', 'x'.repeat(256), 'ключ', 'a\tb', '\u007f'])(
    'refuses the key %p',
    (key) => {
      expect(() => readLifetime({ 'idempotency-key': key })).toThrow(
        expect.objectContaining({
          code: 'invalid_value',
          params: {
            param: 'Idempotency-Key',
            reason:
              'The header Idempotency-Key must be 1 to 255 visible ASCII characters, without blanks, once.',
          },
        }),
      );
    },
  );

  it.each(['', 'Continue', 'keep', 'continue, cancel', 'true'])('refuses %p on disconnect', (wish) => {
    expect(() => readLifetime({ 'x-spillway-on-disconnect': wish })).toThrow(
      expect.objectContaining({
        code: 'invalid_value',
        params: {
          param: 'x-spillway-on-disconnect',
          reason: 'The header x-spillway-on-disconnect must be `continue` or `cancel`.',
        },
      }),
    );
  });
});
