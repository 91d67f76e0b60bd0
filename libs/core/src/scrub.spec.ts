import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { looksLikeSecret, SCRUBBED_MAX_CHARS, scrub, showName } from './scrub.js';

const HEX = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822c';
const BASE64 = 'Zm9vYmFyMTIzNDU2Nzg5MGFiY2RlZmdoaWprbG1ub3Bx';

describe('scrub', () => {
  it.each([
    ['Incorrect API key provided: sk-proj-abc***wxyz. See the docs.', 'abc'],
    ['got Authorization: Bearer tok3n-of-mine, which is bad', 'tok3n'],
    ['Basic dXNlcjpwYXNz was refused', 'dXNlcjpwYXNz'],
    ['{"api_key":"hunter2"}', 'hunter2'],
    ['x-api-key: hunter2', 'hunter2'],
    ['password=hunter2 is wrong', 'hunter2'],
    ['key AIzaSyA1234567890abcdefg is not valid', 'SyA1234567890'],
    ['gsk_abcdefghijklmnopqrstuv was revoked', 'abcdefghij'],
    ['hf_abcdefghijklmnopqrstuv was revoked', 'abcdefghij'],
    ['token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln expired', 'c2ln'],
    ['cannot reach https://bob:hunter2@gpu.internal/v1', 'hunter2'],
    ['cannot reach https://gpu.internal/v1?key=hunter2', 'hunter2'],
    [`digest ${HEX}`, HEX.slice(0, 24)],
    [`blob ${BASE64}`, BASE64.slice(0, 24)],
  ])('hides the secret in %j', (text, secret) => {
    expect(text).toContain(secret);
    expect(scrub(text)).not.toContain(secret);
    expect(scrub(text)).toContain('[redacted]');
  });

  it.each([
    "'messages' is a required property",
    'max_completion_tokens must be at most 16384 for gpt-4o-mini-2024-07-18',
    'See https://docs.example.com/errors#tools for the risk-free way',
    'basic validation failed for the tool',
    'Invalid schema for function get_weather: additionalProperties is required',
  ])('leaves %j alone', (text) => {
    expect(scrub(text)).toBe(text);
  });

  it('takes out control and direction characters, and line breaks', () => {
    expect(scrub('a\u0000b\u001b[31m\r\nc\u202ed\u2028e')).toBe('a b [31m c d e');
  });

  it('is capped, and shows no half of a key that was cut', () => {
    const long = scrub('word '.repeat(10_000));
    expect(long).toHaveLength(SCRUBBED_MAX_CHARS);
    expect(long.endsWith('…')).toBe(true);
    // The long query shrinks to a word, so what comes near the end of the scanned part is shown.
    const text = `https://a.example/?${'q'.repeat(4_060)} key ${HEX}`;
    expect(scrub(text)).toBe('https://a.example/?[redacted] key');
  });

  it('hides any key wherever it stands, and is always short and printable', () => {
    const alphabet = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'.split('');
    const key = fc
      .array(fc.constantFrom(...alphabet), { minLength: 20, maxLength: 60 })
      .map((chars) => `sk-${chars.join('')}`);
    const words = fc.string({ maxLength: 200 });
    fc.assert(
      fc.property(words, key, words, (before, secret, after) => {
        const shown = scrub(`${before} ${secret} ${after}`);
        expect(shown).not.toContain(secret.slice(3));
        expect(shown.length).toBeLessThanOrEqual(SCRUBBED_MAX_CHARS);
        expect(shown).not.toMatch(/\p{Cc}/u);
      }),
    );
  });

  it('takes milliseconds for a hostile megabyte', () => {
    for (const text of ['a'.repeat(1e6), 'a-'.repeat(5e5), 'x://'.repeat(2.5e5), 'api_key '.repeat(1e5)]) {
      const start = performance.now();
      scrub(text);
      expect(performance.now() - start).toBeLessThan(500);
    }
  });
});

describe('looksLikeSecret', () => {
  it.each(['sk-abc', 'Bearer abc', 'https://x.example', 'redis://h', 'AIzaSyA1234567890abcdefg', HEX])(
    'is true for %j',
    (value) => expect(looksLikeSecret(value)).toBe(true),
  );

  it.each([
    'gpt-4o-mini',
    'meta-llama/Llama-3.2-3B-Instruct',
    'accounts/fireworks/models/llama-v3p1-8b-instruct',
    'claude-sonnet-4-20250514',
    'hf.co/bartowski/Llama-3.2-1B-Instruct-GGUF:Q4_K_M',
    'gpu-box',
    'risk-model',
  ])('is false for %j', (value) => expect(looksLikeSecret(value)).toBe(false));
});

describe('showName', () => {
  it('keeps a name, cuts a long one, and hides a key', () => {
    expect(showName('llama3.2')).toBe('llama3.2');
    expect(showName('m'.repeat(300))).toHaveLength(100);
    expect(showName('sk-abcdef')).toBe('[redacted]');
    expect(showName('a\nb')).toBe('a b');
  });
});
