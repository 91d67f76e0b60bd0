import { describe, expect, it } from '@jest/globals';
import { adaptBody } from './adapt-body.js';
import type { Capabilities } from './capabilities.js';

function adapt(text: string, capabilities: Capabilities, endpoint: 'chat' | 'completions' = 'chat'): string {
  return adaptBody(endpoint, Buffer.from(text), capabilities).toString();
}

describe('adaptBody', () => {
  it('leaves a body alone of which nothing is known to differ, byte for byte', () => {
    const body = Buffer.from('{ "messages": [ {"role":"developer"} ], "max_tokens":1.50e2 }');
    expect(adaptBody('chat', body, {})).toBe(body);
    expect(adaptBody('chat', body, { n: 'emulated', tools: false, developerRole: true })).toBe(body);
  });

  it.each([
    [
      '{"messages":[{"role":"developer","content":"a"}, {"content":"developer","role" : "user"}]}',
      '{"messages":[{"role":"system","content":"a"}, {"content":"developer","role" : "user"}]}',
    ],
    [
      '{"messages":[ {"content":[{"role":"developer"}],"r\\u006fle":"develop\\u0065r","big":12345678901234567890} ]}',
      '{"messages":[ {"content":[{"role":"developer"}],"r\\u006fle":"system","big":12345678901234567890} ]}',
    ],
    ['{"messages":[]}', '{"messages":[]}'],
    ['{"model":"m"}', '{"model":"m"}'],
  ])('maps developers to the system: %s', (text, expected) => {
    expect(adapt(text, { developerRole: false })).toBe(expected);
  });

  it.each<[string, NonNullable<Capabilities['maxTokens']>, string]>([
    ['{"max_completion_tokens":50,"a":1}', 'max_tokens', '{"a":1,"max_tokens":50}'],
    ['{"max_tokens":50}', 'max_completion_tokens', '{"max_completion_tokens":50}'],
    ['{"max_tokens":50}', 'max_tokens', '{"max_tokens":50}'],
    ['{"max_tokens":null}', 'max_completion_tokens', '{}'],
    ['{"max_tokens":50,"max_completion_tokens":null}', 'max_tokens', '{"max_tokens":50}'],
    ['{"max_tokens":null,"max_completion_tokens":7}', 'max_tokens', '{"max_tokens":7}'],
    // Both are upper limits, so the lower one holds for both.
    ['{"max_tokens":50,"max_completion_tokens":20}', 'max_tokens', '{"max_tokens":20}'],
    ['{"max_tokens":20,"max_completion_tokens":50}', 'max_tokens', '{"max_tokens":20}'],
    // Not ours to judge.
    ['{"max_completion_tokens":"x"}', 'max_tokens', '{"max_tokens":"x"}'],
    [
      '{"max_tokens":5,"max_completion_tokens":"x"}',
      'max_tokens',
      '{"max_tokens":5,"max_completion_tokens":"x"}',
    ],
    ['{"a":1}', 'max_tokens', '{"a":1}'],
  ])('%s for a provider that knows %s is %s', (text, maxTokens, expected) => {
    expect(adapt(text, { maxTokens })).toBe(expected);
  });

  it('leaves out what is to be dropped, and the nulls of what is to be refused', () => {
    const parameters = { seed: 'drop', logit_bias: 'drop', user: 'refuse' } as const;
    const text = '{"seed":1,"messages":[{"seed":1}],"logit_bias":{"5":1},"user":null,"top_p":1}';
    expect(adapt(text, { parameters })).toBe('{"messages":[{"seed":1}],"top_p":1}');
  });

  it('leaves out that tool calls must come one by one where they do anyway', () => {
    const text = '{"tools":[],"parallel_tool_calls":false}';
    expect(adapt(text, { parallelToolCalls: false })).toBe('{"tools":[]}');
    expect(adapt(text, { parallelToolCalls: true })).toBe(text);
  });

  it.each<[NonNullable<Capabilities['thoughts']>, string]>([
    [[], '{"messages":[{"role":"developer"},{ "role":"assistant","content":null}]}'],
    [
      ['reasoning'],
      '{"messages":[{"role":"developer"},{ "role":"assistant","content":null,"reasoning":"a"}]}',
    ],
  ])('leaves out thoughts but under %j', (thoughts, expected) => {
    const thinking =
      '{ "role":"assistant","reasoning_content":"a","content":null,"reasoning_details":[{}],"reasoning":"a"}';
    const text = `{"messages":[{"role":"developer"},${thinking}]}`;
    expect(adapt(text, { thoughts })).toBe(expected);
    expect(adapt(text, { thoughts, developerRole: false })).toBe(expected.replace('developer', 'system'));
    expect(adapt(text, { thoughts: ['reasoning', 'reasoning_content', 'reasoning_details'] })).toBe(text);
  });

  it('maps names and roles of chat alone', () => {
    const text = '{"prompt":"x","max_completion_tokens":5,"parallel_tool_calls":false,"messages":1}';
    const capabilities = { developerRole: false, maxTokens: 'max_tokens', parallelToolCalls: false } as const;
    expect(adapt(text, capabilities, 'completions')).toBe(text);
  });
});
