import { describe, expect, it } from '@jest/globals';
import { findError, readUpstreamError, toStatusFacts } from './upstream-error.js';

describe('readUpstreamError', () => {
  it.each<[string, unknown, object]>([
    [
      'OpenAI',
      { error: { message: 'm', type: 't', param: 'p', code: 'c' } },
      { message: 'm', type: 't', param: 'p', code: 'c' },
    ],
    ['null members', { error: { message: 'm', type: null, param: null, code: null } }, { message: 'm' }],
    ['a numeric code', { error: { message: 'm', code: 429 } }, { message: 'm', code: '429' }],
    ['a status in place of a code', { error: { message: 'm', status: 503 } }, { message: 'm', code: '503' }],
    ['an error that is text', { error: 'm' }, { message: 'm' }],
    ['a bare message', { message: 'm', code: 400, object: 'error' }, { message: 'm', code: '400' }],
    ['FastAPI with text', { detail: 'Not Found' }, { message: 'Not Found' }],
    [
      'FastAPI with fields',
      { detail: [{ loc: ['body', 'messages', 0], msg: 'm', type: 'missing' }] },
      { message: 'm', type: 'missing', param: 'messages.0' },
    ],
    [
      'Google in a list',
      [{ error: { code: 400, message: 'm', status: 'INVALID_ARGUMENT' } }],
      { message: 'm', code: '400' },
    ],
    ['a JSON string', 'm', { message: 'm' }],
    ['a number', 7, {}],
    ['nothing', undefined, {}],
    ['an empty list', [], {}],
    ['an odd detail', { detail: [7] }, {}],
  ])('reads %s', (_, value, expected) => {
    expect(readUpstreamError(value)).toEqual(expected);
  });
});

describe('findError', () => {
  it.each<[object, boolean]>([
    [{ error: { message: 'm' } }, true],
    [{ error: 'm' }, true],
    [{ object: 'error', message: 'm' }, true],
    [{ type: 'error', error: { type: 'overloaded_error' } }, true],
    [{ error: null, choices: [] }, false],
    [{ error: '', choices: [] }, false],
    [{ choices: [], message: 'm' }, false],
  ])('%j: %p', (value, expected) => {
    expect(findError({ ...value }) !== undefined).toBe(expected);
  });
});

describe('toStatusFacts', () => {
  it('takes every secret out of every word', () => {
    const error = { message: 'key-1 and key-1-long', code: 'key-1', type: 'x', param: 'key-1' };
    expect(toStatusFacts(error, ['key-1-long', 'key-1'], { status: 401, waitMs: 5 })).toEqual({
      kind: 'status',
      status: 401,
      message: '[redacted] and [redacted]',
      code: '[redacted]',
      type: 'x',
      param: '[redacted]',
      retryAfterMs: 5,
    });
  });

  it('cuts words that are too long', () => {
    const { message, code } = toStatusFacts({ message: 'x'.repeat(9_999), code: 'y'.repeat(999) }, [], {
      status: 400,
    });
    expect(message).toHaveLength(2_001);
    expect(code).toHaveLength(201);
  });
});
