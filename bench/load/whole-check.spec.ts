import { describe, expect, it } from '@jest/globals';
import { WholeCheck } from './whole-check.js';
import { WrongAnswerError } from './wrong-answer.js';

const answer = (content: string, role = 'assistant', reason = 'stop') =>
  JSON.stringify({ choices: [{ index: 0, message: { role, content }, finish_reason: reason }] });
const right = answer('call-1:0 call-1:1 ');

function check(...parts: readonly string[]): number {
  const checked = new WholeCheck('call-1', 2);
  for (const part of parts) checked.push(`<<${part}>>`, 2, 2 + part.length);
  checked.end();
  return checked.texts;
}

describe('WholeCheck', () => {
  it('takes the answer, in one part and in several', () => {
    expect(check(right)).toBe(2);
    expect(check(...right)).toBe(2);
  });

  it.each([
    ['a word is lost', answer('call-1:0 ')],
    ['a word comes twice', answer('call-1:0 call-1:0 call-1:1 ')],
    ['words are swapped', answer('call-1:1 call-1:0 ')],
    ['it is of another call', answer('call-2:0 call-2:1 ')],
    ['bytes follow', `${right}x`],
    ['it was cut', right.slice(0, -1)],
    ['it finished for another reason', answer('call-1:0 call-1:1 ', 'assistant', 'length')],
    ['it is an error', '{"error":{"message":"no"}}'],
    ['it is null', 'null'],
    ['it is empty', ''],
  ])('tells when %s', (_name, body) => {
    expect(() => check(body)).toThrow(WrongAnswerError);
  });
});
