import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readMember, rewriteBody, rewriteElements } from './body.js';
import type { BodyEdit } from './body.js';

function rewrite(text: string, edit: BodyEdit): string {
  return rewriteBody(Buffer.from(text), edit).toString();
}

describe('rewriteBody', () => {
  const keep = '"n" : 1.50e+02 , "big":12345678901234567890, "é\\u00e9":"ü\\n"';

  it.each<[string, string, BodyEdit, string]>([
    [
      'replaces a value where it stands',
      `{"model":"a",${keep}}`,
      { set: { model: '"b"' } },
      `{"model":"b",${keep}}`,
    ],
    ['appends a missing member', `{${keep}}`, { set: { model: '"b"' } }, `{${keep},"model":"b"}`],
    ['appends to an empty object', '{ }', { set: { a: '1' } }, '{"a":1}'],
    ['removes the first member', `{"x":{"y":[1,"}"]},${keep}}`, { remove: ['x'] }, `{${keep}}`],
    ['removes a middle member', '{"a":1, "x":2, "b":3}', { remove: ['x'] }, '{"a":1, "b":3}'],
    ['removes the last member', `{${keep}, "x":[{}]}`, { remove: ['x'] }, `{${keep}}`],
    ['removes the only member', '{"x":true}', { remove: ['x'] }, '{}'],
    ['removes one and appends another', '{"x":true}', { remove: ['x'], set: { y: '2' } }, '{"y":2}'],
    ['sets a name that is also removed', '{"x":1}', { remove: ['x'], set: { x: '2' } }, '{"x":2}'],
    ['replaces every duplicate', '{"m":1,"a":0,"m":2}', { set: { m: '3' } }, '{"m":3,"a":0,"m":3}'],
    ['removes every duplicate', '{"m":1,"a":0,"m":2}', { remove: ['m'] }, '{"a":0}'],
    ['finds a name written with escapes', '{"mod\\u0065l":1}', { set: { model: '2' } }, '{"mod\\u0065l":2}'],
    [
      'keeps whitespace',
      '\n{\n  "m" :\t1 ,\r\n  "a" : 0\n}\n',
      { set: { m: '2' } },
      '\n{\n  "m" :\t2 ,\r\n  "a" : 0\n}\n',
    ],
    ['leaves nested members alone', '{"a":{"m":1},"m":1}', { set: { m: '2' } }, '{"a":{"m":1},"m":2}'],
    [
      'is not fooled by strings',
      '{"a":"\\\\\\",\\"m\\":1}","m":1}',
      { set: { m: '2' } },
      '{"a":"\\\\\\",\\"m\\":1}","m":2}',
    ],
    [
      'ends a string after an escaped backslash',
      '{"a":"\\\\","m":1}',
      { set: { m: '2' } },
      '{"a":"\\\\","m":2}',
    ],
    ['steps over a byte order mark', '\uFEFF{"m":1}', { set: { m: '2' } }, '\uFEFF{"m":2}'],
  ])('%s', (_, text, edit, expected) => {
    expect(rewrite(text, edit)).toBe(expected);
  });

  it.each([
    '',
    ' ',
    '[]',
    '"x"',
    'null',
    '{',
    '{"a"',
    '{"a":',
    '{"a":1',
    '{"a":1,',
    '{"a":1,}',
    '{a:1}',
    '{"a":"b',
    '{"a":[1}',
    '{"a" 1}',
    '{"\\u12":1}',
    '{} {}',
    '{"a":1}x',
  ])('refuses %p, which is not one object', (text) => {
    expect(() => rewrite(text, { set: { m: '1' } })).toThrow(TypeError);
  });

  const names = fc.oneof(
    fc.constantFrom('model', 'stream', 'spillway', 'a"b', 'é\\', '__proto__'),
    fc.string(),
  );
  const values = fc.jsonValue({ maxDepth: 4 }).map((value) => JSON.stringify(value));
  const blank = fc.stringMatching(/^[ \n\r\t]{0,3}$/);
  const member = fc.tuple(names, values, blank, blank, blank, blank).map(([name, value, ...b]) => ({
    name,
    text: `${b[0]}${JSON.stringify(name)}${b[1]}:${b[2]}${value}${b[3]}`,
  }));
  const edits = fc.record({
    set: fc.dictionary(names, values, { noNullPrototype: true }),
    remove: fc.array(names, { maxLength: 3 }),
  });

  it('equals the same edit of the parsed object', () => {
    fc.assert(
      fc.property(fc.array(member, { maxLength: 6 }), edits, (members, edit) => {
        const text = `{${members.map((each) => each.text).join(',')}}`;
        const expected = new Map(Object.entries(JSON.parse(text) as object));
        for (const name of edit.remove) expected.delete(name);
        for (const [name, value] of Object.entries(edit.set)) expected.set(name, JSON.parse(value));
        const actual = new Map(Object.entries(JSON.parse(rewrite(text, edit)) as object));
        expect(actual).toEqual(expected);
      }),
    );
  });

  it('keeps the bytes of every member it does not edit, in their order', () => {
    fc.assert(
      fc.property(fc.array(member, { minLength: 1, maxLength: 6 }), edits, (members, edit) => {
        const edited = new Set([...Object.keys(edit.set), ...edit.remove]);
        const untouched = members.filter((each) => !edited.has(each.name));
        const text = rewrite(`{${members.map((each) => each.text).join(',')}}`, edit);
        let at = 0;
        for (const each of untouched) {
          const found = text.indexOf(each.text, at);
          expect(found).toBeGreaterThanOrEqual(at);
          at = found + each.text.length;
        }
        const onlyUntouched = rewrite(`{${members.map((each) => each.text).join(',')}}`, {
          remove: [...edited],
        });
        expect(onlyUntouched).toBe(`{${untouched.map((each) => each.text).join(',')}}`);
      }),
    );
  });

  it('takes a body of megabytes without stalling the process', () => {
    const image = 'A'.repeat(5_000_000);
    const escapes = '\\\\\\"'.repeat(500_000);
    const text = `{"model":"a","messages":[{"content":"${image}"},{"content":"${escapes}"}]}`;
    const startedAt = performance.now();
    const rewritten = rewrite(text, { set: { model: '"b"' } });
    expect(performance.now() - startedAt).toBeLessThan(4000);
    expect(rewritten).toBe(text.replace('"a"', '"b"'));
  });
});

describe('readMember', () => {
  it('gives the text of the last duplicate, and nothing for a missing name', () => {
    const body = Buffer.from('{"a": 1, "b":{"c":[1, 2]} ,"a":"x"}');
    expect(readMember(body, 'a')).toBe('"x"');
    expect(readMember(body, 'b')).toBe('{"c":[1, 2]}');
    expect(readMember(body, 'c')).toBeUndefined();
  });
});

describe('rewriteElements', () => {
  const upper = (element: Buffer, index: number) =>
    index === 1 ? Buffer.from(element.toString().toUpperCase()) : element;

  it.each([
    ['[]', '[]'],
    [' [ ] ', ' [ ] '],
    ['["a"]', '["a"]'],
    ['["a" ,\n "b" , "c"]', '["a" ,\n "B" , "c"]'],
    ['[1.50e+02,{"x":"],"},[[]]]', '[1.50e+02,{"X":"],"},[[]]]'],
  ])('edits %j to %j', (text, expected) => {
    expect(rewriteElements(Buffer.from(text), upper).toString()).toBe(expected);
  });

  it.each(['', '{}', '[', '[1', '[1,', '[1,]', '[,1]', '[1]]', '[1 2]', '["a]'])('refuses %j', (text) => {
    expect(() => rewriteElements(Buffer.from(text), upper)).toThrow(TypeError);
  });

  it('gives every element of any array, and keeps what is not edited', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), fc.constantFrom(undefined, 2), (value, space) => {
        const text = JSON.stringify(value, null, space);
        const seen: unknown[] = [];
        const same = rewriteElements(Buffer.from(text), (element) => {
          seen.push(JSON.parse(element.toString()));
          return element;
        });
        expect(same.toString()).toBe(text);
        expect(seen).toEqual(JSON.parse(text));
      }),
    );
  });
});
