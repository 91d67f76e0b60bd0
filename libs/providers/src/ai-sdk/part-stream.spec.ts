import { describe, expect, it } from '@jest/globals';
import type { LanguageModelV4StreamPart } from '@ai-sdk/provider';
import { chunksIn } from '../../../../test/support/openai-answers.js';
import { PartStream, type PartStreamOptions } from './part-stream.js';

const options: PartStreamOptions = {
  ...{ id: 'chatcmpl-1', created: 1, kind: 'anthropic', model: 'claude' },
  ...{ includeUsage: false, secrets: ['hush'] },
};
const none = { total: undefined, noCache: undefined, cacheRead: undefined, cacheWrite: undefined };
const unknown = {
  inputTokens: none,
  outputTokens: { total: undefined, text: undefined, reasoning: undefined },
};

function finish(
  raw: string | undefined,
  unified: 'stop' | 'other' | 'interrupted' | 'error' | 'tool-calls' = 'stop',
) {
  return { type: 'finish', finishReason: { unified, raw }, usage: unknown } as const;
}

function play(parts: readonly LanguageModelV4StreamPart[], more: Partial<PartStreamOptions> = {}) {
  const stream = new PartStream({ ...options, ...more });
  const steps = parts.flatMap((part) => [...stream.take(part)]);
  const text = steps.map((step) => (step.kind === 'frame' ? step.frame.bytes.toString() : '')).join('');
  const deltas = chunksIn(text).flatMap(({ choices }) => choices[0]?.delta ?? []);
  return { stream, steps, text, deltas, last: steps.at(-1) };
}

const call = { type: 'tool-call', toolCallId: 'a', toolName: 'f', input: '{"x":1}' } as const;

describe('PartStream', () => {
  it.each<[string, readonly LanguageModelV4StreamPart[], readonly string[]]>([
    ['whole', [call], ['', '{"x":1}']],
    [
      'in pieces, and then whole',
      [
        { type: 'tool-input-start', id: 'a', toolName: 'f' },
        { type: 'tool-input-delta', id: 'a', delta: '{"x"' },
        { type: 'tool-input-delta', id: 'a', delta: '' },
        { type: 'tool-input-delta', id: 'a', delta: ':1}' },
        { type: 'tool-input-end', id: 'a' },
        call,
      ],
      ['', '{"x"', ':1}'],
    ],
    [
      'with its arguments in the whole alone',
      [{ type: 'tool-input-start', id: 'a', toolName: 'f' }, call],
      ['', '{"x":1}'],
    ],
  ])('says a tool call once that comes %s', (_, parts, texts) => {
    const { deltas, text } = play([...parts, finish('tool_use', 'tool-calls')]);
    const said = deltas.flatMap(({ tool_calls: calls }) => calls ?? []);
    expect(said.map((each) => each.function.arguments)).toEqual(texts);
    expect(said.map(({ id }) => id)).toEqual(['a', ...texts.slice(1).map(() => undefined)]);
    expect(text).toContain('"finish_reason":"tool_calls"');
  });

  it('does not say what the provider called by itself', () => {
    const parts: LanguageModelV4StreamPart[] = [
      { type: 'tool-input-start', id: 'a', toolName: 'web_search', providerExecuted: true },
      { type: 'tool-input-delta', id: 'a', delta: '{}' },
      { ...call, providerExecuted: true },
      { type: 'text-delta', id: '0', delta: 'found' },
    ];
    const { deltas } = play(parts);
    expect(deltas).toEqual([{ role: 'assistant', content: '' }, { content: 'found' }]);
  });

  it('gives each thought once, with what signs it, in the order of their ends', () => {
    const { deltas } = play([
      { type: 'reasoning-start', id: '0' },
      { type: 'reasoning-delta', id: '0', delta: 'one ' },
      { type: 'reasoning-delta', id: '0', delta: 'two' },
      { type: 'reasoning-delta', id: '0', delta: '', providerMetadata: { anthropic: { signature: 's' } } },
      { type: 'reasoning-end', id: '0' },
      { type: 'reasoning-start', id: '1', providerMetadata: { anthropic: { redactedData: 'd' } } },
      { type: 'reasoning-end', id: '1' },
      { type: 'reasoning-start', id: '2' },
      { type: 'reasoning-delta', id: '2', delta: 'unsigned' },
      { type: 'reasoning-end', id: '2' },
    ]);
    const format = 'anthropic-claude-v1';
    expect(deltas.slice(1)).toEqual([
      { reasoning_content: 'one ' },
      { reasoning_content: 'two' },
      { reasoning_details: [{ type: 'reasoning.text', text: 'one two', signature: 's', format, index: 0 }] },
      { reasoning_details: [{ type: 'reasoning.encrypted', data: 'd', format, index: 1 }] },
      { reasoning_content: 'unsigned' },
    ]);
  });

  it('keeps a signature whose thought is not shown', () => {
    const { deltas } = play([
      { type: 'reasoning-start', id: '0' },
      { type: 'reasoning-delta', id: '0', delta: '', providerMetadata: { anthropic: { signature: 's' } } },
      { type: 'reasoning-end', id: '0' },
    ]);
    expect(deltas.at(-1)).toMatchObject({
      reasoning_details: [{ type: 'reasoning.text', text: '', signature: 's' }],
    });
  });

  it('gives what Gemini signs a text and a call with', () => {
    const signed = (thoughtSignature: string) => ({ providerMetadata: { google: { thoughtSignature } } });
    const { deltas } = play(
      [
        { type: 'text-delta', id: '0', delta: 'hi', ...signed('t') },
        { ...call, ...signed('c') },
      ],
      { kind: 'gemini', model: 'g' },
    );
    expect(deltas.flatMap(({ reasoning_details: details }) => details ?? [])).toEqual([
      { type: 'reasoning.encrypted', data: 't', format: 'google-gemini-v1', index: 0 },
      { type: 'reasoning.encrypted', data: 'c', id: 'a', format: 'google-gemini-v1', index: 1 },
    ]);
  });

  it('names the model that answers, and shows images', () => {
    const { text } = play([
      { type: 'response-metadata', modelId: 'claude-1' },
      { type: 'file', mediaType: 'image/png', data: { type: 'data', data: 'aGk=' } },
      { type: 'file', mediaType: 'audio/wav', data: { type: 'data', data: 'aGk=' } },
    ]);
    expect(text.match(/"model":"claude-1"/g)).toHaveLength(2);
    expect(text).toContain(
      '"images":[{"type":"image_url","image_url":{"url":"data:image/png;base64,aGk="}}]',
    );
  });

  it('passes on why there is no answer', () => {
    const details = { anthropic: { stopDetails: { type: 'refusal', explanation: 'No.' } } };
    const { deltas, last } = play([
      {
        ...{ type: 'finish', usage: unknown, providerMetadata: details },
        finishReason: { unified: 'content-filter', raw: 'refusal' },
      },
    ]);
    expect(deltas).toContainEqual({ refusal: 'No.' });
    expect(last).toEqual({ kind: 'complete' });
  });

  it('keeps to the rule of usage: null on every chunk but the last, and none unasked', () => {
    const usage = {
      inputTokens: { ...none, total: 5, cacheRead: 2 },
      outputTokens: { total: 3, text: 2, reasoning: 1 },
    };
    const parts = [{ type: 'text-delta', id: '0', delta: 'hi' } as const, { ...finish('end_turn'), usage }];
    const chunks = chunksIn(play(parts, { includeUsage: true }).text);
    expect(chunks.map((chunk) => chunk.usage)).toEqual([
      ...[null, null, null],
      {
        ...{ prompt_tokens: 5, completion_tokens: 3, total_tokens: 8 },
        prompt_tokens_details: { cached_tokens: 2 },
        completion_tokens_details: { reasoning_tokens: 1 },
      },
    ]);
    const { text, stream } = play(parts);
    expect(text).not.toContain('usage');
    expect(stream.usage).toEqual({ promptTokens: 5, completionTokens: 3 });
  });

  it.each([
    [finish(undefined), { kind: 'truncated' }],
    [finish(undefined, 'other'), { kind: 'truncated' }],
    [finish('end_turn', 'interrupted'), { kind: 'truncated' }],
    [finish('MALFORMED_FUNCTION_CALL', 'error'), { kind: 'malformed' }],
    [finish('malformed_tool_use', 'other'), { kind: 'malformed' }],
  ])('takes %j for no end', (part, facts) => {
    const { last, text } = play([{ type: 'text-delta', id: '0', delta: 'hi' }, part]);
    expect(last).toMatchObject({ kind: 'failed', facts });
    expect(text).not.toContain('"finish_reason":"');
  });

  it.each([
    ['model_context_window_exceeded', 'length'],
    ['OTHER', 'content_filter'],
    ['something_new', 'stop'],
  ])('knows the reason %s as %s', (raw, reason) => {
    expect(play([finish(raw, 'other')]).text).toContain(`"finish_reason":"${reason}"`);
  });

  it('ends with an error part, without our secrets', () => {
    const error = { statusCode: 529, type: 'overloaded_error', message: 'too much hush', data: {} };
    expect(play([{ type: 'error', error }]).last).toEqual({
      kind: 'failed',
      facts: {
        ...{ kind: 'status', status: 200, code: '529', type: 'overloaded_error' },
        message: 'too much [redacted]',
      },
    });
    expect(play([{ type: 'error', error: new SyntaxError('x') }]).last).toMatchObject({
      facts: { kind: 'malformed' },
    });
  });

  it('hands warnings on', () => {
    const warnings = [{ type: 'unsupported', feature: 'seed' } as const];
    expect(play([{ type: 'stream-start', warnings }]).steps).toEqual([{ kind: 'warnings', warnings }]);
    expect(play([{ type: 'stream-start', warnings: [] }]).steps).toEqual([]);
  });

  it('knows early what Anthropic counted', () => {
    const usage = { input_tokens: 4, cache_read_input_tokens: 2, output_tokens: 1 };
    const { stream } = play([
      { type: 'custom', kind: 'anthropic.message_start', providerMetadata: { anthropic: { usage } } },
    ]);
    expect(stream.usage).toEqual({ promptTokens: 6, completionTokens: 1 });
  });
});
