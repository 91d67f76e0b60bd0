/**
 * Token counts where an upstream gave none, because its call failed or was given up. They are guesses for accounts and
 * budgets, and flagged as such wherever they are kept; no tokenizer is asked, as every model has another one.
 */

/** UTF-8 bytes per token: about right for English, and for scripts whose letters take three bytes. */
const BYTES_PER_TOKEN = 4;

/** Beside its text, what a message costs. */
const TOKENS_PER_MESSAGE = 4;

/** An image, a sound or a file; their bytes say nothing of their tokens. */
const TOKENS_PER_ATTACHMENT = 256;

/** Members of a content part that hold something other than text. */
const ATTACHMENTS: ReadonlySet<string> = new Set(['image_url', 'input_audio', 'file']);

/** What of an answer arrived before its call ended. */
export interface Received {
  /** Deltas with output; an upstream seldom sends a token in several. */
  readonly deltas: number;
  /** UTF-8 bytes of text, reasoning and arguments of tools. */
  readonly textBytes: number;
}

/** Tokens of what a body of any endpoint asks about; 0 where it is not JSON. */
export function estimatePromptTokens(body: Buffer): number {
  const { messages, tools, prompt, input, query, documents } = parseObject(body);
  const list = Array.isArray(messages) ? messages : [];
  const seen = { textBytes: 0, attachments: 0 };
  let tokens = 0;
  for (const value of [list, tools]) measure(value, seen);
  for (const value of [prompt, input, query, documents]) {
    tokens += countTokenIds(value);
    measure(value, seen);
  }
  return (
    Math.ceil(seen.textBytes / BYTES_PER_TOKEN) +
    list.length * TOKENS_PER_MESSAGE +
    seen.attachments * TOKENS_PER_ATTACHMENT +
    tokens
  );
}

/** Tokens of what arrived: never fewer than there were deltas. */
export function estimateCompletionTokens({ deltas, textBytes }: Received): number {
  return Math.max(deltas, Math.ceil(textBytes / BYTES_PER_TOKEN));
}

/** Recursive: the edge takes no body deeper than 64 levels. */
function measure(value: unknown, seen: { textBytes: number; attachments: number }): void {
  if (typeof value === 'string') seen.textBytes += Buffer.byteLength(value);
  if (typeof value !== 'object' || value === null) return;
  for (const [name, member] of Object.entries(value)) {
    if (ATTACHMENTS.has(name)) seen.attachments++;
    else measure(member, seen);
  }
}

/** Numbers in a list, or in its lists. */
function countTokenIds(value: unknown): number {
  if (!Array.isArray(value)) return 0;
  return value.flat().filter((item) => typeof item === 'number').length;
}

function parseObject(body: Buffer): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(body.toString());
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
