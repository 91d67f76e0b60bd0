import { describe, expect, it } from '@jest/globals';
import type { AiSdkKind } from './kinds.js';
import { RequestError } from '../request-error.js';
import { toPrompt } from './to-prompt.js';

const KINDS: readonly AiSdkKind[] = ['anthropic', 'gemini', 'bedrock'];
const on = (kind: AiSdkKind) => ({ kind, model: 'm' });
const PIXEL = 'data:image/png;base64,iVBORw0KGgo=';

function user(...content: readonly object[]): readonly object[] {
  return [{ role: 'user', content }];
}

/** The member at fault. */
function faultOf(messages: unknown, kind: AiSdkKind): string {
  try {
    toPrompt(messages, on(kind));
  } catch (error) {
    if (error instanceof RequestError) return error.param;
  }
  throw new Error('The messages were taken.');
}

describe.each(KINDS)('messages for %s', (kind) => {
  const promptOf = (messages: unknown) => toPrompt(messages, on(kind));

  it('have what is said to the system first, wherever it stood', () => {
    const prompt = promptOf([
      { role: 'system', content: 'a' },
      { role: 'user', content: 'b' },
      { role: 'developer', content: [{ type: 'text', text: 'c' }] },
    ]);
    expect(prompt).toEqual([
      { role: 'system', content: 'a' },
      { role: 'system', content: 'c' },
      { role: 'user', content: [{ type: 'text', text: 'b' }] },
    ]);
  });

  it('carry images and files as data', () => {
    const prompt = promptOf(
      user(
        { type: 'text', text: '' },
        { type: 'image_url', image_url: { url: PIXEL, detail: 'low' } },
        { type: 'file', file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,JVBERg==' } },
        { type: 'file', file: { filename: 'b.txt', file_data: 'data:text/plain,h%C3%A9' } },
        { type: 'file', file: { filename: 'c.pdf', file_data: 'JVBERg==' } },
      ),
    );
    const file = (mediaType: string, data: string, more: object = {}) => ({
      ...{ type: 'file', mediaType, data: { type: 'data', data } },
      ...more,
    });
    expect(prompt).toEqual([
      {
        role: 'user',
        content: [
          file('image/png', 'iVBORw0KGgo='),
          file('application/pdf', 'JVBERg==', { filename: 'a.pdf' }),
          file('text/plain', 'aMOp', { filename: 'b.txt' }),
          file('application/pdf', 'JVBERg==', { filename: 'c.pdf' }),
        ],
      },
    ]);
  });

  it('keep calls and results together, by the names of the tools', () => {
    const call = (id: string, name: string, args: string) => ({
      ...{ id, type: 'function' },
      function: { name, arguments: args },
    });
    const prompt = promptOf([
      { role: 'user', content: 'go' },
      {
        role: 'assistant',
        content: 'Let me see.',
        tool_calls: [call('a', 'one', '{"x":1}'), call('functions.two:0', 'two', '')],
      },
      { role: 'tool', tool_call_id: 'functions.two:0', content: [{ type: 'text', text: '2' }] },
      { role: 'tool', tool_call_id: 'a', content: '1' },
      { role: 'user', content: 'on' },
    ]);
    expect(prompt.slice(1, 3)).toEqual([
      {
        role: 'assistant',
        content: [
          { type: 'text', text: 'Let me see.' },
          { type: 'tool-call', toolCallId: 'a', toolName: 'one', input: { x: 1 } },
          { type: 'tool-call', toolCallId: 'functions_two_0', toolName: 'two', input: {} },
        ],
      },
      {
        role: 'tool',
        content: [
          {
            ...{ type: 'tool-result', toolCallId: 'functions_two_0', toolName: 'two' },
            output: { type: 'text', value: '2' },
          },
          {
            ...{ type: 'tool-result', toolCallId: 'a', toolName: 'one' },
            output: { type: 'text', value: '1' },
          },
        ],
      },
    ]);
  });

  it('keep arguments that are no object in one', () => {
    const inputs = ['[1]', '{"x":', '"text"'].map((args) => {
      const tool_calls = [{ id: 'a', function: { name: 'f', arguments: args } }];
      return promptOf([{ role: 'assistant', tool_calls }])[0];
    });
    expect(inputs).toMatchObject([
      { content: [{ input: { value: [1] } }] },
      { content: [{ input: { value: '{"x":' } }] },
      { content: [{ input: { value: 'text' } }] },
    ]);
  });

  it('carry images in results', () => {
    const prompt = promptOf([
      { role: 'assistant', tool_calls: [{ id: 'a', function: { name: 'f', arguments: '{}' } }] },
      {
        role: 'tool',
        tool_call_id: 'a',
        content: [
          { type: 'text', text: 'see' },
          { type: 'image_url', image_url: { url: PIXEL } },
        ],
      },
    ]);
    expect(prompt[1]).toMatchObject({
      content: [{ output: { type: 'content', value: [{ text: 'see' }, { mediaType: 'image/png' }] } }],
    });
  });

  it.each<[string, unknown]>([
    ['messages', undefined],
    ['messages[0]', ['hi']],
    ['messages[0].role', [{ role: 'function', name: 'f', content: '1' }]],
    ['messages[0].content', [{ role: 'user', content: 7 }]],
    ['messages[0].content[0]', [{ role: 'system', content: [{ type: 'image_url' }] }]],
    ['messages[0].content[1]', user({ type: 'text', text: 'a' }, { text: 'b' })],
    ['messages[0].content[0].type', user({ type: 'video_url', video_url: {} })],
    [
      'messages[0].content[0].image_url',
      user({ type: 'image_url', image_url: { url: 'file:///etc/passwd' } }),
    ],
    [
      'messages[0].content[0].image_url',
      user({ type: 'image_url', image_url: { url: 'http://a.example/a.png' } }),
    ],
    ['messages[0].content[0].file', user({ type: 'file', file: { file_id: 'file-1' } })],
    ['messages[0].tool_call_id', [{ role: 'tool', tool_call_id: 'x', content: '1' }]],
    ['messages[0].tool_calls[0].id', [{ role: 'assistant', tool_calls: [{}] }]],
    ['messages[0].tool_calls[0].function.name', [{ role: 'assistant', tool_calls: [{ id: 'a' }] }]],
  ])('are refused at %s', (param, messages) => {
    expect(faultOf(messages, kind)).toBe(param);
  });
});

describe('what one kind takes and another does not', () => {
  const image = user({ type: 'image_url', image_url: { url: 'https://a.example/a.webp?size=1' } });
  const audio = user({ type: 'input_audio', input_audio: { data: 'UklGRg==', format: 'mp3' } });

  it.each<[AiSdkKind, string]>([
    ['anthropic', 'image/webp'],
    ['gemini', 'image/webp'],
  ])('%s fetches an image behind an https URL itself', (kind, mediaType) => {
    const url = new URL('https://a.example/a.webp?size=1');
    expect(toPrompt(image, on(kind))).toEqual([
      { role: 'user', content: [{ type: 'file', mediaType, data: { type: 'url', url } }] },
    ]);
  });

  it('bedrock does not, and says what to do', () => {
    expect(faultOf(image, 'bedrock')).toBe('messages[0].content[0].image_url');
    expect(() => toPrompt(image, on('bedrock'))).toThrow(/as a data: URL/);
  });

  it('gemini hears', () => {
    expect(toPrompt(audio, on('gemini'))).toMatchObject([{ content: [{ mediaType: 'audio/mpeg' }] }]);
    expect(faultOf(audio, 'anthropic')).toBe('messages[0].content[0].input_audio');
    expect(faultOf(audio, 'bedrock')).toBe('messages[0].content[0].input_audio');
  });
});

describe('thoughts that are sent back', () => {
  const text = { type: 'reasoning.text', text: 'hm', signature: 's', index: 1 };
  const sealed = { type: 'reasoning.encrypted', data: 'd', index: 0 };
  const called = { id: 'a', function: { name: 'f', arguments: '{}' } };
  const partsOf = (served: { kind: AiSdkKind; model: string }, details: readonly object[]) => {
    const message = {
      ...{ role: 'assistant', content: 'yes', reasoning_content: 'hm' },
      ...{ reasoning_details: details, tool_calls: [called] },
    };
    const [first] = toPrompt([message], served);
    return first?.role === 'assistant'
      ? first.content.map(({ type, providerOptions }) => [type, providerOptions])
      : [];
  };
  const plain = [
    ['text', undefined],
    ['tool-call', undefined],
  ];

  it('are blocks of Claude, in their order', () => {
    const format = 'anthropic-claude-v1';
    const details = [
      { ...text, format },
      { ...sealed, format },
    ];
    expect(partsOf(on('anthropic'), details)).toEqual([
      ['reasoning', { anthropic: { redactedData: 'd' } }],
      ['reasoning', { anthropic: { signature: 's' } }],
      ...plain,
    ]);
    // Signed by Claude elsewhere; what it sealed there only that place can open.
    expect(partsOf({ kind: 'bedrock', model: 'eu.anthropic.claude' }, details)).toEqual([
      ['reasoning', { amazonBedrock: { signature: 's' } }],
      ...plain,
    ]);
    expect(partsOf({ kind: 'bedrock', model: 'amazon.nova' }, details)).toEqual(plain);
    expect(partsOf(on('gemini'), details)).toEqual(plain);
  });

  it('are blocks of Bedrock', () => {
    const format = 'amazon-bedrock-v1';
    const served = { kind: 'bedrock', model: 'eu.anthropic.claude' } as const;
    expect(partsOf(served, [{ ...sealed, format }])).toEqual([
      ['reasoning', { amazonBedrock: { redactedContent: 'd' } }],
      ...plain,
    ]);
    expect(partsOf(on('anthropic'), [{ ...sealed, format }])).toEqual(plain);
  });

  it('are signatures of a text and of a call for Gemini', () => {
    const format = 'google-gemini-v1';
    expect(
      partsOf(on('gemini'), [
        { ...sealed, format },
        { ...text, format },
        { ...sealed, data: 'c', id: 'a', format },
      ]),
    ).toEqual([
      ['reasoning', { google: { thoughtSignature: 's' } }],
      ['text', { google: { thoughtSignature: 'd' } }],
      ['tool-call', { google: { thoughtSignature: 'c' } }],
    ]);
  });

  it.each([
    [undefined],
    ['x'],
    [[7, null, {}]],
    [[{ type: 'reasoning.text', text: 'unsigned' }]],
    [[{ ...text, index: 'a' }]],
  ])('are left out where they are no such thing: %j', (details) => {
    const message = { role: 'assistant', content: 'yes', reasoning_details: details };
    expect(toPrompt([message], on('anthropic'))).toEqual([
      { role: 'assistant', content: [{ type: 'text', text: 'yes' }] },
    ]);
  });
});
