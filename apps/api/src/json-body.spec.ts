import { describe, expect, it } from '@jest/globals';
import { parseJsonBody } from './json-body.js';

function nested(depth: number): Buffer {
  return Buffer.from(`{"a":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`);
}

describe('parseJsonBody', () => {
  it('parses an object', () => {
    expect(parseJsonBody(Buffer.from(' {"model":"m\\u00e9"} '))).toEqual({ model: 'mé' });
  });

  it('takes 64 levels', () => {
    expect(parseJsonBody(nested(64))).toHaveProperty('a');
  });

  it.each([
    ['nothing', undefined, /empty/],
    ['an empty body', Buffer.alloc(0), /empty/],
    ['65 levels', nested(65), /deeper than 64/],
    ['a million open brackets', Buffer.alloc(1_000_000, '['), /deeper than 64/],
    ['more parts than a parser should have', Buffer.from(`[${'{},'.repeat(300_000)}1]`), /more than 500000/],
    ['bytes that are not UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), /not UTF-8/],
    ['half a character', Buffer.from('{"a":"🦙"}').subarray(0, 8), /not UTF-8/],
    ['text', Buffer.from('hello'), /not valid JSON/],
    ['half an object', Buffer.from('{"a":'), /JSON/],
    ['an array', Buffer.from('[{}]'), /must be an object/],
    ['null', Buffer.from('null'), /must be an object/],
    ['a string', Buffer.from('"{}"'), /must be an object/],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => parseJsonBody(bytes)).toThrow(expect.objectContaining({ code: 'invalid_json' }));
    expect(() => parseJsonBody(bytes)).toThrow(message);
  });
});
