import { isRecord, parseJson } from '../json.js';
import { RequestError } from '../request-error.js';

type JsonObject = Readonly<Record<string, unknown>>;

/** A message as Ollama has it. */
export interface OllamaMessage {
  readonly role: 'system' | 'user' | 'assistant' | 'tool';
  readonly content: string;
  /** In base64, without the front part of a `data:` URL. */
  readonly images?: readonly string[];
  readonly thinking?: string;
  readonly tool_calls?: readonly OllamaToolCall[];
  /** Of a tool's result: whose it is. Older versions know the name only, newer ones the call's id too. */
  readonly tool_name?: string;
  readonly tool_call_id?: string;
}

interface OllamaToolCall {
  readonly id?: string;
  readonly function: { readonly name: string; readonly arguments: JsonObject };
}

const ROLES: ReadonlyMap<unknown, OllamaMessage['role']> = new Map([
  ['system', 'system'],
  ['developer', 'system'],
  ['user', 'user'],
  ['assistant', 'assistant'],
  ['tool', 'tool'],
  ['function', 'tool'],
]);

/**
 * The messages of a chat completion, as Ollama takes them.
 * @throws RequestError where one of them holds what Ollama does not take
 */
export function toMessages(messages: unknown): OllamaMessage[] {
  if (!Array.isArray(messages)) throw new RequestError('messages', 'expected a list of messages');
  const names = new Map<string, string>();
  return messages.map((message: unknown, at) => toMessage(message, `messages[${at}]`, names));
}

/** @param names of the tools that were called so far, by the id of the call */
function toMessage(message: unknown, path: string, names: Map<string, string>): OllamaMessage {
  if (!isRecord(message)) throw new RequestError(path, 'expected a message');
  const role = ROLES.get(message['role']);
  if (role === undefined) throw new RequestError(`${path}.role`, 'Ollama has no messages of this role');
  const { text, images } = readContent(message['content'], `${path}.content`);
  const shared = { role, content: text, ...(images.length > 0 && { images }) };
  if (role === 'tool') return { ...shared, ...resultOf(message, names) };
  if (role !== 'assistant') return shared;
  const thinking = readThinking(message);
  const calls = readCalls(message, path);
  for (const { id, function: called } of calls) if (id !== undefined) names.set(id, called.name);
  return {
    ...shared,
    ...(thinking !== '' && { thinking }),
    ...(calls.length > 0 && { tool_calls: calls }),
  };
}

function resultOf(message: JsonObject, names: ReadonlyMap<string, string>) {
  const { tool_call_id: id, name } = message;
  const called = typeof id === 'string' ? (names.get(id) ?? name) : name;
  return {
    ...(typeof called === 'string' && { tool_name: called }),
    ...(typeof id === 'string' && { tool_call_id: id }),
  };
}

/** As we gave it, or as others name it; blocks that only their maker can read are nothing for Ollama. */
function readThinking(message: JsonObject): string {
  const plain = message['reasoning_content'] ?? message['reasoning'];
  if (typeof plain === 'string') return plain;
  const details = message['reasoning_details'];
  if (!Array.isArray(details)) return '';
  return details
    .flatMap((detail: unknown) =>
      isRecord(detail) && typeof detail['text'] === 'string' ? [detail['text']] : [],
    )
    .join('');
}

function readCalls(message: JsonObject, path: string): OllamaToolCall[] {
  const { tool_calls: calls, function_call: legacy } = message;
  if (isRecord(legacy)) return [{ function: readFunction(legacy, `${path}.function_call`) }];
  if (!Array.isArray(calls)) return [];
  return calls.map((call: unknown, at) => {
    const place = `${path}.tool_calls[${at}]`;
    if (!isRecord(call) || !isRecord(call['function']))
      throw new RequestError(place, 'Ollama knows calls of functions only');
    const { id } = call;
    return {
      ...(typeof id === 'string' && { id }),
      function: readFunction(call['function'], `${place}.function`),
    };
  });
}

/** Ollama has the arguments as an object where OpenAI has its text. */
function readFunction({ name, arguments: written }: JsonObject, path: string): OllamaToolCall['function'] {
  if (typeof name !== 'string') throw new RequestError(`${path}.name`, 'expected a name');
  const text = written ?? '';
  const value = typeof text === 'string' ? parseJson(text.trim() === '' ? '{}' : text) : text;
  if (!isRecord(value)) throw new RequestError(`${path}.arguments`, 'expected the text of a JSON object');
  return { name, arguments: value };
}

function readContent(content: unknown, path: string): { text: string; images: string[] } {
  if (content === null || content === undefined) return { text: '', images: [] };
  if (typeof content === 'string') return { text: content, images: [] };
  if (!Array.isArray(content)) throw new RequestError(path, 'expected a text or a list of parts');
  const images: string[] = [];
  const texts = content.map((part: unknown, at) => readPart(part, `${path}[${at}]`, images));
  return { text: texts.join(''), images };
}

/** The text of a part; an image goes to `images`. */
function readPart(part: unknown, path: string, images: string[]): string {
  const type = isRecord(part) ? part['type'] : undefined;
  if (!isRecord(part) || typeof type !== 'string')
    throw new RequestError(path, 'expected a part with a type');
  const value = part[type];
  if ((type === 'text' || type === 'refusal') && typeof value === 'string') return value;
  if (type !== 'image_url') throw new RequestError(`${path}.type`, 'Ollama takes texts and images only');
  images.push(readImage(isRecord(value) ? value['url'] : value, `${path}.image_url`));
  return '';
}

const DATA_URL = /^data:[^,]*;base64,/i;

/** Not fetched here: a prompt must not make this machine open addresses. */
function readImage(url: unknown, path: string): string {
  if (typeof url !== 'string') throw new RequestError(path, 'expected a URL');
  const front = DATA_URL.exec(url.slice(0, 200))?.[0];
  if (front !== undefined) return url.slice(front.length);
  throw new RequestError(path, 'Ollama takes images as data: URLs in base64 only, and fetches none');
}
