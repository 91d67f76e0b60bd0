import type { LanguageModelV4CallOptions, LanguageModelV4Prompt } from '@ai-sdk/provider';
import { isRecord } from '../json.js';
import { isClaude, KINDS } from './kinds.js';
import type { Served } from './reasoning-details.js';
import { RequestError } from '../request-error.js';
import { asJson, hasUnsignedCalls, toPrompt } from './to-prompt.js';

type JsonObject = Readonly<Record<string, unknown>>;
type Tools = NonNullable<LanguageModelV4CallOptions['tools']>;
type Reasoning = NonNullable<LanguageModelV4CallOptions['reasoning']>;

export interface TranslateOptions extends Served {
  /** Where the body does not say how long the answer may be. Default: the provider's, or the model's most. */
  readonly maxTokens?: number | undefined;
  /** Options of the AI SDK's package for every call; what the body asks for wins. */
  readonly providerOptions?: JsonObject | undefined;
}

const EFFORTS: ReadonlySet<unknown> = new Set(['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max']);

const JSON_INSTRUCTION = 'Answer with one JSON object and with nothing else.';

/**
 * The call that a chat completion's body asks for. Members that no kind has (`logit_bias`, `store`…) are not here:
 * whether they are dropped or refused was decided with the plan.
 * Throws a `RequestError` for what would otherwise be left out in silence.
 */
export function toCallOptions(body: JsonObject, options: TranslateOptions): LanguageModelV4CallOptions {
  refuse(body);
  const { prompt, responseFormat } = withResponseFormat(body, toPrompt(body['messages'], options), options);
  const tools = toTools(body['tools']);
  const toolChoice = toToolChoice(body['tool_choice']);
  const reasoning = toReasoning(body['reasoning_effort'], prompt, options);
  const numbers = {
    maxOutputTokens: number(body, 'max_completion_tokens') ?? number(body, 'max_tokens') ?? options.maxTokens,
    temperature: number(body, 'temperature'),
    topP: number(body, 'top_p'),
    topK: number(body, 'top_k'),
    presencePenalty: number(body, 'presence_penalty'),
    frequencyPenalty: number(body, 'frequency_penalty'),
    seed: number(body, 'seed'),
  };
  return {
    prompt,
    ...withoutUndefined(numbers),
    ...withoutUndefined({
      stopSequences: toStops(body['stop']),
      responseFormat,
      tools,
      toolChoice: tools && toolChoice,
      reasoning,
      providerOptions: toProviderOptions(body, reasoning, options),
    }),
  };
}

/** What would change the answer and cannot be asked of these kinds. */
function refuse(body: JsonObject): void {
  if (body['n'] !== undefined && body['n'] !== null && body['n'] !== 1) {
    throw new RequestError('n', 'the provider gives one choice at a time');
  }
  for (const name of ['functions', 'function_call']) {
    if (body[name] !== undefined && body[name] !== null) {
      throw new RequestError(name, 'the provider knows tools only; use tools and tool_choice');
    }
  }
}

function withResponseFormat(
  body: JsonObject,
  prompt: LanguageModelV4Prompt,
  { kind }: Served,
): Pick<LanguageModelV4CallOptions, 'prompt' | 'responseFormat'> {
  const format = body['response_format'];
  if (!isRecord(format) || format['type'] === 'text') return { prompt };
  if (format['type'] === 'json_object') {
    if (KINDS[kind].jsonMode) return { prompt, responseFormat: { type: 'json' } };
    const others = prompt.findIndex(({ role }) => role !== 'system');
    const at = others < 0 ? prompt.length : others;
    return { prompt: prompt.toSpliced(at, 0, { role: 'system', content: JSON_INSTRUCTION }) };
  }
  const asked = format['json_schema'];
  if (format['type'] !== 'json_schema' || !isRecord(asked) || !isRecord(asked['schema'])) {
    throw new RequestError('response_format', 'expected text, json_object, or a json_schema with a schema');
  }
  const { schema, name, description } = asked;
  return {
    prompt,
    responseFormat: {
      type: 'json',
      schema,
      ...(typeof name === 'string' && { name }),
      ...(typeof description === 'string' && { description }),
    },
  };
}

function toTools(value: unknown): Tools | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined;
  return value.map((tool: unknown, at) => {
    const asked = isRecord(tool) && tool['type'] === 'function' ? tool['function'] : undefined;
    if (!isRecord(asked) || typeof asked['name'] !== 'string') {
      throw new RequestError(`tools[${at}]`, 'the provider takes tools of the type function only');
    }
    const { name, description, parameters, strict } = asked;
    return {
      type: 'function',
      name,
      inputSchema: isRecord(parameters) ? parameters : { type: 'object', properties: {} },
      ...(typeof description === 'string' && { description }),
      ...(strict === true && { strict }),
    };
  });
}

function toToolChoice(value: unknown): LanguageModelV4CallOptions['toolChoice'] {
  if (value === undefined || value === null) return undefined;
  if (value === 'auto' || value === 'none' || value === 'required') return { type: value };
  const named = isRecord(value) && value['type'] === 'function' ? value['function'] : undefined;
  if (!isRecord(named) || typeof named['name'] !== 'string') {
    throw new RequestError('tool_choice', 'expected auto, none, required or one function');
  }
  return { type: 'tool', toolName: named['name'] };
}

function toStops(value: unknown): string[] | undefined {
  if (typeof value === 'string') return [value];
  if (!Array.isArray(value)) return undefined;
  const stops = value.filter((stop) => typeof stop === 'string');
  return stops.length > 0 ? stops : undefined;
}

/**
 * Claude refuses to think on in a turn whose calls come without their thoughts, which is so where another provider
 * made them: then it goes on without.
 */
function toReasoning(
  effort: unknown,
  prompt: LanguageModelV4Prompt,
  { kind, model }: Served,
): Reasoning | undefined {
  if (effort === undefined || effort === null) return undefined;
  if (!EFFORTS.has(effort)) throw new RequestError('reasoning_effort', `expected ${[...EFFORTS].join(', ')}`);
  return isClaude(kind, model) && hasUnsignedCalls(prompt) ? undefined : (effort as Reasoning);
}

function toProviderOptions(
  body: JsonObject,
  reasoning: Reasoning | undefined,
  { kind, providerOptions }: TranslateOptions,
): LanguageModelV4CallOptions['providerOptions'] {
  const { namespace } = KINDS[kind];
  const oneByOne = body['parallel_tool_calls'] === false;
  const user = typeof body['user'] === 'string' ? body['user'] : undefined;
  const own: Record<string, unknown> = { ...providerOptions };
  if (kind === 'gemini' && reasoning && reasoning !== 'none') {
    const { thinkingConfig } = own;
    own['thinkingConfig'] = { includeThoughts: true, ...(isRecord(thinkingConfig) ? thinkingConfig : {}) };
  }
  if (kind === 'anthropic') {
    if (oneByOne) own['disableParallelToolUse'] = true;
    if (user !== undefined) own['metadata'] = { userId: user };
  }
  // On Bedrock, too, this one is read where Anthropic's options are.
  const shared = kind === 'bedrock' && oneByOne ? { anthropic: { disableParallelToolUse: true } } : {};
  const all = { ...(Object.keys(own).length > 0 && { [namespace]: own }), ...shared };
  return Object.keys(all).length > 0
    ? (asJson(all) as NonNullable<LanguageModelV4CallOptions['providerOptions']>)
    : undefined;
}

function number(body: JsonObject, name: string): number | undefined {
  const value = body[name];
  return typeof value === 'number' ? value : undefined;
}

/** The AI SDK tells a member that is undefined from one that is not there in its types only. */
function withoutUndefined<Value extends object>(
  value: Value,
): { [Name in keyof Value]?: Exclude<Value[Name], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as {
    [Name in keyof Value]?: Exclude<Value[Name], undefined>;
  };
}
