import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { MAX_RETRY_AFTER_MS, retryAfterMs } from './retry-after.js';

const NOW = Date.UTC(2026, 10, 8, 8, 49, 37);

describe('retryAfterMs', () => {
  it.each<[string, Record<string, string | string[]>, number | undefined]>([
    ['nothing', {}, undefined],
    ['milliseconds', { 'retry-after-ms': '1500' }, 1500],
    ['milliseconds before seconds', { 'retry-after-ms': '20', 'retry-after': '9' }, 20],
    ['seconds where the milliseconds are garbage', { 'retry-after-ms': 'soon', 'retry-after': '9' }, 9000],
    ['seconds', { 'retry-after': '7' }, 7000],
    ['fractional seconds', { 'retry-after': '0.25' }, 250],
    ['zero', { 'retry-after': '0' }, 0],
    ['surrounding blanks', { 'retry-after': ' 3 ' }, 3000],
    ['a repeated header', { 'retry-after': ['2', '8'] }, 2000],
    ['an absurd number of seconds', { 'retry-after': '86400' }, MAX_RETRY_AFTER_MS],
    ['a number beyond doubles', { 'retry-after': '9'.repeat(400) }, MAX_RETRY_AFTER_MS],
    ['a negative number', { 'retry-after': '-5' }, undefined],
    ['an exponent', { 'retry-after': '1e3' }, undefined],
    ['hexadecimal', { 'retry-after': '0x10' }, undefined],
    ['an empty value', { 'retry-after': '' }, undefined],
    ['words', { 'retry-after': 'in a minute' }, undefined],
    ['an HTTP date', { 'retry-after': 'Sun, 08 Nov 2026 08:49:47 GMT' }, 10_000],
    ['an RFC 850 date', { 'retry-after': 'Sunday, 08-Nov-26 08:49:47 GMT' }, 10_000],
    ['an asctime date', { 'retry-after': 'Sun Nov  8 08:49:47 2026' }, 10_000],
    ['a date in the past', { 'retry-after': 'Sun, 08 Nov 2026 08:00:00 GMT' }, 0],
    ['a date far ahead', { 'retry-after': 'Sun, 08 Nov 2099 08:00:00 GMT' }, MAX_RETRY_AFTER_MS],
    ['a date that does not exist', { 'retry-after': 'Sun, 99 Xyz 2026 08:00:00 GMT' }, undefined],
  ])('reads %s', (_, headers, expected) => {
    expect(retryAfterMs(headers, NOW)).toBe(expected);
  });

  it('is undefined or within its limits for any header', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (ms, seconds) => {
        const wait = retryAfterMs({ 'retry-after-ms': ms, 'retry-after': seconds }, NOW);
        expect(wait === undefined || (Number.isInteger(wait) && wait >= 0 && wait <= 300_000)).toBe(true);
      }),
    );
  });
});
