import { isRecord } from '../json.js';

type JsonObject = Readonly<Record<string, unknown>>;

/** Members of OpenAI's body, and some that its clients add for local servers, by what Ollama calls the same. */
const SAME: ReadonlyMap<string, string> = new Map([
  ['max_tokens', 'num_predict'],
  ['max_completion_tokens', 'num_predict'],
  ['temperature', 'temperature'],
  ['top_p', 'top_p'],
  ['seed', 'seed'],
  ['presence_penalty', 'presence_penalty'],
  ['frequency_penalty', 'frequency_penalty'],
  ['top_k', 'top_k'],
  ['min_p', 'min_p'],
  ['typical_p', 'typical_p'],
  ['repetition_penalty', 'repeat_penalty'],
  ['repeat_penalty', 'repeat_penalty'],
]);

/** Ollama's `options`: those of the configuration, and over them what the request says. */
export function toOptions(body: JsonObject, defaults: JsonObject): JsonObject {
  const asked = [...SAME].flatMap(([name, option]) =>
    isSet(body[name]) ? [[option, body[name]] as const] : [],
  );
  const { stop } = body;
  return {
    ...defaults,
    ...Object.fromEntries(asked),
    ...(isSet(stop) && { stop: Array.isArray(stop) ? stop : [stop] }),
  };
}

/** Ollama's `format`: `json`, or a JSON Schema; undefined where any text will do. */
export function toFormat({ response_format: format }: JsonObject): unknown {
  if (!isRecord(format)) return undefined;
  if (format['type'] === 'json_object') return 'json';
  if (format['type'] !== 'json_schema') return undefined;
  const named = format['json_schema'];
  return (isRecord(named) ? named['schema'] : undefined) ?? 'json';
}

function isSet(value: unknown): boolean {
  return value !== undefined && value !== null;
}
