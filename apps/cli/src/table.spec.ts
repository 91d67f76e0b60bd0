import { describe, expect, it } from '@jest/globals';
import { formatAge, formatTable } from './table.js';

describe('formatTable', () => {
  it('lines up the columns, without blanks at the end', () => {
    expect(
      formatTable([
        ['a', 'b'],
        ['long', ''],
        ['x', 'y'],
      ]),
    ).toEqual(['a     b', 'long', 'x     y']);
    expect(formatTable([])).toEqual([]);
  });
});

describe('formatAge', () => {
  it.each([
    [999, '0 s'],
    [59_000, '59 s'],
    [3_599_000, '59 min'],
    [7_200_000, '2 h'],
    [200_000_000, '2 d'],
  ])('shows %d ms as %s', (ms, text) => expect(formatAge(ms)).toBe(text));
});
