import { describe, expect, it } from '@jest/globals';
import { judgeFit } from './capabilities.js';
import type { Endpoint } from './endpoint.js';
import { capabilitiesOfKind } from './kind-capabilities.js';
import { readFeatures } from './read-features.js';
import { targetOf } from './route.js';

function fitOf(kind: string, body: Record<string, unknown>, endpoint: Endpoint = 'chat') {
  return judgeFit(readFeatures(endpoint, body), capabilitiesOfKind(kind));
}

const part = (type: string) => ({ messages: [{ role: 'user', content: [{ type }] }] });

describe('capabilitiesOfKind', () => {
  it('has nothing to say of what speaks the API of OpenAI', () => {
    expect(['openai-compatible', 'demo', 'constructor', undefined].map(capabilitiesOfKind)).toEqual(
      Array.from({ length: 4 }, () => undefined),
    );
  });

  it.each<[string, Record<string, unknown>, readonly string[]]>([
    ['anthropic', { seed: 1, logit_bias: {}, user: 'u', store: true }, ['seed', 'logit_bias', 'store']],
    [
      'gemini',
      { seed: 1, frequency_penalty: 1, user: 'u', parallel_tool_calls: true },
      ['user', 'parallel_tool_calls'],
    ],
    ['bedrock', { presence_penalty: 1, user: 'u', temperature: 1 }, ['presence_penalty', 'user']],
    ['anthropic', { n: 3, tools: [{}], parallel_tool_calls: false, reasoning_effort: 'low' }, []],
    ['ollama', { tools: [{}], tool_choice: 'required' }, ['tool_choice']],
    ['ollama', { tools: [{}], tool_choice: { type: 'function', function: {} }, seed: 1 }, ['tool_choice']],
    ['ollama', { tools: [{}], tool_choice: 'auto', user: 'u' }, ['user']],
    ['ollama', { tools: [{}], tool_choice: 'none' }, []],
    ['ollama', { tools: [{}], tool_choice: null }, []],
    ['ollama', { tool_choice: 'required' }, []],
    ['anthropic', { tools: [{}], tool_choice: 'required' }, []],
    ['gemini', part('input_audio'), []],
    ['anthropic', part('image_url'), []],
    ['bedrock', part('file'), []],
  ])('%s takes %j without %j', (kind, body, dropped) => {
    expect(fitOf(kind, body)).toEqual({ fits: true, dropped });
  });

  it.each<[string, Endpoint, Record<string, unknown>, string]>([
    ['anthropic', 'embeddings', {}, 'model'],
    ['anthropic', 'completions', {}, 'model'],
    ['gemini', 'rerank', {}, 'model'],
    ['bedrock', 'moderations', {}, 'model'],
    ['anthropic', 'chat', { logprobs: true }, 'logprobs'],
    ['bedrock', 'chat', { functions: [] }, 'functions'],
    ['anthropic', 'chat', part('input_audio'), 'messages[0].content[0]'],
    ['gemini', 'chat', { modalities: ['text', 'audio'], audio: { voice: 'x' } }, 'audio'],
  ])('%s lacks for %s with %j: %s', (kind, endpoint, body, param) => {
    expect(fitOf(kind, body, endpoint)).toMatchObject({ fits: false, lack: { param } });
  });

  it('is what a target has, under what is said of its provider and of itself', () => {
    const fleet = { providers: new Map(), unusable: new Set<string>() };
    const claude = {
      kind: 'anthropic',
      location: 'cloud',
      capabilities: { images: false, parameters: { seed: 'refuse' } },
    } as const;
    const target = targetOf(
      'claude',
      'm',
      { models: {}, providers: { claude }, fleet },
      { n: 'unsupported' },
    );
    expect(target.capabilities).toMatchObject({
      ...{ endpoints: ['chat'], n: 'unsupported', images: false, logprobs: false },
      parameters: { seed: 'refuse', logit_bias: 'drop' },
    });
  });
});
