import { describe, expect, it } from '@jest/globals';
import { inspectValue } from './inspect-value.js';

describe('inspectValue', () => {
  it('finds nothing in what every reader reads the same', () => {
    const value = JSON.parse(
      '{"a":["🦙","\\ud83e\\udd99",1e308,-0,null],"__proto__":{"b":1},"1":true}',
    ) as unknown;
    expect(inspectValue(value)).toEqual({ names: 4, fault: undefined });
  });

  it.each([
    ['{"n":1e999}', ['n'], 'number-out-of-range'],
    ['{"a":[1,{"b":[0,-1e309]}]}', ['a', 1, 'b', 1], 'number-out-of-range'],
    [`{"a":${'9'.repeat(400)}}`, ['a'], 'number-out-of-range'],
    ['{"a":[{"b":"x\\ud83e"}]}', ['a', 0, 'b'], 'lone-surrogate'],
    ['{"a":"\\udd99\\ud83e"}', ['a'], 'lone-surrogate'],
    ['{"a":{"x\\udd99":1}}', ['a', 'x\udd99'], 'lone-surrogate-in-name'],
    ['{"__proto__":"\\ud800"}', ['__proto__'], 'lone-surrogate'],
    ['"\\ud800"', [], 'lone-surrogate'],
  ])('finds the fault of %s', (text, path, kind) => {
    expect(inspectValue(JSON.parse(text)).fault).toEqual({ path, kind });
  });
});
