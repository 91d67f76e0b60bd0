import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { StreamCheck } from './stream-check.js';
import { WrongAnswerError } from './wrong-answer.js';

const ID = 'call-1';
const EVENTS = 4;

const event = (choice: object) => `data: ${JSON.stringify({ id: 'chatcmpl-1', choices: [choice] })}\n\n`;
const role = event({ index: 0, delta: { role: 'assistant', content: '' }, finish_reason: null });
const text = (content: string) => event({ index: 0, delta: { content }, finish_reason: null });
const texts = [0, 1, 2, 3].map((index) => text(`${ID}:${index} `));
const finish = event({ index: 0, delta: {}, finish_reason: 'stop' });
const usage = 'data: {"id":"chatcmpl-1","choices":[],"usage":{"total_tokens":14}}\n\n';
const done = 'data: [DONE]\n\n';
const [first = '', second = '', third = '', fourth = ''] = texts;

/** Texts that it saw; the stream comes in pieces of these sizes, the last of which repeats. */
function check(stream: string, sizes: readonly number[] = [stream.length]): number {
  const checked = new StreamCheck(ID, EVENTS);
  let at = 0;
  for (let piece = 0; at < stream.length; piece++) {
    const end = Math.min(stream.length, at + (sizes[Math.min(piece, sizes.length - 1)] ?? stream.length));
    checked.push(`<<${stream.slice(at, end)}\n\n>>`, 2, 2 + end - at); // only its own bytes count
    at = end;
  }
  checked.end();
  return checked.texts;
}

describe('StreamCheck', () => {
  it.each([
    ['of an upstream', [role, ...texts, finish, usage, done]],
    ['without usage', [role, ...texts, finish, done]],
    ['without an event for the role', [...texts, finish, done]],
    [
      'with comments of one line',
      [': queued position=3\n', role, first, ': running\n', second, third, fourth, finish, done],
    ],
    ['with comments that an empty line ends', [': ping\n\n', role, ...texts, finish, ': ping\n\n', done]],
    [
      'whose role comes with the first text',
      [first.replace('"delta":{', '"delta":{"role":"assistant",'), second, third, fourth, finish, done],
    ],
    [
      'whose shape changes on the way',
      [role, first, second, third.replace('"index":0', '"index": 0'), fourth, finish, done],
    ],
  ])('takes a stream %s', (_name, events) => {
    expect(check(events.join(''))).toBe(EVENTS);
  });

  it('takes a stream however it is cut', () => {
    const stream = [': queued\n', role, ...texts, ': ping\n\n', finish, usage, done].join('');
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1 }), (sizes) => {
        expect(check(stream, sizes)).toBe(EVENTS);
      }),
    );
  });

  it.each([
    ['an event is lost', [role, first, third, fourth, finish, done]],
    ['the first event is lost', [role, second, third, fourth, finish, done]],
    ['the last event is lost', [role, first, second, third, finish, done]],
    ['an event comes twice', [role, first, second, second, third, fourth, finish, done]],
    ['the last event comes twice', [role, ...texts, fourth, finish, done]],
    ['two events are swapped', [role, first, third, second, fourth, finish, done]],
    ['an event is of another call', [role, first, text('call-2:1 '), third, fourth, finish, done]],
    [
      'all is of another call',
      [role, ...[0, 1, 2, 3].map((index) => text(`call-2:${index} `)), finish, done],
    ],
    ['a text lacks its last character', [role, first, text(`${ID}:1`), third, fourth, finish, done]],
    ['two texts are in one event', [role, first, text(`${ID}:1 ${ID}:2 `), fourth, finish, done]],
    ['there is a text too many', [role, ...texts, text(`${ID}:4 `), finish, done]],
    ['the role comes twice', [role, role, ...texts, finish, done]],
    ['the role comes late', [first, role, second, third, fourth, finish, done]],
    ['the finish is lost', [role, ...texts, done]],
    ['usage comes in the place of the finish', [role, ...texts, usage, done]],
    ['the finish comes twice', [role, ...texts, finish, finish, done]],
    ['it finished for another reason', [role, ...texts, finish.replace('stop', 'length'), done]],
    ['usage comes twice', [role, ...texts, finish, usage, usage, done]],
    ['[DONE] is lost', [role, ...texts, finish]],
    ['[DONE] comes twice', [role, ...texts, finish, done, done]],
    ['there is a text behind [DONE]', [role, ...texts, finish, done, first]],
    ['an error comes instead', [role, first, 'data: {"error":{"message":"no"}}\n\n']],
    ['an event is no JSON', [role, first, 'data: {"id":\n\n', second, third, fourth, finish, done]],
    ['there are bytes between events', [role, first, 'x', second, third, fourth, finish, done]],
    ['there is an empty line too many', [role, first, '\n', second, third, fourth, finish, done]],
    [
      'an empty line follows an event behind a comment',
      [role, first, ': ping\n', second, '\n', third, fourth, finish, done],
    ],
    ['an event has an id', [role, `id: 3\n${first}`, second, third, fourth, finish, done]],
    ['there are bytes behind its end', [role, ...texts, finish, done, 'data: {']],
    ['it ends within an event', [role, ...texts, finish, done.trimEnd()]],
    ['there is nothing', []],
  ])('tells when %s', (_name, events) => {
    const stream = events.join('');
    expect(() => check(stream)).toThrow(WrongAnswerError);
    expect(() => check(stream, [1])).toThrow(WrongAnswerError);
  });

  it('tells of any byte of an event with text that is another one', () => {
    const stream = [role, ...texts, finish, done].join('');
    const from = role.length + first.length; // the shape was learned from the first
    const until = from + second.length + third.length + fourth.length;
    for (let at = from; at < until; at++) {
      const changed = `${stream.slice(0, at)}\u0001${stream.slice(at + 1)}`;
      expect(() => check(changed)).toThrow(WrongAnswerError);
    }
  });
});
