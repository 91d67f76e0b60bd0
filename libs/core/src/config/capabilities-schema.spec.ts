import { describe, expect, it } from '@jest/globals';
import type { Capabilities } from '../capabilities.js';
import { parseConfig } from './parse-config.js';
import { formatPath } from './problem.js';

function parse(capabilities: unknown) {
  return parseConfig(
    {
      providers: { demo: { kind: 'demo', capabilities } },
      models: { m: { targets: [{ provider: 'demo', capabilities }] } },
    },
    { BATCH: '96' },
  );
}

describe('capabilities in the file', () => {
  it('are read as they are written, of a provider and of a target, for every kind', () => {
    const all: Required<Capabilities> = {
      endpoints: ['chat', 'embeddings'],
      n: 'emulated',
      tools: false,
      parallelToolCalls: false,
      forcedTools: false,
      thoughts: ['reasoning'],
      logprobs: true,
      structuredOutputs: false,
      images: false,
      audio: false,
      files: false,
      developerRole: false,
      maxTokens: 'max_tokens',
      dimensions: [256, 512],
      embeddingBatch: 96,
      parameters: { logit_bias: 'drop', seed: 'refuse' },
    };
    const parsed = parse({ ...all, embeddingBatch: '${BATCH}' });
    const config = parsed.ok ? parsed.config : undefined;
    expect(config?.providers['demo']?.capabilities).toEqual(all);
    expect(config?.models['m']?.targets[0]?.capabilities).toEqual(all);
  });

  it('are none where nothing is written', () => {
    const parsed = parse(undefined);
    expect(parsed.ok && parsed.config.providers['demo']?.capabilities).toEqual({});
  });

  it.each<[unknown, RegExp]>([
    [{ n: 'native ' }, /\.n: /],
    [{ tool: false }, /\.tool: unknown key "tool"; did you mean "tools"\?/],
    [{ tools: 'no' }, /\.tools: /],
    [{ dimensions: [] }, /\.dimensions: /],
    [{ dimensions: 256 }, /\.dimensions: /],
    [{ embeddingBatch: 0 }, /\.embeddingBatch: must be at least 1/],
    [{ parameters: { seed: 'ignore' } }, /\.parameters\.seed: /],
    [{ parameters: { 'logit bias': 'drop' } }, /\.parameters.*: the name of a member/],
    [{ parameters: { messages: 'drop' } }, /\.parameters.*: a request cannot do without this member/],
    [{ parameters: { n: 'drop' } }, /\.parameters.*: a request cannot do without this member/],
  ])('%j is a problem', (capabilities, expected) => {
    const parsed = parse(capabilities);
    const problems = parsed.ok ? [] : parsed.problems;
    const lines = problems.map(({ path, message }) => `${formatPath(path)}: ${message}`);
    expect(lines).toEqual([expect.stringMatching(expected), expect.stringMatching(expected)]);
  });
});
