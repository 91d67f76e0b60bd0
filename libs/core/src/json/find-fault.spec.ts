import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { findTextFault } from './find-fault.js';

describe('findTextFault', () => {
  it.each([
    ['', 'a value is missing', 1, 1, []],
    ['hello', 'a value is missing', 1, 1, []],
    ['{"a":', 'a value is missing', 1, 6, ['a']],
    ['{"a":}', 'a value is missing', 1, 6, ['a']],
    ['{"a":1,}', 'a name in double quotes is missing', 1, 8, []],
    ["{'a':1}", 'a name in double quotes is missing', 1, 2, []],
    ['{"a" 1}', 'a colon is missing', 1, 6, ['a']],
    ['{"a":1 "b":2}', 'a comma or a closing brace is missing', 1, 8, []],
    ['{"a":1', 'a comma or a closing brace is missing', 1, 7, []],
    ['{\n  "a": [\n    1,\n    2 3]}', 'a comma or a closing bracket is missing', 4, 7, ['a']],
    ['[1,]', 'a value is missing', 1, 4, [1]],
    ['[[],[{"x":[0,tru]}]]', 'a value is missing', 1, 14, [1, 0, 'x', 1]],
    ['{"a":"x', 'a string is not closed', 1, 8, ['a']],
    ['{"a":"x\ny"}', 'a control character in a string is not escaped', 1, 8, ['a']],
    ['{"a":"\\x41"}', 'an escape in a string is not one of JSON', 1, 7, ['a']],
    ['{"a":"\\u12g4"}', 'an escape in a string is not one of JSON', 1, 7, ['a']],
    ['{"a":"\\', 'an escape in a string is not one of JSON', 1, 7, ['a']],
    ['[01]', 'a number is malformed', 1, 2, [0]],
    ['[+1]', 'a number is malformed', 1, 2, [0]],
    ['[1.]', 'a number is malformed', 1, 2, [0]],
    ['[.5]', 'a number is malformed', 1, 2, [0]],
    ['[-]', 'a number is malformed', 1, 2, [0]],
    ['[NaN]', 'a value is missing', 1, 2, [0]],
    ['{} {}', 'there is something behind the end', 1, 4, []],
  ])('says what is wrong with %j, and where', (text, complaint, line, column, path) => {
    expect(findTextFault(text)).toEqual({ kind: 'syntax', complaint, line, column, path });
  });

  it.each([
    ['{"a":1,"a":1}', ['a']],
    ['{"a":1,"\\u0061":1}', ['a']],
    ['{"a":[0,{"b":{},"c":1,"b":{}}]}', ['a', 1, 'b']],
    ['{"__proto__":1,"__proto__":2}', ['__proto__']],
    ['{"":1,"":2}', ['']],
  ])('finds the member of %s that is there twice', (text, path) => {
    expect(findTextFault(text)).toMatchObject({ kind: 'duplicate', path });
  });

  it.each([
    '{}',
    ' [1, -0.5e+7, "\\ud83e\\udd99", true, false, null] ',
    '{"a":{"a":[{"a":1},{"a":1}]}}',
    '0',
  ])('finds nothing in %s', (text) => {
    expect(findTextFault(text)).toBeUndefined();
  });

  it('agrees with JSON.parse on texts that were JSON before a few characters were changed', () => {
    const edits = fc.array(fc.tuple(fc.nat(), fc.nat(3), fc.constantFrom(...'{}[]",:\\0-.eE+tn\n \u0000u')), {
      maxLength: 3,
    });
    let refused = 0;
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), edits, (value, list) => {
        let text = JSON.stringify({ value, more: [value] });
        for (const [place, cut, put] of list) {
          const at = place % (text.length + 1);
          text = text.slice(0, at) + put + text.slice(at + cut);
        }
        const kind = findTextFault(text)?.kind;
        if (kind === 'syntax') refused += 1;
        expect(kind === 'duplicate' || canParse(text)).toBe(kind !== 'syntax');
      }),
      { numRuns: 5_000 },
    );
    expect(refused).toBeGreaterThan(500);
  });

  it('takes 32 MiB of anything without a stack of its own', () => {
    for (const part of ['1', '\\n', '\n', 'x']) {
      expect(findTextFault(`["${part.repeat(16_000_000)}`)?.kind).toBe('syntax');
      expect(findTextFault(`[${part.repeat(16_000_000)}`)?.kind).toBe('syntax');
    }
  });
});

function canParse(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
