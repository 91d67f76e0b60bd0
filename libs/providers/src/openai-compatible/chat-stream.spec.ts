import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ChatStream } from './chat-stream.js';
import type { AnswerStep } from '../http/answer-stream.js';
import type { ExchangeEvent } from '../http/exchange.js';

const LIMITS = { maxEventLength: 10_000, maxStreamBytes: 100_000 };

function createChat(
  options: { includeUsage?: boolean; continuousUsage?: boolean; choices?: number } = {},
): ChatStream {
  return new ChatStream({ includeUsage: false, secrets: ['sk-secret'], ...LIMITS, ...options });
}

function data(text: string): ExchangeEvent {
  return { kind: 'data', bytes: Buffer.from(text) };
}

/** All steps up to the one that ends the stream. */
function play(chat: ChatStream, ...events: readonly ExchangeEvent[]): AnswerStep[] {
  const steps: AnswerStep[] = [];
  for (const event of events) {
    for (const step of chat.take(event)) {
      steps.push(step);
      if (step.kind !== 'frame') return steps;
    }
  }
  return steps;
}

function textOf(steps: readonly AnswerStep[]): string {
  return steps
    .map((step) => (step.kind === 'frame' ? step.frame.bytes.toString() : `<${step.kind}>`))
    .join('');
}

function chunk(delta: object, finish: string | null = null, index = 0): string {
  return `data: ${JSON.stringify({ choices: [{ index, delta, finish_reason: finish }] })}\n\n`;
}

const FINISH = chunk({}, 'stop');
const DONE = 'data: [DONE]\n\n';
const END: ExchangeEvent = { kind: 'end' };
const RESET: ExchangeEvent = { kind: 'error', code: 'ECONNRESET' };
const TIMEOUT: ExchangeEvent = { kind: 'timeout' };
const TRUNCATED = { kind: 'failed', facts: { kind: 'truncated' } };

describe('ChatStream output', () => {
  it.each<[string, object]>([
    ['content', { content: 'a' }],
    ['a blank', { content: ' ' }],
    ['content parts', { content: [{ type: 'text', text: 'a' }] }],
    ['reasoning', { reasoning: 'a' }],
    ['reasoning_content', { reasoning_content: 'a' }],
    ['a refusal', { refusal: 'no' }],
    ['audio', { audio: { id: 'audio_1' } }],
    ['a tool call', { tool_calls: [{ index: 0, id: 'call_1' }] }],
    ['a function call', { function_call: { name: 'f' } }],
    ['reasoning details', { reasoning_details: [{ type: 'reasoning.encrypted', data: 'x' }] }],
    ['an image', { images: [{ type: 'image_url' }] }],
  ])('is %s', (_, delta) => {
    const chat = createChat();
    expect(play(chat, data(chunk(delta)))).toMatchObject([{ kind: 'frame', frame: { output: true } }]);
    expect(chat.outputSeen).toBe(true);
  });

  it.each<[string, string]>([
    ['a role', chunk({ role: 'assistant', content: '' })],
    ['an empty delta', chunk({})],
    ['null members', chunk({ content: null, refusal: null, tool_calls: null, audio: null })],
    ['an empty list of tool calls', chunk({ tool_calls: [] })],
    ['empty objects', chunk({ function_call: {}, audio: {} })],
    ['a finish', FINISH],
    ['empty choices', 'data: {"choices":[],"prompt_filter_results":[]}\n\n'],
    ['a choice without a delta', 'data: {"choices":[{"index":0}]}\n\n'],
  ])('is not %s', (_, event) => {
    const chat = createChat();
    expect(play(chat, data(event))).toMatchObject([{ kind: 'frame', frame: { output: false } }]);
    expect(chat.outputSeen).toBe(false);
  });

  it('counts on any choice', () => {
    const both = {
      choices: [
        { index: 0, delta: {} },
        { index: 1, delta: { content: 'b' } },
      ],
    };
    expect(play(createChat(), data(`data: ${JSON.stringify(both)}\n\n`))).toMatchObject([
      { frame: { output: true } },
    ]);
  });
});

describe('ChatStream frames', () => {
  it('passes each event on in its own bytes', () => {
    const odd =
      '{"choices" : [ {"delta":{"content":"\\u00e9\\n é"},"x":1.0e2} ], "big":12345678901234567890}';
    expect(textOf(play(createChat(), data(`data:${odd}\n\n`)))).toBe(`data: ${odd}\n\n`);
  });

  it('puts an event of several lines on one', () => {
    const steps = play(createChat(), data('data: {"choices":\ndata: [{"delta":{"content":"a"}}]}\n\n'));
    expect(textOf(steps)).toBe('data: {"choices": [{"delta":{"content":"a"}}]}\n\n');
  });

  it('drops comments, pings, empty events, ids and retries', () => {
    const noise = ': ping\n\nevent: ping\ndata: {"type":"ping"}\n\nid: 7\nretry: 10\n\ndata:\n\nother: x\n';
    expect(textOf(play(createChat(), data(`\uFEFF${noise}${FINISH}${noise}${DONE}`)))).toBe(
      `${FINISH}<complete>`,
    );
  });
});

describe('ChatStream usage', () => {
  const usage = '"usage":{"prompt_tokens":3,"completion_tokens":5,"total_tokens":8}';
  const expected = { promptTokens: 3, completionTokens: 5 };

  it('keeps the usage chunk back from a client that did not ask', () => {
    const chat = createChat();
    const steps = play(chat, data(`${FINISH}data: {"choices":[],${usage}}\n\n${DONE}`));
    expect(textOf(steps)).toBe(`${FINISH}<complete>`);
    expect(chat.usage).toEqual(expected);
  });

  const [alone, finishing] = [`{"choices":[],${usage}}`, FINISH.slice('data: '.length).trimEnd()];
  const nullUsage = finishing.replace(/\}$/, ',"usage":null}');
  const withUsage = finishing.replace(/\}$/, `,${usage}}`);

  it.each([
    ['as it is', [nullUsage, alone], [nullUsage, alone]],
    ['with the null that the others lack', [finishing, alone], [nullUsage, alone]],
    [
      'with the empty choices that it lacks',
      [nullUsage, `{${usage}}`],
      [nullUsage, `{${usage},"choices":[]}`],
    ],
    ['with empty choices in place of null', [nullUsage, `{"choices":null,${usage}}`], [nullUsage, alone]],
    ['once, and last', [alone, alone, nullUsage], [nullUsage, alone]],
    ['though it came on the finish', [withUsage], [nullUsage, `{"choices":[],${usage}}`]],
    ['though it came on the finish, too', [withUsage, alone], [nullUsage, alone]],
  ])('gives its chunk to a client that asked: %s', (_, sent, got) => {
    const [text, wanted] = [sent, got].map((chunks) => chunks.map((each) => `data: ${each}\n\n`).join(''));
    for (const end of [data(DONE), END, RESET, TIMEOUT]) {
      const chat = createChat({ includeUsage: true });
      const steps = play(chat, data(text ?? ''), end);
      expect(textOf(steps)).toBe(`${wanted}<complete>`);
      expect(chat.usage).toEqual(expected);
    }
  });

  it('leaves the counts on every chunk where the client asked for that', () => {
    const chat = createChat({ includeUsage: true, continuousUsage: true });
    const text = `data: ${withUsage}\n\ndata: ${alone}\n\n`;
    expect(textOf(play(chat, data(text + DONE)))).toBe(`${text}<complete>`);
  });

  it('gives no usage where the answer broke off', () => {
    const chat = createChat({ includeUsage: true });
    expect(textOf(play(chat, data(`data: ${alone}\n\n`), RESET))).toBe('<failed>');
    expect(chat.usage).toEqual(expected);
  });

  it('leaves usage on the finish chunk where it is, and adds no chunk', () => {
    const chat = createChat();
    const text = `data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],${usage}}\n\n`;
    expect(textOf(play(chat, data(text + DONE)))).toBe(`${text}<complete>`);
    expect(chat.usage).toEqual(expected);
  });

  it('takes the latest counts, and nothing that is not counts', () => {
    const chat = createChat();
    play(chat, data(`data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}\n\n`));
    play(chat, data(`data: {"choices":[],${usage}}\n\ndata: {"choices":[],"usage":null}\n\n`));
    play(chat, data('data: {"choices":[],"usage":{"prompt_tokens":-1,"completion_tokens":"x"}}\n\n'));
    expect(chat.usage).toEqual(expected);
  });
});

describe('ChatStream ends', () => {
  const role = chunk({ role: 'assistant' });
  const a = chunk({ content: 'a' });

  it.each<[string, ExchangeEvent[], AnswerStep['kind'] | object]>([
    ['finish and [DONE]', [data(a + FINISH + DONE)], 'complete'],
    ['finish and a clean end', [data(a + FINISH), END], 'complete'],
    ['finish and a reset', [data(a + FINISH), RESET], 'complete'],
    ['finish and silence', [data(a + FINISH), TIMEOUT], 'complete'],
    ['a finish without any output', [data(role + FINISH + DONE)], 'complete'],
    ['a finish whose last blank line is missing', [data(a + FINISH.trimEnd()), END], 'complete'],
    ['a [DONE] whose line end is missing', [data(`${a}${FINISH}data: [DONE]`), END], 'complete'],
    ['[DONE] without a finish', [data(a + DONE)], TRUNCATED],
    ['a clean end without a finish', [data(a), END], TRUNCATED],
    ['half an event', [data(`${a}data: {"choices":[{"finish_re`), END], TRUNCATED],
    ['nothing at all', [END], TRUNCATED],
    ['one of two choices finished', [data(chunk({}, null, 1) + FINISH + DONE)], TRUNCATED],
    ['both choices finished', [data(chunk({}, 'stop', 1) + FINISH + DONE)], 'complete'],
    ['a reset', [data(a), RESET], { facts: { kind: 'disconnect', code: 'ECONNRESET' } }],
    [
      'broken chunked encoding',
      [{ kind: 'error', code: 'HTTPParserError' }],
      { facts: { kind: 'malformed' } },
    ],
    ['silence before output', [data(role), TIMEOUT], { facts: { kind: 'timeout', timer: 'first_token' } }],
    ['silence after output', [data(a), TIMEOUT], { facts: { kind: 'timeout', timer: 'idle' } }],
    ['an abort', [data(a), { kind: 'aborted' }], 'aborted'],
    ['bad JSON', [data('data: {"choices":[}\n\n')], { facts: { kind: 'malformed' } }],
    ['JSON that is no object', [data('data: 7\n\n')], { facts: { kind: 'malformed' } }],
    ['a choice that is no object', [data('data: {"choices":[null]}\n\n')], { facts: { kind: 'malformed' } }],
    ['a line that is too long', [data(`data: "${'x'.repeat(10_001)}`)], { facts: { kind: 'malformed' } }],
    [
      'an event that is too long',
      [data(`data: "${'x'.repeat(10_001)}"\n\n`)],
      { facts: { kind: 'malformed' } },
    ],
    ['data lines without end', [data('data: x\n'.repeat(10_001))], { facts: { kind: 'malformed' } }],
    [
      'an event that is too long, and a finish in the same piece',
      [data(`data: "${'x'.repeat(10_001)}"\n\n${FINISH}${DONE}`)],
      { facts: { kind: 'malformed' } },
    ],
    ['a stream that is too long', [data(`: ${'x'.repeat(100_000)}`)], { facts: { kind: 'malformed' } }],
    [
      'an error object',
      [data('data: {"error":{"message":"no","code":"c","type":"t"}}\n\n')],
      { facts: { kind: 'status', status: 200, message: 'no', code: 'c', type: 't' } },
    ],
    [
      'an error beside choices',
      [data('data: {"error":{"code":502},"choices":[{"finish_reason":"error"}]}\n\n')],
      { facts: { kind: 'status', code: '502' } },
    ],
    [
      'an error as text',
      [data('data: {"error":"CUDA out of memory"}\n\n')],
      { facts: { message: 'CUDA out of memory' } },
    ],
    [
      'a bare error',
      [data('data: {"object":"error","message":"no","code":400}\n\n')],
      { facts: { message: 'no', code: '400' } },
    ],
    [
      'a named error',
      [data('event: error\ndata: {"message":"no"}\n\n')],
      { facts: { kind: 'status', message: 'no' } },
    ],
    [
      'a named error of plain text',
      [data('event: error\ndata: out of memory\n\n')],
      { facts: { message: 'out of memory' } },
    ],
    [
      'an error that echoes the key',
      [data('data: {"error":"bad key sk-secret"}\n\n')],
      { facts: { message: 'bad key [redacted]' } },
    ],
  ])('%s', (_, events, expected) => {
    const last = play(createChat(), ...events).at(-1);
    expect(last).toMatchObject(
      typeof expected === 'string' ? { kind: expected } : { kind: 'failed', ...expected },
    );
  });

  it('reads nothing behind [DONE]', () => {
    expect(textOf(play(createChat(), data(`${FINISH}${DONE}${a}data: nonsense\n\n`)))).toBe(
      `${FINISH}<complete>`,
    );
  });

  it('takes a null error for none', () => {
    expect(textOf(play(createChat(), data('data: {"error":null,"choices":[]}\n\n')))).not.toContain('failed');
  });
});

describe('ChatStream and nonsense', () => {
  it('never throws and always ends, whatever the bytes', () => {
    const noise = fc.oneof(
      fc.uint8Array(),
      fc.constantFrom(FINISH, DONE, 'data: ', '\n\n').map((text) => Buffer.from(text)),
    );
    fc.assert(
      fc.property(fc.array(noise, { maxLength: 10 }), (pieces) => {
        const events = pieces.map((piece): ExchangeEvent => ({ kind: 'data', bytes: Buffer.from(piece) }));
        expect(['complete', 'failed']).toContain(play(createChat(), ...events, END).at(-1)?.kind);
      }),
    );
  });

  it.each([
    ['[DONE]', data('data: [DONE]\n\n')],
    ['the end', { kind: 'end' } as const],
  ])('is no whole answer with fewer choices than were asked for, by %s', (_, end) => {
    const chunk = (index: number) =>
      data(`data: {"choices":[{"index":${index},"delta":{"content":"Hi"},"finish_reason":"stop"}]}\n\n`);
    const facts = { kind: 'malformed', reason: expect.stringMatching(/^1 of 2 choices/) };
    expect(play(createChat({ choices: 2 }), chunk(0), end).at(-1)).toEqual({ kind: 'failed', facts });
    expect(play(createChat({ choices: 2 }), chunk(0), chunk(1), end).at(-1)).toEqual({ kind: 'complete' });
  });
});
