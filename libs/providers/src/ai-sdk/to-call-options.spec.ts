import { describe, expect, it } from '@jest/globals';
import { RequestError } from '../request-error.js';
import { toCallOptions, type TranslateOptions } from './to-call-options.js';

const messages = [{ role: 'user', content: 'Hi' }];
const prompt = [{ role: 'user', content: [{ type: 'text', text: 'Hi' }] }];
const anthropic = { kind: 'anthropic', model: 'claude' } as const;
const gemini = { kind: 'gemini', model: 'gemini' } as const;
const bedrock = { kind: 'bedrock', model: 'eu.anthropic.claude' } as const;
const nova = { kind: 'bedrock', model: 'amazon.nova' } as const;

function optionsOf(members: object, options: TranslateOptions = anthropic) {
  return toCallOptions({ model: 'm', messages, ...members }, options);
}

describe('toCallOptions', () => {
  it.each<[object, object]>([
    [{}, {}],
    [{ temperature: null, stop: null, tools: null, response_format: null, seed: null }, {}],
    [
      { temperature: 0, top_p: 0.5, top_k: 4, seed: 7, presence_penalty: 1, frequency_penalty: -1 },
      { temperature: 0, topP: 0.5, topK: 4, seed: 7, presencePenalty: 1, frequencyPenalty: -1 },
    ],
    [{ max_tokens: 5 }, { maxOutputTokens: 5 }],
    [{ max_tokens: 5, max_completion_tokens: 6 }, { maxOutputTokens: 6 }],
    [{ stop: 'a' }, { stopSequences: ['a'] }],
    [{ stop: ['a', 'b'] }, { stopSequences: ['a', 'b'] }],
    [{ response_format: { type: 'text' } }, {}],
    [
      { response_format: { type: 'json_schema', json_schema: { name: 'n', schema: { type: 'object' } } } },
      { responseFormat: { type: 'json', name: 'n', schema: { type: 'object' } } },
    ],
    [{ tools: [], tool_choice: 'auto' }, {}],
    [{ user: 'u-1' }, { providerOptions: { anthropic: { metadata: { userId: 'u-1' } } } }],
    [{ reasoning_effort: 'high' }, { reasoning: 'high' }],
    [{ logit_bias: { 1: 1 }, store: true }, {}],
  ])('%j', (members, expected) => {
    expect(optionsOf(members)).toEqual({ prompt, ...expected });
  });

  it.each<[unknown, unknown]>([
    ['auto', { type: 'auto' }],
    ['none', { type: 'none' }],
    ['required', { type: 'required' }],
    [
      { type: 'function', function: { name: 'f' } },
      { type: 'tool', toolName: 'f' },
    ],
  ])('tool_choice %j', (choice, expected) => {
    const tools = [
      {
        type: 'function',
        function: { name: 'f', description: 'd', strict: true, parameters: { type: 'object' } },
      },
      { type: 'function', function: { name: 'g' } },
    ];
    expect(optionsOf({ tools, tool_choice: choice })).toMatchObject({
      toolChoice: expected,
      tools: [
        { type: 'function', name: 'f', description: 'd', strict: true, inputSchema: { type: 'object' } },
        { type: 'function', name: 'g', inputSchema: { type: 'object', properties: {} } },
      ],
    });
  });

  it('has a length where the request has none', () => {
    expect(optionsOf({}, { ...anthropic, maxTokens: 9 }).maxOutputTokens).toBe(9);
    expect(optionsOf({ max_tokens: 3 }, { ...anthropic, maxTokens: 9 }).maxOutputTokens).toBe(3);
  });

  it('asks for one call at a time as each kind understands it', () => {
    const one = { parallel_tool_calls: false };
    expect(optionsOf(one).providerOptions).toEqual({ anthropic: { disableParallelToolUse: true } });
    expect(optionsOf(one, bedrock).providerOptions).toEqual({ anthropic: { disableParallelToolUse: true } });
    expect(optionsOf(one, gemini).providerOptions).toBeUndefined();
    expect(optionsOf({ parallel_tool_calls: true }).providerOptions).toBeUndefined();
  });

  it('asks Gemini for its thoughts where it is to think', () => {
    const asked = (effort: string) => optionsOf({ reasoning_effort: effort }, gemini).providerOptions;
    expect(asked('low')).toEqual({ google: { thinkingConfig: { includeThoughts: true } } });
    expect(asked('none')).toBeUndefined();
  });

  it('keeps the options of the configuration, and lets the request win', () => {
    const thinkingConfig = { thinkingBudget: 5 };
    const providerOptions = { safetySettings: [], thinkingConfig };
    const asked = optionsOf({ reasoning_effort: 'low' }, { ...gemini, providerOptions });
    expect(asked.providerOptions).toEqual({
      google: { safetySettings: [], thinkingConfig: { includeThoughts: true, thinkingBudget: 5 } },
    });
    const off = { disableParallelToolUse: false };
    const one = optionsOf({ parallel_tool_calls: false }, { ...anthropic, providerOptions: off });
    expect(one.providerOptions).toEqual({ anthropic: { disableParallelToolUse: true } });
  });

  it('asks for JSON in the way the kind has, or in words behind those of the system', () => {
    const json = { response_format: { type: 'json_object' } };
    expect(optionsOf(json, gemini)).toEqual({ prompt, responseFormat: { type: 'json' } });
    const system = { role: 'system', content: 'Be brief.' };
    const asked = optionsOf({ ...json, messages: [system, ...messages] });
    expect(asked.responseFormat).toBeUndefined();
    expect(asked.prompt.map(({ role, content }) => [role, content])).toEqual([
      ['system', 'Be brief.'],
      ['system', expect.stringContaining('JSON')],
      ['user', expect.anything()],
    ]);
  });

  it('does not let Claude think on in a turn whose calls came without thoughts', () => {
    const call = { id: 'a', function: { name: 'f', arguments: '{}' } };
    const foreign = [
      ...messages,
      { role: 'assistant', tool_calls: [call] },
      { role: 'tool', tool_call_id: 'a', content: '1' },
    ];
    const effort = { reasoning_effort: 'high' };
    expect(optionsOf({ ...effort, messages: foreign }).reasoning).toBeUndefined();
    expect(optionsOf({ ...effort, messages: foreign }, bedrock).reasoning).toBeUndefined();
    expect(optionsOf({ ...effort, messages: foreign }, nova).reasoning).toBe('high');
    expect(optionsOf({ ...effort, messages: foreign }, gemini).reasoning).toBe('high');
    // The turn is over: what follows is a new one.
    expect(optionsOf({ ...effort, messages: [...foreign, ...messages] }).reasoning).toBe('high');
  });

  it.each<[string, object]>([
    ['n', { n: 2 }],
    ['functions', { functions: [] }],
    ['function_call', { function_call: 'auto' }],
    ['response_format', { response_format: { type: 'grammar' } }],
    ['response_format', { response_format: { type: 'json_schema', json_schema: { name: 'n' } } }],
    ['tools[1]', { tools: [{ type: 'function', function: { name: 'f' } }, { type: 'custom' }] }],
    ['tool_choice', { tool_choice: { type: 'allowed_tools' } }],
    ['reasoning_effort', { reasoning_effort: 'a lot' }],
  ])('refuses %s in %j', (param, members) => {
    expect(() => optionsOf(members)).toThrow(expect.objectContaining({ param, constructor: RequestError }));
  });
});
