import { describe, expect, it } from '@jest/globals';
import type { CallEnd } from '../provider.js';
import { mergeEnds, type Together } from './merge-ends.js';

const usage = { promptTokens: 7, completionTokens: 2 };
const received = { deltas: 3, textBytes: 10 };
const whole: CallEnd = { ok: true, usage };
const uncounted: CallEnd = { ok: true, received };
const refused: CallEnd = {
  ...{ ok: false, aborted: false, phase: 'headers' },
  facts: { kind: 'status', status: 503 },
};
const unsent: CallEnd = {
  ...{ ok: false, aborted: false, phase: 'not_sent' },
  facts: { kind: 'connect', code: 'ECONNREFUSED' },
};
const stopped = (phase: 'not_sent' | 'possibly_accepted' | 'visible'): CallEnd => ({
  ...{ ok: false, aborted: true, phase },
  ...(phase === 'visible' && { received }),
});

const well: Together = { failed: undefined, visible: true, cancelled: false };

describe('mergeEnds', () => {
  it.each<[string, CallEnd[], Partial<Together>, CallEnd]>([
    [
      'counts what all calls cost',
      [whole, whole],
      {},
      { ok: true, usage: { promptTokens: 14, completionTokens: 4 } },
    ],
    [
      'leaves all to be guessed where one was not counted',
      [whole, uncounted],
      {},
      { ok: true, calls: 2, received: { deltas: 5, textBytes: 10 } },
    ],
    [
      'fails as the first that failed, as far as any had come',
      [unsent, stopped('possibly_accepted')],
      { failed: unsent, visible: false },
      { ...unsent, phase: 'possibly_accepted', calls: 1 },
    ],
    [
      'is not sent where none was',
      [unsent, stopped('not_sent')],
      { failed: unsent, visible: false },
      { ...unsent, calls: 0 },
    ],
    [
      'does not call visible what did not go on',
      [refused, stopped('visible')],
      { failed: refused, visible: false },
      { ...refused, phase: 'headers', calls: 2, received },
    ],
    [
      'is visible where the output of another went on',
      [refused, stopped('visible')],
      { failed: refused },
      { ...refused, phase: 'visible', calls: 2, received },
    ],
    [
      'knows what a whole answer beside the failed one cost',
      [whole, refused],
      { failed: refused, visible: false },
      { ...refused, calls: 2, received: { deltas: 2, textBytes: 0 } },
    ],
    [
      'takes a cancel before a failure that was read with it',
      [refused, stopped('visible')],
      { failed: refused, cancelled: true },
      { ok: false, aborted: true, phase: 'visible', calls: 2, received },
    ],
  ])('%s', (_, ends, together, expected) => {
    expect(mergeEnds(ends, { ...well, ...together })).toEqual(expected);
  });
});
