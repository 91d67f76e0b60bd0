import { describe, expect, it } from '@jest/globals';
import { formatPath } from './json-path.js';

describe('formatPath', () => {
  it.each([
    [['messages', 2, 'content'], 'messages[2].content'],
    [['tools', 0, 'function', 'parameters', '$defs', 'a-b'], 'tools[0].function.parameters.$defs.a-b'],
    [['metadata', 'two words'], 'metadata["two words"]'],
    [['metadata', 'a"b\n'], 'metadata["a\\"b"]'],
    [['metadata', 'x\ud800'], 'metadata["x\ufffd"]'],
    [['metadata', `sk-${'a1'.repeat(20)}`], 'metadata["[redacted]"]'],
    [['metadata', ''], 'metadata[""]'],
    [['7'], '7'],
    [[], ''],
  ])('%j is %s', (path, text) => {
    expect(formatPath(path)).toBe(text);
  });

  it('is cut where it is too long for a message', () => {
    const text = formatPath(Array.from({ length: 64 }, () => 'properties'));
    expect(text).toHaveLength(200);
    expect(text).toMatch(/^properties\.properties.*…$/);
  });
});
