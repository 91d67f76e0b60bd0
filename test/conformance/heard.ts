import type { Kind } from './kinds.js';

/** What a request says, whichever the wire it came over. */
export interface Heard {
  readonly system: readonly string[];
  /** Who speaks and what, one after the other: texts as they are, the rest as `image …`, `call …`, `result …`. */
  readonly turns: readonly Turn[];
  /** By name, the schema of what a tool takes. */
  readonly tools: Readonly<Record<string, unknown>>;
  /** `auto`, `none`, `required`, or the name of the tool that must be called. */
  readonly choice: string;
  readonly maxTokens: number | undefined;
  readonly temperature: number | undefined;
  readonly topP: number | undefined;
  readonly stop: readonly string[] | undefined;
}

type Turn = readonly [role: string, ...said: string[]];

/** Reads the body of a chat request as the upstream of the kind does; what is missing there is missing here. */
export const HEARD: { readonly [K in Kind]: (body: unknown) => Heard } = {
  'openai-compatible': (body) => hearOpenAi(body as OpenAiBody),
  ollama: (body) => hearOllama(body as OllamaBody),
  anthropic: (body) => hearAnthropic(body as AnthropicBody),
  gemini: (body) => hearGemini(body as GeminiBody),
  bedrock: (body) => hearBedrock(body as BedrockBody),
};

interface FunctionTool {
  readonly function: { readonly name: string; readonly parameters: unknown };
}

interface Message {
  readonly role: string;
  readonly content:
    string | readonly { readonly text?: string; readonly image_url?: { readonly url: string } }[];
  readonly images?: readonly string[];
  readonly tool_calls?: readonly {
    readonly function: { readonly name: string; readonly arguments: string | object };
  }[];
}

interface OpenAiBody {
  readonly messages: readonly Message[];
  readonly tools?: readonly FunctionTool[];
  readonly tool_choice: string | FunctionTool;
  readonly max_completion_tokens?: number;
  readonly temperature?: number;
  readonly top_p?: number;
  readonly stop?: readonly string[];
}

function hearOpenAi(body: OpenAiBody): Heard {
  const { tool_choice: choice } = body;
  return {
    ...hearMessages(body.messages),
    tools: hearTools(body.tools),
    choice: typeof choice === 'string' ? choice : choice.function.name,
    maxTokens: body.max_completion_tokens,
    temperature: body.temperature,
    topP: body.top_p,
    stop: body.stop,
  };
}

interface OllamaBody {
  readonly messages: readonly Message[];
  readonly tools?: readonly FunctionTool[];
  readonly options?: {
    readonly num_predict?: number;
    readonly temperature?: number;
    readonly top_p?: number;
    readonly stop?: readonly string[];
  };
}

function hearOllama({ messages, tools, options = {} }: OllamaBody): Heard {
  // A choice among the tools cannot be said; one that is alone is as near as it gets.
  const only = tools?.length === 1 ? tools[0]?.function.name : undefined;
  return {
    ...hearMessages(messages),
    tools: hearTools(tools),
    choice: tools ? (only ?? 'auto') : 'none',
    maxTokens: options.num_predict,
    temperature: options.temperature,
    topP: options.top_p,
    stop: options.stop,
  };
}

function hearTools(tools: readonly FunctionTool[] = []): Heard['tools'] {
  return Object.fromEntries(tools.map(({ function: tool }) => [tool.name, tool.parameters]));
}

function hearMessages(messages: readonly Message[]): Pick<Heard, 'system' | 'turns'> {
  const isSystem = ({ role }: Message) => role === 'system' || role === 'developer';
  return {
    system: messages.filter(isSystem).flatMap(textsOf),
    turns: join(messages.filter((message) => !isSystem(message)).map(toTurn)),
  };
}

function toTurn(message: Message): Turn {
  const { role, images = [], tool_calls: calls = [] } = message;
  const called = calls.map(({ function: { name, arguments: input } }) => tell(name, input));
  if (role === 'tool') return ['user', ...textsOf(message).map((text) => `result ${text}`)];
  return [role, ...textsOf(message), ...images.map((data) => `image ${data}`), ...called];
}

function textsOf({ content }: Message): readonly string[] {
  if (typeof content === 'string') return [content];
  return content.map(
    ({ text, image_url: image }) => text ?? `image ${image?.url.replace('data:image/png;base64,', '')}`,
  );
}

interface AnthropicBody {
  readonly system?: readonly { readonly text: string }[];
  readonly messages: readonly { readonly role: string; readonly content: readonly AnthropicBlock[] }[];
  readonly tools?: readonly { readonly name: string; readonly input_schema: unknown }[];
  readonly tool_choice?: { readonly type: string; readonly name?: string };
  readonly max_tokens: number;
  readonly temperature?: number;
  readonly top_p?: number;
  readonly stop_sequences?: readonly string[];
}

type AnthropicBlock =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'image'; readonly source: { readonly data: string } }
  | { readonly type: 'tool_use'; readonly name: string; readonly input: object }
  | { readonly type: 'tool_result'; readonly content: string };

function hearAnthropic(body: AnthropicBody): Heard {
  const { system = [], tools = [], tool_choice: choice } = body;
  return {
    system: system.map(({ text }) => text),
    turns: join(body.messages.map(({ role, content }) => [role, ...content.map(hearBlock)])),
    tools: Object.fromEntries(tools.map((tool) => [tool.name, tool.input_schema])),
    choice: choice?.name ?? toChoice(tools.length > 0 ? choice?.type : undefined),
    maxTokens: body.max_tokens,
    temperature: body.temperature,
    topP: body.top_p,
    stop: body.stop_sequences,
  };
}

function hearBlock(block: AnthropicBlock): string {
  if (block.type === 'image') return `image ${block.source.data}`;
  if (block.type === 'tool_use') return tell(block.name, block.input);
  return block.type === 'tool_result' ? `result ${block.content}` : block.text;
}

interface GeminiBody {
  readonly systemInstruction?: { readonly parts: readonly { readonly text: string }[] };
  readonly contents: readonly { readonly role: string; readonly parts: readonly GeminiPart[] }[];
  readonly tools?: readonly {
    readonly functionDeclarations: readonly {
      readonly name: string;
      readonly parametersJsonSchema: unknown;
    }[];
  }[];
  readonly toolConfig?: {
    readonly functionCallingConfig: {
      readonly mode: string;
      readonly allowedFunctionNames?: readonly string[];
    };
  };
  readonly generationConfig: {
    readonly maxOutputTokens?: number;
    readonly temperature?: number;
    readonly topP?: number;
    readonly stopSequences?: readonly string[];
  };
}

interface GeminiPart {
  readonly text?: string;
  readonly inlineData?: { readonly data: string };
  readonly functionCall?: { readonly name: string; readonly args: object };
  readonly functionResponse?: { readonly response: { readonly content: string } };
}

function hearGemini({ systemInstruction, contents, tools, toolConfig, generationConfig }: GeminiBody): Heard {
  const declared = tools?.flatMap(({ functionDeclarations }) => functionDeclarations) ?? [];
  const choice = toolConfig?.functionCallingConfig;
  return {
    system: systemInstruction?.parts.map(({ text }) => text) ?? [],
    turns: join(
      contents.map(({ role, parts }) => [role === 'model' ? 'assistant' : role, ...parts.map(hearPart)]),
    ),
    tools: Object.fromEntries(declared.map((tool) => [tool.name, tool.parametersJsonSchema])),
    choice: choice?.allowedFunctionNames?.[0] ?? toChoice(choice?.mode.toLowerCase()),
    maxTokens: generationConfig.maxOutputTokens,
    temperature: generationConfig.temperature,
    topP: generationConfig.topP,
    stop: generationConfig.stopSequences,
  };
}

function hearPart({ text = '', inlineData, functionCall, functionResponse }: GeminiPart): string {
  if (inlineData) return `image ${inlineData.data}`;
  if (functionCall) return tell(functionCall.name, functionCall.args);
  return functionResponse ? `result ${functionResponse.response.content}` : text;
}

interface BedrockBody {
  readonly system?: readonly { readonly text: string }[];
  readonly messages: readonly { readonly role: string; readonly content: readonly BedrockBlock[] }[];
  readonly toolConfig?: {
    readonly tools: readonly {
      readonly toolSpec: { readonly name: string; readonly inputSchema: { readonly json: unknown } };
    }[];
    readonly toolChoice: Readonly<Record<string, { readonly name?: string }>>;
  };
  readonly inferenceConfig?: {
    readonly maxTokens?: number;
    readonly temperature?: number;
    readonly topP?: number;
    readonly stopSequences?: readonly string[];
  };
}

interface BedrockBlock {
  readonly text?: string;
  readonly image?: { readonly source: { readonly bytes: string } };
  readonly toolUse?: { readonly name: string; readonly input: object };
  readonly toolResult?: { readonly content: readonly { readonly text: string }[] };
}

function hearBedrock({ system = [], messages, toolConfig, inferenceConfig }: BedrockBody): Heard {
  const tools = toolConfig?.tools.map(({ toolSpec }) => toolSpec) ?? [];
  const [choice] = Object.entries(toolConfig?.toolChoice ?? {});
  return {
    system: system.map(({ text }) => text),
    turns: join(messages.map(({ role, content }) => [role, ...content.map(hearBedrockBlock)])),
    tools: Object.fromEntries(tools.map(({ name, inputSchema }) => [name, inputSchema.json])),
    choice: choice?.[1].name ?? toChoice(choice?.[0]),
    maxTokens: inferenceConfig?.maxTokens,
    temperature: inferenceConfig?.temperature,
    topP: inferenceConfig?.topP,
    stop: inferenceConfig?.stopSequences,
  };
}

function hearBedrockBlock({ text = '', image, toolUse, toolResult }: BedrockBlock): string {
  if (image) return `image ${image.source.bytes}`;
  if (toolUse) return tell(toolUse.name, toolUse.input);
  return toolResult ? `result ${toolResult.content[0]?.text}` : text;
}

function tell(name: string, input: string | object): string {
  return `call ${name} ${typeof input === 'string' ? input : JSON.stringify(input)}`;
}

/** OpenAI's word for that of another API; with no word there are no tools. */
function toChoice(word: string | undefined): string {
  return word === 'any' ? 'required' : (word ?? 'none');
}

/** One turn for all that one side says without an answer in between. */
function join(turns: readonly Turn[]): readonly Turn[] {
  const joined: [string, ...string[]][] = [];
  for (const [role, ...said] of turns) {
    const last = joined.at(-1);
    if (last?.[0] === role) last.push(...said);
    else joined.push([role, ...said]);
  }
  return joined;
}
