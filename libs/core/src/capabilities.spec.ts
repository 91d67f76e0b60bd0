import { describe, expect, it } from '@jest/globals';
import { judgeFit, mergeCapabilities, type Capabilities } from './capabilities.js';
import type { Endpoint } from './endpoint.js';
import { readFeatures } from './read-features.js';

function fitOf(endpoint: Endpoint, body: Record<string, unknown>, capabilities: Capabilities) {
  return judgeFit(readFeatures(endpoint, body), capabilities);
}

const part = (type: string) => ({ messages: [{ role: 'user', content: [{ type: 'text' }, { type }] }] });

describe('judgeFit', () => {
  it('tells once of a choice of tools that has no force', () => {
    const body = { tools: [{}], tool_choice: 'required' };
    const both = { forcedTools: false, parameters: { tool_choice: 'drop' } } as const;
    expect(fitOf('chat', body, both)).toEqual({ fits: true, dropped: ['tool_choice'] });
    expect(fitOf('chat', body, { forcedTools: true })).toEqual({ fits: true, dropped: [] });
  });

  it.each<[Endpoint, Record<string, unknown>, Capabilities, string, RegExp]>([
    ['embeddings', {}, { endpoints: ['chat'] }, 'model', /has no embeddings/],
    ['chat', { n: 2 }, { n: 'unsupported' }, 'n', /gives one answer per request/],
    ['completions', { n: 2 }, { n: 'unsupported' }, 'n', /one answer/],
    ['completions', { n: 2, best_of: 4 }, { n: 'emulated' }, 'best_of', /cannot choose the best/],
    ['completions', { best_of: 4 }, { n: 'emulated' }, 'best_of', /cannot choose the best/],
    ['completions', { best_of: 4 }, { n: 'unsupported' }, 'best_of', /cannot choose the best/],
    ['chat', { tools: [{}] }, { tools: false }, 'tools', /knows no tools/],
    ['chat', { functions: [{}] }, { tools: false }, 'functions', /knows no tools/],
    [
      'chat',
      { tools: [{}], parallel_tool_calls: true },
      { parallelToolCalls: false },
      'parallel_tool_calls',
      /one tool call at a time/,
    ],
    ['chat', { logprobs: true }, { logprobs: false }, 'logprobs', /log probabilities/],
    ['chat', { top_logprobs: 0 }, { logprobs: false }, 'top_logprobs', /log probabilities/],
    ['completions', { logprobs: 0 }, { logprobs: false }, 'logprobs', /log probabilities/],
    [
      'chat',
      { response_format: { type: 'json_schema' } },
      { structuredOutputs: false },
      'response_format',
      /JSON schemas/,
    ],
    ['chat', part('image_url'), { images: false }, 'messages[0].content[1]', /no images/],
    ['chat', part('input_audio'), { audio: false }, 'messages[0].content[1]', /no audio/],
    ['chat', { modalities: ['text', 'audio'] }, { audio: false }, 'modalities', /no audio/],
    ['chat', part('file'), { files: false }, 'messages[0].content[1]', /no files/],
    ['embeddings', { dimensions: 8 }, { dimensions: false }, 'dimensions', /one length only/],
    ['embeddings', { dimensions: 8 }, { dimensions: [256, 512] }, 'dimensions', /256, 512 dimensions only/],
    ['chat', { seed: 1 }, { parameters: { seed: 'refuse' } }, 'seed', /does not take `seed`/],
    ['rerank', { top_n: 1 }, { parameters: { top_n: 'refuse' } }, 'top_n', /does not take `top_n`/],
  ])('%s with %j lacks by %j: %s', (endpoint, body, capabilities, param, reason) => {
    const found = fitOf(endpoint, body, capabilities);
    expect(found).toEqual({ fits: false, lack: { param, reason: expect.stringMatching(reason) } });
    // With nothing said of it, the provider is taken to have what OpenAI has.
    expect(fitOf(endpoint, body, {})).toEqual({ fits: true, dropped: [] });
  });

  it.each<[Endpoint, Record<string, unknown>, Capabilities]>([
    ['chat', {}, { endpoints: ['chat'] }],
    ['chat', { n: 1 }, { n: 'unsupported' }],
    ['chat', { n: null }, { n: 'unsupported' }],
    ['chat', { n: 3 }, { n: 'emulated' }],
    ['chat', { n: 3 }, { n: 'native' }],
    ['completions', { n: 3, best_of: 3 }, { n: 'native' }],
    ['completions', { best_of: 1 }, { n: 'emulated' }],
    ['chat', { best_of: 3 }, { n: 'emulated' }],
    ['chat', { tools: [], functions: [] }, { tools: false }],
    ['chat', { tools: [{}] }, { tools: true }],
    ['chat', { parallel_tool_calls: false }, { parallelToolCalls: false }],
    ['chat', { logprobs: false, top_logprobs: null }, { logprobs: false }],
    ['completions', { logprobs: null }, { logprobs: false }],
    ['chat', { response_format: { type: 'json_object' } }, { structuredOutputs: false }],
    ['chat', part('text'), { images: false, audio: false, files: false }],
    ['chat', part('constructor'), { images: false, audio: false, files: false }],
    ['chat', { messages: [{ role: 'developer', content: 'x' }] }, { developerRole: false }],
    ['chat', { max_completion_tokens: 5 }, { maxTokens: 'max_tokens' }],
    ['embeddings', { dimensions: 256 }, { dimensions: [256, 512] }],
    ['embeddings', { dimensions: 8 }, { dimensions: true }],
    ['embeddings', { dimensions: null }, { dimensions: false }],
    ['chat', { seed: null }, { parameters: { seed: 'refuse' } }],
    ['chat', { constructor: 1, toString: 1 }, { parameters: { seed: 'refuse' } }],
  ])('%s with %j fits %j', (endpoint, body, capabilities) => {
    expect(fitOf(endpoint, body, capabilities)).toEqual({ fits: true, dropped: [] });
  });

  it('tells what is dropped, in the order of the request, and nothing that was not given', () => {
    const parameters = { logit_bias: 'drop', seed: 'drop', user: 'drop', store: 'drop' } as const;
    const body = { user: 'u', store: null, seed: 1, logit_bias: {}, temperature: 1 };
    expect(fitOf('chat', body, { parameters })).toEqual({
      fits: true,
      dropped: ['user', 'seed', 'logit_bias'],
    });
  });

  it('does not call dropped what the client has all the same', () => {
    const parameters = { encoding_format: 'drop' } as const;
    expect(fitOf('embeddings', { encoding_format: 'base64' }, { parameters })).toEqual({
      fits: true,
      dropped: [],
    });
  });
});

describe('readFeatures', () => {
  it('names the first part of each kind, over all messages', () => {
    const messages = [
      { role: 'system', content: 'x' },
      { role: 'user', content: [{ type: 'image_url' }, { type: 'image_url' }] },
      { role: 'user', content: [{ type: 'file' }, { type: 'image_url' }] },
    ];
    expect(readFeatures('chat', { messages }).uses).toEqual({
      images: 'messages[1].content[0]',
      files: 'messages[2].content[0]',
    });
  });

  it.each([[{}], [{ messages: 'x' }], [{ messages: [null, 1, { content: [null, 'x', { type: 1 }] }] }]])(
    'takes %j without complaint',
    (body) => {
      expect(readFeatures('chat', body).uses).toEqual({});
    },
  );

  it('leaves the members of the broker out', () => {
    const { members } = readFeatures('chat', { model: 'm', spillway: {}, fallbakit: {}, extra_body: {} });
    expect(members).toEqual(['model']);
  });
});

describe('mergeCapabilities', () => {
  it('takes the later word member by member, and of parameters name by name', () => {
    expect(
      mergeCapabilities(
        { n: 'emulated', tools: false, parameters: { seed: 'drop', user: 'drop' } },
        undefined,
        { tools: true, parameters: { seed: 'refuse' } },
      ),
    ).toEqual({ n: 'emulated', tools: true, parameters: { seed: 'refuse', user: 'drop' } });
  });

  it('is undefined where nobody says anything', () => {
    expect(mergeCapabilities(undefined, {}, undefined)).toBeUndefined();
  });
});
