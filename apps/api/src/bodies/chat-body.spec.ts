import { describe, expect, it } from '@jest/globals';
import { SpillwayError } from '#core/errors.js';
import { ChatBody } from './chat-body.js';
import { readStreamable } from './members.js';

const good = { model: 'llama3.2', messages: [{ role: 'user', content: 'Hello' }] };

function read(body: Record<string, unknown>): unknown {
  try {
    return readChat(body);
  } catch (error) {
    return error;
  }
}

function readChat(body: Record<string, unknown>): ChatBody {
  return readStreamable(new ChatBody(), body, ['messages', 'n']);
}

describe('ChatBody', () => {
  it.each([
    [good, { model: 'llama3.2' }],
    [{ ...good, stream: true }, { stream: true }],
    [
      { ...good, stream: null, n: null, stream_options: null },
      { stream: null, n: null, stream_options: null },
    ],
    [{ ...good, stream_options: { include_usage: true } }, { stream_options: { include_usage: true } }],
    [{ ...good, stream_options: {} }, { stream_options: {} }],
    [{ ...good, stream_options: { include_usage: null } }, { stream_options: { include_usage: null } }],
    [{ ...good, stream_options: { include_obfuscation: 'x' } }, { stream_options: {} }],
    [{ ...good, n: 128 }, { n: 128 }],
    [{ ...good, model: 'ü🦙'.repeat(128) }, { model: 'ü🦙'.repeat(128) }],
    [{ ...good, temperature: 'what the broker does not need' }, { model: 'llama3.2' }],
  ])('takes %j', (body, expected) => {
    expect(read(body)).toMatchObject(expected);
  });

  it('does not look at members that only the provider understands', () => {
    const request = readChat({ ...good, tools: 'not a list', temperature: 99 });
    expect(JSON.parse(JSON.stringify(request))).toEqual(good);
  });

  it.each([
    ['model', { messages: good.messages }],
    ['model', { ...good, model: '' }],
    ['model', { ...good, model: 7 }],
    ['model', { ...good, model: null }],
    ['model', JSON.parse('{"__proto__":{"model":"llama3.2"},"messages":[{}]}')],
    ['model', { ...good, model: 'm'.repeat(513) }],
    ['model', { ...good, model: 'half of a pair: \ud83e' }],
    ['messages', { model: 'llama3.2' }],
    ['messages', { ...good, messages: [] }],
    ['messages', { ...good, messages: 'Hello' }],
    ['messages', { ...good, messages: {} }],
    ['messages[0]', { ...good, messages: ['Hello'] }],
    ['messages[1]', { ...good, messages: [{}, []] }],
    ['messages[1]', { ...good, messages: [{}, null] }],
    ['messages', { ...good, messages: null }],
    ['stream', { ...good, stream: 'true' }],
    ['stream', { ...good, stream: 1 }],
    ['stream_options', { ...good, stream_options: true }],
    ['stream_options', { ...good, stream_options: 'include_usage' }],
    ['stream_options', { ...good, stream_options: [] }],
    ['stream_options', { ...good, stream_options: [{}] }],
    ['stream_options.include_usage', { ...good, stream_options: { include_usage: 'yes' } }],
    ['n', { ...good, n: 0 }],
    ['n', { ...good, n: 1.5 }],
    ['n', { ...good, n: '2' }],
    ['n', { ...good, n: 129 }],
  ])('names `%s` as the member at fault in %j', (param, body) => {
    const error = read(body as Record<string, unknown>);
    expect(error).toBeInstanceOf(SpillwayError);
    expect(error).toMatchObject({ code: 'invalid_value', params: { param } });
    expect(String(error)).toContain(`\`${param}\` must `);
  });

  it('quotes no value of the body in its message', () => {
    expect(String(read({ ...good, messages: 'secret prompt' }))).not.toContain('secret');
    expect(String(read({ ...good, model: { secret: 1 } }))).not.toContain('secret');
  });
});
