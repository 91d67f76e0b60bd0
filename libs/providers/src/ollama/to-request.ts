import { adaptBody } from '#core/adapt-body.js';
import { ENDPOINTS, type Endpoint } from '#core/endpoint.js';
import { isRecord, parseJson } from '../json.js';
import type { ProviderCall } from '../provider.js';
import { RequestError } from '../request-error.js';
import { toMessages } from './to-messages.js';
import { toFormat, toOptions } from './to-options.js';
import { toThinking, type Think } from './to-thinking.js';

type JsonObject = Readonly<Record<string, unknown>>;

/** What the configuration adds to every call, where the request does not say otherwise. */
export interface OllamaDefaults {
  /** Ollama's `keep_alive`: seconds, or a duration like `30m`; -1: for ever. */
  readonly keepAlive?: number | string | undefined;
  /** Ollama's own options: `num_ctx` and so on. */
  readonly options?: JsonObject | undefined;
  readonly think?: Think;
  /** False: a prompt that is longer than the context is refused instead of cut. */
  readonly truncate?: boolean | undefined;
}

/** A call in Ollama's terms. */
export interface OllamaRequest {
  readonly path: '/api/chat' | '/api/generate' | '/api/embed';
  readonly body: JsonObject;
  /** Values for the body's `think`, to be tried in this order. */
  readonly thinking: readonly Think[];
}

type ToRequest = (body: JsonObject, call: ProviderCall, defaults: OllamaDefaults) => OllamaRequest;

const BY_ENDPOINT: Readonly<Record<Endpoint, ToRequest>> = {
  chat: toChat,
  completions: toGenerate,
  embeddings: toEmbed,
  moderations: refuse,
  rerank: refuse,
};

/**
 * The client's body as Ollama takes it.
 * @throws RequestError where it asks for what Ollama does not have
 */
export function toRequest(call: ProviderCall, defaults: OllamaDefaults): OllamaRequest {
  const { endpoint, capabilities } = call;
  const body = parseJson(capabilities ? adaptBody(endpoint, call.body, capabilities) : call.body);
  if (!isRecord(body)) throw new RequestError('body', 'expected a JSON object');
  return BY_ENDPOINT[endpoint](body, call, defaults);
}

function toChat(body: JsonObject, call: ProviderCall, defaults: OllamaDefaults): OllamaRequest {
  const tools = toTools(body);
  return {
    path: '/api/chat',
    body: {
      ...answerOf(body, call, defaults),
      messages: toMessages(body['messages']),
      ...(tools.length > 0 && { tools }),
      ...(body['logprobs'] === true && { logprobs: true, top_logprobs: body['top_logprobs'] ?? 0 }),
    },
    thinking: toThinking(body, defaults.think),
  };
}

/** The prompt goes through the model's template, as it does behind Ollama's own `/v1/completions`. */
function toGenerate(body: JsonObject, call: ProviderCall, defaults: OllamaDefaults): OllamaRequest {
  const { prompt, suffix, echo, best_of: best, logprobs } = body;
  const prompts: readonly unknown[] = Array.isArray(prompt) ? prompt : [prompt ?? ''];
  const [only = '', ...more] = prompts;
  if (typeof only !== 'string' || more.length > 0) throw new RequestError('prompt', 'Ollama takes one text');
  if (echo === true) throw new RequestError('echo', 'Ollama does not repeat the prompt');
  if (Number(best ?? 1) > 1) throw new RequestError('best_of', 'Ollama gives one answer per call');
  const isCounted = typeof logprobs === 'number';
  return {
    path: '/api/generate',
    body: {
      ...answerOf(body, call, defaults),
      prompt: only,
      ...(typeof suffix === 'string' && { suffix }),
      ...(isCounted && { logprobs: true, top_logprobs: logprobs }),
    },
    thinking: toThinking(body, defaults.think),
  };
}

/** What both ways to an answer have. */
function answerOf(body: JsonObject, call: ProviderCall, defaults: OllamaDefaults): JsonObject {
  if (Number(body['n'] ?? 1) > 1) throw new RequestError('n', 'Ollama gives one answer per call');
  const format = toFormat(body);
  const options = toOptions(body, defaults.options ?? {});
  const { truncate } = defaults;
  return {
    model: call.model,
    // Written out: Ollama streams where nothing is said.
    stream: call.stream,
    ...(format !== undefined && { format }),
    ...(Object.keys(options).length > 0 && { options }),
    ...(defaults.keepAlive !== undefined && { keep_alive: defaults.keepAlive }),
    ...(truncate !== undefined && { truncate }),
  };
}

function toEmbed(body: JsonObject, { model }: ProviderCall, defaults: OllamaDefaults): OllamaRequest {
  const { input, dimensions } = body;
  const inputs: readonly unknown[] = Array.isArray(input) ? input : [input];
  if (!inputs.every((each) => typeof each === 'string'))
    throw new RequestError('input', 'Ollama embeds texts, not lists of tokens');
  const { keepAlive, options = {} } = defaults;
  const truncate = typeof body['truncate'] === 'boolean' ? body['truncate'] : defaults.truncate;
  return {
    path: '/api/embed',
    body: {
      model,
      input,
      ...(typeof dimensions === 'number' && { dimensions }),
      ...(truncate !== undefined && { truncate }),
      ...(Object.keys(options).length > 0 && { options }),
      ...(keepAlive !== undefined && { keep_alive: keepAlive }),
    },
    thinking: [undefined],
  };
}

function refuse(_body: JsonObject, { endpoint }: ProviderCall): never {
  throw new RequestError('model', `Ollama has no ${ENDPOINTS[endpoint].path}`);
}

/**
 * Ollama's tools are OpenAI's. It cannot be made to call one, but it can be kept from it: with `none` it is shown none,
 * and with a function by name only that one.
 */
function toTools({ tools, tool_choice: choice }: JsonObject): readonly JsonObject[] {
  if (!Array.isArray(tools) || choice === 'none') return [];
  const functions = tools.map((tool: unknown, at) => {
    if (isRecord(tool) && isRecord(tool['function'])) return { ...tool, function: tool['function'] };
    throw new RequestError(`tools[${at}]`, 'Ollama knows tools of the type function only');
  });
  const named = isRecord(choice) && isRecord(choice['function']) ? choice['function']['name'] : undefined;
  if (named === undefined) return functions;
  const only = functions.filter(({ function: { name } }) => name === named);
  if (only.length === 0)
    throw new RequestError('tool_choice', 'there is no tool of this name among the tools');
  return only;
}
