import { BROKER_MEMBERS } from './controls.js';
import type { FeatureName, Features } from './capabilities.js';
import type { Endpoint } from './endpoint.js';

type JsonObject = Readonly<Record<string, unknown>>;
type Uses = Partial<Record<FeatureName, string>>;

/** Content parts that not every model takes, by their type. */
const PARTS: Readonly<Record<string, FeatureName>> = {
  image_url: 'images',
  input_audio: 'audio',
  file: 'files',
};

/**
 * What a parsed body uses of all that a provider may lack. Never throws: what has a wrong form is for others to refuse.
 */
export function readFeatures(endpoint: Endpoint, body: JsonObject): Features {
  const { n, best_of: bestOf, dimensions } = body;
  const hasChoices = endpoint === 'chat' || endpoint === 'completions';
  return {
    endpoint,
    n: hasChoices && typeof n === 'number' ? n : 1,
    ...(endpoint === 'completions' && typeof bestOf === 'number' && { bestOf }),
    uses: usesOf(endpoint, body),
    ...(endpoint === 'chat' && forcesTool(body) && { forcesTool: true }),
    ...(endpoint === 'embeddings' && typeof dimensions === 'number' && { dimensions }),
    members: Object.keys(body).filter((name) => isGiven(body[name]) && !isKept(endpoint, name)),
  };
}

/** Members that a provider gets, or that are ours, whatever it says of itself. */
function isKept(endpoint: Endpoint, name: string): boolean {
  if (BROKER_MEMBERS.some((member) => member === name)) return true;
  // Embeddings are re-encoded here: the client has what it asked for, whether the provider knows of it or not.
  return endpoint === 'embeddings' && name === 'encoding_format';
}

function usesOf(endpoint: Endpoint, body: JsonObject): Uses {
  switch (endpoint) {
    case 'chat':
      return { ...usesOfMembers(body), ...usesOfMessages(body['messages']) };
    case 'completions':
      // Here it is a number; even 0 asks for those of the tokens themselves.
      return typeof body['logprobs'] === 'number' ? { logprobs: 'logprobs' } : {};
    case 'embeddings':
    case 'moderations':
    case 'rerank':
      return {};
  }
}

function usesOfMembers(body: JsonObject): Uses {
  const { tools, functions, logprobs, top_logprobs: top, response_format: format, modalities } = body;
  const uses: Uses = {};
  if (isFilled(functions)) uses.tools = 'functions';
  if (isFilled(tools)) uses.tools = 'tools';
  if (body['parallel_tool_calls'] === true) uses.parallelToolCalls = 'parallel_tool_calls';
  if (isGiven(top)) uses.logprobs = 'top_logprobs';
  if (logprobs === true) uses.logprobs = 'logprobs';
  if (isObject(format) && format['type'] === 'json_schema') uses.structuredOutputs = 'response_format';
  if (Array.isArray(modalities) && modalities.includes('audio')) uses.audio = 'modalities';
  return uses;
}

/** Anything but `auto` and `none`: one tool, some tools, or any, but not no tool. */
function forcesTool({ tools, tool_choice: choice }: JsonObject): boolean {
  return isFilled(tools) && isGiven(choice) && choice !== 'auto' && choice !== 'none';
}

/** The first of each kind; a message about it then says where to look. */
function usesOfMessages(messages: unknown): Uses {
  const uses: Uses = {};
  if (!Array.isArray(messages)) return uses;
  for (const [at, message] of messages.entries()) {
    const content: unknown = isObject(message) ? message['content'] : undefined;
    if (!Array.isArray(content)) continue;
    for (const [place, part] of content.entries()) {
      const type: unknown = isObject(part) ? part['type'] : undefined;
      const feature = typeof type === 'string' && Object.hasOwn(PARTS, type) ? PARTS[type] : undefined;
      if (feature) uses[feature] ??= `messages[${at}].content[${place}]`;
    }
  }
  return uses;
}

/** Null is how a client says that it leaves a member out. */
function isGiven(value: unknown): boolean {
  return value !== null && value !== undefined;
}

function isFilled(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
