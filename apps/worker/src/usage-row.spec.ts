import { describe, expect, it } from '@jest/globals';
import type { Target } from '#core/target.js';
import type { CallEnd } from '#providers/provider.js';
import { usageRow } from './usage-row.js';

const target: Target = { provider: 'gpu', model: 'small', location: 'local' };
// role 4 and content 12 bytes, and 4 for the message
const PROMPT_TOKENS = 8;
const body = Buffer.from(JSON.stringify({ messages: [{ role: 'user', content: 'x'.repeat(12) }] }));
const usage = { promptTokens: 7, completionTokens: 3 };
const received = { deltas: 5, textBytes: 8 };
const aborted = { ok: false, aborted: true } as const;
const failed = { ok: false, aborted: false } as const;
const status = (code: number) => ({ kind: 'status', status: code }) as const;

function rowOf(end: CallEnd): unknown {
  const row = usageRow({ target, body, end, ms: 12.4, at: 1_700_000_000_000 });
  return row === null ? null : JSON.parse(row);
}

const common = { v: 1, provider: 'gpu', model: 'small', at: 1_700_000_000_000, ms: 12 };

describe('usageRow', () => {
  it('has what the upstream counted', () => {
    expect(rowOf({ ok: true, usage })).toEqual({ ...common, outcome: 'completed', ...usage });
  });

  it.each<[string, CallEnd, object]>([
    [
      'a whole answer without counts',
      { ok: true, received },
      { outcome: 'completed', promptTokens: PROMPT_TOKENS, completionTokens: 5 },
    ],
    [
      'a call that was given up before headers',
      { ...aborted, phase: 'possibly_accepted' },
      { outcome: 'aborted', phase: 'possibly_accepted', promptTokens: PROMPT_TOKENS, completionTokens: 0 },
    ],
    [
      'a call that was given up in its middle',
      { ...aborted, phase: 'visible', received },
      { outcome: 'aborted', phase: 'visible', promptTokens: PROMPT_TOKENS, completionTokens: 5 },
    ],
    [
      'a stream that broke after early counts',
      {
        ...failed,
        phase: 'visible',
        facts: { kind: 'truncated' },
        usage: { promptTokens: 7, completionTokens: 1 },
        received,
      },
      { outcome: 'failed', phase: 'visible', promptTokens: 7, completionTokens: 5 },
    ],
    [
      'an error inside a stream',
      { ...failed, phase: 'visible', facts: status(200), received },
      { outcome: 'failed', phase: 'visible', promptTokens: PROMPT_TOKENS, completionTokens: 5 },
    ],
    [
      'the prompts of all calls of a run that made several',
      { ...aborted, phase: 'visible', received, calls: 3 },
      { outcome: 'aborted', phase: 'visible', promptTokens: 3 * PROMPT_TOKENS, completionTokens: 5 },
    ],
    [
      'what other calls of a run brought before one was refused',
      { ...failed, phase: 'headers', facts: status(500), received, calls: 2 },
      { outcome: 'failed', phase: 'headers', promptTokens: 2 * PROMPT_TOKENS, completionTokens: 5 },
    ],
    [
      'what earlier calls of a run cost before one was refused',
      { ...failed, phase: 'headers', facts: status(500), usage },
      { outcome: 'failed', phase: 'headers', ...usage },
    ],
  ])('estimates %s', (_what, end, expected) => {
    expect(rowOf(end)).toEqual({ ...common, ...expected, estimated: true });
  });

  it.each([400, 429, 500, 529])('counts nothing for a refusal: %i', (code) => {
    const none = { promptTokens: 0, completionTokens: 0 };
    expect(rowOf({ ...failed, phase: 'headers', facts: status(code) })).toEqual({
      ...common,
      outcome: 'failed',
      phase: 'headers',
      ...none,
    });
  });

  it.each<CallEnd>([
    { ...aborted, phase: 'not_sent' },
    { ...failed, phase: 'not_sent', facts: { kind: 'no_credential' } },
    { ...failed, phase: 'not_sent', facts: { kind: 'connect', code: 'ECONNREFUSED' } },
  ])('is null where nothing was sent: %j', (end) => {
    expect(rowOf(end)).toBeNull();
  });
});
