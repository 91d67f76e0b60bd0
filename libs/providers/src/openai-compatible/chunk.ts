import type { Usage } from '../provider.js';
import { isRecord } from '../json.js';

/** Members of a delta that are output once they are not empty (text, or a list of parts). */
const OUTPUT_MEMBERS = [
  'content',
  'reasoning_content',
  'reasoning',
  'reasoning_details',
  'refusal',
  'tool_calls',
  'images',
] as const;

/** Members that are objects, and output once they have a member. */
const OUTPUT_OBJECTS = ['audio', 'function_call'] as const;

/** One choice of a chunk, as far as the broker looks into it. */
export interface ChunkChoice {
  readonly index: number;
  readonly output: boolean;
  /** UTF-8 bytes of its text, reasoning and arguments. */
  readonly textBytes: number;
  readonly finished: boolean;
}

/** Reads the choices of a chunk; what is not an object is left out. */
export function readChoices(choices: readonly unknown[]): readonly ChunkChoice[] {
  return choices.filter(isRecord).map((choice) => {
    const said = deltaOf(choice);
    return {
      index: typeof choice['index'] === 'number' ? choice['index'] : 0,
      output: isOutput(said),
      textBytes: countTextBytes(said),
      finished: typeof choice['finish_reason'] === 'string' && choice['finish_reason'] !== '',
    };
  });
}

/** A legacy completion has its text where a chat completion has a delta. */
function deltaOf({ delta, text }: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  if (isRecord(delta)) return delta;
  return typeof text === 'string' ? { content: text } : {};
}

/** Reads `usage`; undefined where it is null, missing, or not numbers. */
export function readUsage(usage: unknown): Usage | undefined {
  if (!isRecord(usage)) return undefined;
  const promptTokens = usage['prompt_tokens'];
  // Embeddings have no completion.
  const completionTokens = usage['completion_tokens'] ?? 0;
  return isCount(promptTokens) && isCount(completionTokens) ? { promptTokens, completionTokens } : undefined;
}

/** Real output: anything that a client would show or act on. A role or an empty text is not. */
function isOutput(delta: Readonly<Record<string, unknown>>): boolean {
  const isFilled = (value: unknown) =>
    (typeof value === 'string' || Array.isArray(value)) && value.length > 0;
  return (
    OUTPUT_MEMBERS.some((name) => isFilled(delta[name])) ||
    OUTPUT_OBJECTS.some((name) => isRecord(delta[name]) && Object.keys(delta[name]).length > 0)
  );
}

/** UTF-8 bytes of what a delta or a whole message says. */
export function countTextBytes(said: Readonly<Record<string, unknown>>): number {
  const { content, refusal, tool_calls: calls, function_call: called } = said;
  // Some send the same reasoning under both names.
  const reasoning = said['reasoning_content'] ?? said['reasoning'];
  const inCalls = [{ function: called } as unknown]
    .concat(Array.isArray(calls) ? calls : [])
    .map(argumentsOf);
  const texts = [content, reasoning, refusal, ...inCalls];
  return texts.reduce<number>(
    (sum, text) => (typeof text === 'string' ? sum + Buffer.byteLength(text) : sum),
    0,
  );
}

function argumentsOf(call: unknown): unknown {
  const called = isRecord(call) ? call['function'] : undefined;
  return isRecord(called) ? called['arguments'] : undefined;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}
