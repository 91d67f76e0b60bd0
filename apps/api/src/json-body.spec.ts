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
    ['text', Buffer.from('hello'), /a value is missing, at line 1, column 1\./],
    ['a byte order mark', Buffer.from('\ufeff{}'), /byte order mark/],
    [
      'half an object',
      Buffer.from('{"a":[{"b":'),
      /a value is missing, at line 1, column 12, in `a\[0\]\.b`/,
    ],
    ['an array', Buffer.from('[{}]'), /must be an object/],
    ['null', Buffer.from('null'), /must be an object/],
    ['a string', Buffer.from('"{}"'), /must be an object/],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => parseJsonBody(bytes)).toThrow(expect.objectContaining({ code: 'invalid_json' }));
    expect(() => parseJsonBody(bytes)).toThrow(message);
  });

  it.each([
    [
      'a member that is there twice',
      '{"model":"a","stream":true,"mod\\u0065l":"b"}',
      'model',
      /`model` is there twice/,
    ],
    [
      'such a member further down',
      '{"messages":[{},{"role":"user","role":"system"}]}',
      'messages[1].role',
      /`messages\[1\]\.role` is there twice/,
    ],
    ['a number out of range', '{"a":{"temperature":1e999}}', 'a.temperature', /is a number out of range/],
    [
      'half of a surrogate pair',
      '{"messages":[{"content":"\\ud83e"}]}',
      'messages[0].content',
      /well-formed/,
    ],
    ['one in a name', '{"a":{"\\ud83e":1}}', 'a["\ufffd"]', /a name that is not well-formed/],
  ])('refuses %s, and names it', (_, text, param, message) => {
    const parse = () => parseJsonBody(Buffer.from(text));
    expect(parse).toThrow(
      expect.objectContaining({ code: 'invalid_value', params: expect.objectContaining({ param }) }),
    );
    expect(parse).toThrow(message);
  });

  it.each(['{"a":"secret" x}', '{"a":secret}', 'secret', '{"a":"secret\n"}', '{"a":"secret\\ud800"}'])(
    'quotes nothing of %j',
    (text) => {
      const message = messageOf(() => parseJsonBody(Buffer.from(text)));
      expect(message).toMatch(/^(The request body is not valid JSON: |`a` )/);
      expect(message).not.toContain('secret');
    },
  );
});

function messageOf(act: () => unknown): string {
  try {
    act();
    return '';
  } catch (error) {
    return error instanceof Error ? error.message : '';
  }
}
