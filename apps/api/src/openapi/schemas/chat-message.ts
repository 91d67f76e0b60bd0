import { anyOf, choice, constant, list, object, orNull, ref, text, type Schema } from '../schema.js';

const FUNCTION_CALL: Schema = object({
  name: text(),
  arguments: text('JSON as text, as the model wrote it; it may be invalid.'),
});

const TEXT_PART = object({ type: constant('text'), text: text() });
const REFUSAL_PART = object({ type: constant('refusal'), refusal: text() });

const IMAGE_PART = object({
  type: constant('image_url'),
  image_url: object({
    url: text('An address, or the image itself as a `data:` URL.'),
    detail: choice(['auto', 'low', 'high']),
  }),
});

const AUDIO_PART = object({
  type: constant('input_audio'),
  input_audio: object({ data: text('Base64.'), format: text('`wav`, `mp3` …') }),
});

const FILE_PART = object({
  type: constant('file'),
  file: object({
    filename: text(),
    file_data: text('The file as a `data:` URL.'),
    file_id: text('A file that the provider has.'),
  }),
});

function content(first: Schema, ...others: readonly Schema[]): Schema {
  return anyOf([text(), list(others.length === 0 ? first : anyOf([first, ...others]))]);
}

function message(role: string, properties: Readonly<Record<string, Schema>>, description: string): Schema {
  return object({ role: constant(role), ...properties, name: orNull(text()) }, { description });
}

export const CHAT_MESSAGES = {
  ChatMessage: anyOf(
    ['Developer', 'System', 'User', 'Assistant', 'Tool', 'Function'].map((role) => ref(`${role}Message`)),
    'One message of a conversation. What a model cannot read its provider refuses.',
  ),
  DeveloperMessage: message(
    'developer',
    { content: content(TEXT_PART) },
    'Instructions; sent as `system` to providers without this role.',
  ),
  SystemMessage: message('system', { content: content(TEXT_PART) }, 'Instructions.'),
  UserMessage: message(
    'user',
    { content: content(TEXT_PART, IMAGE_PART, AUDIO_PART, FILE_PART) },
    'What the user says.',
  ),
  AssistantMessage: message(
    'assistant',
    {
      content: orNull(content(TEXT_PART, REFUSAL_PART)),
      refusal: orNull(text()),
      audio: orNull(object({ id: text('The audio of an earlier answer.') })),
      tool_calls: orNull(list(ref('ToolCall'))),
      reasoning_content: orNull(text('What the model thought, as providers that tell it want it back.')),
      function_call: { ...orNull(FUNCTION_CALL), deprecated: true },
    },
    'What the model said earlier.',
  ),
  ToolMessage: message(
    'tool',
    { content: content(TEXT_PART), tool_call_id: text('The call that this answers.') },
    'What a tool answered.',
  ),
  FunctionMessage: {
    ...message('function', { content: orNull(text()) }, 'What a function answered; use `tool`.'),
    deprecated: true,
  },
  ToolCall: object({
    id: text(),
    type: choice(['function', 'custom']),
    function: FUNCTION_CALL,
    custom: object({ name: text(), input: text() }),
  }),
} satisfies Record<string, Schema>;
