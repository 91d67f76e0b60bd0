/** Ollama's `think`: on or off, or how much where the model knows degrees. Undefined: as the model has it. */
export type Think = boolean | string | undefined;

/** The efforts that Ollama has a name for; OpenAI knows more of them. */
const LEVELS: ReadonlyMap<string, string> = new Map([
  ['minimal', 'low'],
  ['low', 'low'],
  ['medium', 'medium'],
  ['high', 'high'],
  ['xhigh', 'high'],
  ['max', 'high'],
]);

/**
 * What to ask for, best first: most models know thinking as a switch only, and some not at all, and Ollama refuses what
 * the model does not know. What the caller asks for is never left out; a default of the configuration is.
 */
export function toThinking(body: Readonly<Record<string, unknown>>, byDefault: Think): readonly Think[] {
  const { think, reasoning_effort: effort } = body;
  if (typeof think === 'boolean' || typeof think === 'string') return [think];
  if (effort === 'none') return [false];
  if (typeof effort === 'string') return [LEVELS.get(effort) ?? effort, true];
  if (byDefault === undefined) return [undefined];
  return typeof byDefault === 'string' ? [byDefault, true, undefined] : [byDefault, undefined];
}

/** Ollama's words for a `think` that the model does not know. */
export const REFUSES_THINKING = /\bthink/i;
