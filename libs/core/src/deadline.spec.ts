import { describe, expect, it } from '@jest/globals';
import { deadlineMs } from './deadline.js';
import type { DeadlineInput } from './deadline.js';
import { SpillwayError } from './errors.js';

type Headers = DeadlineInput['headers'];

function deadline(headers: Headers, stream = true): number {
  return deadlineMs({ totalMs: 570_000, stream, headers });
}

describe('deadlineMs', () => {
  it.each<[Headers, number]>([
    [{}, 570_000],
    [{ 'x-stainless-timeout': '600' }, 570_000],
    [{ 'x-stainless-timeout': '60' }, 58_000],
    [{ 'x-stainless-timeout': '60.5' }, 58_500],
    [{ 'x-stainless-timeout': '2' }, 1_000],
    [{ 'x-stainless-timeout': '0.1' }, 1_000],
    [{ 'x-spillway-timeout-ms': '1500' }, 1_500],
    [{ 'x-spillway-timeout-ms': '999999999' }, 570_000],
    [{ 'x-spillway-timeout-ms': '30000', 'x-stainless-timeout': '10' }, 8_000],
    [{ 'x-spillway-timeout-ms': '3000', 'x-stainless-timeout': '10' }, 3_000],
  ])('of %j is %i', (headers, ms) => expect(deadline(headers)).toBe(ms));

  it.each(['', 'NOT_GIVEN', '-5', '0', 'NaN', 'Infinity', '10, 20'])(
    'ignores the hint %j of an SDK',
    (value) => {
      expect(deadline({ 'x-stainless-timeout': value, 'x-stainless-read-timeout': value }, false)).toBe(
        570_000,
      );
    },
  );

  it('obeys the read timeout only where the whole answer is one read', () => {
    const headers = { 'x-stainless-timeout': '600', 'x-stainless-read-timeout': '20' };
    expect(deadline(headers, false)).toBe(18_000);
    expect(deadline(headers, true)).toBe(570_000);
  });

  it.each(['', '0', '99', '-1', '1.5', '1e3', '10s', '5, 6', '9'.repeat(13)])(
    'refuses the own hint %j',
    (value) => {
      const attempt = (): number => deadline({ 'x-spillway-timeout-ms': value });
      expect(attempt).toThrow(SpillwayError);
      expect(attempt).toThrow(
        'The header x-spillway-timeout-ms must be a whole number of milliseconds, 100 or more.',
      );
    },
  );

  it('refuses the own hint sent twice', () => {
    expect(() => deadline({ 'x-spillway-timeout-ms': ['200', '300'] })).toThrow(SpillwayError);
  });
});
