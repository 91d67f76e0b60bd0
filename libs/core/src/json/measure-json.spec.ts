import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { inspectValue } from './inspect-value.js';
import { measureJson } from './measure-json.js';

const exceeds = (text: string | Buffer, limits = {}) => measureJson(Buffer.from(text), limits).exceeds;

describe('measureJson', () => {
  const nested = (depth: number) => '[{"a":'.repeat(depth / 2) + '1' + '}]'.repeat(depth / 2);

  it('allows the deepest nesting and refuses one more', () => {
    expect(exceeds(nested(64))).toBeUndefined();
    expect(exceeds(`[${nested(64)}]`)).toBe('depth');
  });

  it('counts nesting, not the number of arrays, and ignores brackets in strings', () => {
    const text = `[${'[],'.repeat(1000)}"${'['.repeat(1000)}\\"${'{'.repeat(100)}"]`;
    expect(exceeds(text)).toBeUndefined();
  });

  it('is linear and stackless on bytes that are not JSON', () => {
    expect(exceeds(Buffer.alloc(2_000_000, '['))).toBe('depth');
    expect(exceeds(Buffer.alloc(2_000_000, ']'))).toBeUndefined();
    expect(exceeds(Buffer.alloc(2_000_000, '"\\'))).toBeUndefined();
  });

  it('counts objects, arrays and what stands behind commas, at every level, and nothing in strings', () => {
    const text = '{"a":[1,{"b,{[":"\\",["}],"c":2}';
    expect(exceeds(text, { maxParts: 5 })).toBeUndefined();
    expect(exceeds(text, { maxParts: 4 })).toBe('parts');
  });

  it('has room for any real request', () => {
    expect(exceeds(`[${'{"role":"user","content":"Hello"},'.repeat(100_000)}1]`)).toBeUndefined();
    expect(exceeds(`[${'{},'.repeat(300_000)}1]`)).toBe('parts');
  });

  it.each([
    ['{}', 0],
    ['{"a":1,"b":{"c":[{"d":":"}]}}', 4],
    ['{"a":1,"a":2}', 2],
    [`{"a":"${'x'.repeat(100)}\\\\","b":":"}`, 2],
    [`{"a":"${'x'.repeat(29)}\\":\\"","b":"${'x'.repeat(100)}\\":"}`, 2],
    [`{"a":"${'x'.repeat(31)}\\\\\\":","b":1}`, 2],
  ])('counts the names of %s', (text, names) => {
    expect(measureJson(Buffer.from(text)).names).toBe(names);
  });

  it('counts as many names as the parser finds, in any JSON', () => {
    const strings = fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^[x"\\:,{}[\]]{0,80}$/));
    const values = fc.jsonValue({ maxDepth: 6, stringUnit: 'binary' });
    fc.assert(
      fc.property(values, strings, strings, (value, name, text) => {
        const whole = { [name]: [text, value, { [text]: name }] };
        const { names } = measureJson(Buffer.from(JSON.stringify(whole)));
        expect(names).toBe(inspectValue(whole).names);
      }),
      { numRuns: 2_000 },
    );
  });
});
