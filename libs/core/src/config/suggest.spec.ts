import { describe, expect, it } from '@jest/globals';
import { editDistance, suggestName } from './suggest.js';

describe('suggestName', () => {
  it.each([
    ['gpubox', ['openai', 'gpu-box'], 'gpu-box'],
    ['base_url', ['baseUrl', 'apiKey'], 'baseUrl'],
    ['APIKEY', ['baseUrl', 'apiKey'], 'apiKey'],
    ['concurency', ['concurrency', 'workerConcurrency'], 'concurrency'],
    ['idle', ['firstTokenMs', 'idleMs'], 'idleMs'],
    ['timeotus', ['timeouts', 'targets'], 'timeouts'],
    ['banana', ['timeouts', 'targets'], undefined],
    ['x', [], undefined],
  ])('%s among %j: %s', (name, known, expected) => {
    expect(suggestName(name, known)).toBe(expected);
  });

  it.each([
    ['', '', 0],
    ['abc', '', 3],
    ['abc', 'abd', 1],
    ['abc', 'acb', 1],
    ['abc', 'xabc', 1],
    ['kitten', 'sitting', 3],
  ])('the distance of %j and %j is %d', (a, b, expected) => {
    expect(editDistance(a, b)).toBe(expected);
  });
});
