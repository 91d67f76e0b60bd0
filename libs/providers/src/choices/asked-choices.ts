import { readMember } from '#core/body.js';
import { parseJson } from '../json.js';
import type { ProviderCall } from '../provider.js';

/** `n` of a body: answers to each prompt; 1 where it is not written. */
export function readN(body: Buffer): number {
  const count = Number(readMember(body, 'n') ?? 1);
  return Number.isSafeInteger(count) && count > 1 ? count : 1;
}

/** How many choices a whole answer to this call has: `n` for each prompt. */
export function askedChoices({ endpoint, body }: Pick<ProviderCall, 'endpoint' | 'body'>): number {
  if (endpoint === 'chat') return readN(body);
  if (endpoint !== 'completions') return 1;
  const prompt = parseJson(Buffer.from(readMember(body, 'prompt') ?? 'null'));
  // A list of numbers is one prompt, in tokens.
  const isList = Array.isArray(prompt) && typeof prompt[0] !== 'number';
  return isList ? prompt.length * readN(body) : readN(body);
}

/** What is said of an answer with fewer: an upstream that does not know `n` answers as if it were not there. */
export function tooFewChoices(given: number, asked: number): string {
  return `${given} of ${asked} choices; if it does not know n, set capabilities.n to emulated`;
}
