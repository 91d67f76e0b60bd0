import { describe, expect, it } from '@jest/globals';
import { collectCall } from '../support/collect-call.js';
import { messageIn } from '../support/openai-answers.js';
import { HEARD } from './heard.js';
import { CONFORMING } from './kinds.js';
import { bodyOf, sceneOf, TOOLS } from './scene.js';

/** One transparent pixel. */
const PNG =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

const call = (id: string, city: string) => ({
  id,
  type: 'function',
  function: { name: 'weather', arguments: JSON.stringify({ city }) },
});

/** A conversation with all that a turn may have. */
const CONVERSATION = [
  { role: 'system', content: 'Be brief.' },
  { role: 'developer', content: 'Be kind.' },
  {
    role: 'user',
    content: [
      { type: 'text', text: 'Where is this?' },
      { type: 'image_url', image_url: { url: `data:image/png;base64,${PNG}` } },
    ],
  },
  { role: 'assistant', content: 'I look.', tool_calls: [call('call_1', 'Oslo'), call('call_2', 'Rome')] },
  { role: 'tool', tool_call_id: 'call_1', content: 'cold' },
  { role: 'tool', tool_call_id: 'call_2', content: 'warm' },
  { role: 'user', content: 'And now?' },
];

const HEARD_OF_IT = {
  system: ['Be brief.', 'Be kind.'],
  turns: [
    ['user', 'Where is this?', `image ${PNG}`],
    ['assistant', 'I look.', 'call weather {"city":"Oslo"}', 'call weather {"city":"Rome"}'],
    ['user', 'result cold', 'result warm', 'And now?'],
  ],
  tools: Object.fromEntries(TOOLS.map((tool) => [tool.function.name, tool.function.parameters])),
  choice: 'auto',
  maxTokens: 77,
  temperature: 0.5,
  topP: 0.9,
  stop: ['END'],
};

const SCHEMA = {
  type: 'object',
  properties: { verdict: { type: 'string' } },
  required: ['verdict'],
  additionalProperties: false,
};

describe.each(CONFORMING)('a request to the kind $kind', (kind) => {
  const scene = sceneOf(kind);

  it.each([[true], [false]])(
    'says what its conversation says, in its own form, stream: %s',
    async (stream) => {
      const settings = { max_completion_tokens: 77, temperature: 0.5, top_p: 0.9, stop: ['END'] };
      const body = bodyOf({ stream, messages: CONVERSATION, tools: TOOLS, tool_choice: 'auto', ...settings });
      const { end } = await scene.ask({ text: 'Rome is warmer.' }, { stream, body });
      expect(end.ok).toBe(true);
      expect(HEARD[kind.kind]((await scene.upstream.waitForCall(1)).json)).toEqual(HEARD_OF_IT);
    },
  );

  it.each([[true], [false]])('gets an answer of the schema it asks for, stream: %s', async (stream) => {
    // Where a kind has no schemas of its own, a tool that must be called is one.
    scene.upstream.script((asked) => {
      const text = asked.record.body.toString();
      expect(text).toContain('"verdict"');
      const input = { verdict: 'guilty' };
      const isTool = text.includes('"tools"') || text.includes('"toolConfig"');
      const said = isTool
        ? { toolCalls: [{ id: 'call_1', name: 'json', input }] }
        : { text: JSON.stringify(input) };
      return kind.wire.says(said)(asked);
    });
    const format = { type: 'json_schema', json_schema: { name: 'judgement', strict: true, schema: SCHEMA } };
    const body = bodyOf({ stream, response_format: format });
    const { text, end } = await collectCall(scene.provider, { stream, body });
    expect(end.ok).toBe(true);
    const message = messageIn(text, stream);
    expect(JSON.parse(message.content)).toEqual({ verdict: 'guilty' });
    expect(message).toMatchObject({ toolCalls: [], finish: 'stop' });
  });

  it.each([['auto'], ['none'], ['required'], ['weather']])(
    'says which tool is to be called: %s',
    async (choice) => {
      const tool_choice = choice === 'weather' ? { type: 'function', function: { name: choice } } : choice;
      const body = bodyOf({ stream: false, tools: TOOLS, tool_choice });
      expect((await scene.ask({ text: 'Hi' }, { stream: false, body })).end.ok).toBe(true);
      const heard = HEARD[kind.kind]((await scene.upstream.waitForCall(1)).json);
      expect(heard.choice).toBe(choice === 'required' && kind.lacks['forced calls'] ? 'auto' : choice);
    },
  );
});
