import { describe, expect, it } from '@jest/globals';
import { writeScript } from '../contract.js';
import { readCall } from './read-call.js';

const script = { id: 'call-1', events: 20, gapMs: 5, delayMs: 100 };
const body = (more: object, padding = '') =>
  Buffer.from(
    JSON.stringify({ messages: [{ role: 'user', content: writeScript(script) + padding }], ...more }),
  );

describe.each([
  ['short', ''],
  ['long', ' "stream":true "include_usage":true'.repeat(1_000)],
])('readCall of a %s body', (_name, padding) => {
  it('finds the script, and what is asked beside it', () => {
    const options = { stream: true, stream_options: { include_usage: true } };
    expect(readCall(body(options, padding))).toEqual({ ...script, stream: true, includeUsage: true });
    expect(readCall(body({ stream: false }, padding))).toEqual({
      ...script,
      stream: false,
      includeUsage: false,
    });
    expect(readCall(body({}, padding))).toEqual({ ...script, stream: false, includeUsage: false });
  });

  it('finds fields behind spaces, as other languages write them', () => {
    const spaced = body({ stream: true }, padding).toString().replace('"stream":true}', '"stream": true}');
    expect(spaced).toContain('"stream": true}');
    expect(readCall(Buffer.from(spaced))?.stream).toBe(true);
  });

  it('finds nothing in a call without a script', () => {
    expect(readCall(Buffer.from(`{"messages":[]}${padding}`))).toBeUndefined();
  });
});
