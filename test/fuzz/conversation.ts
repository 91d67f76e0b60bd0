import { Random } from '../support/random.js';
import { drawDraft } from './base-requests.js';
import { encode } from './draft.js';
import { mutateBytes } from './mutate-bytes.js';
import { mutateHead } from './mutate-head.js';
import { mutateJson } from './mutate-json.js';

/** How the bytes of a conversation go out. */
export type Delivery = 'at once' | 'in pieces' | 'dripping' | 'in turn';
/** What its client does behind them. */
export type Ending = 'asks for the end' | 'half-closes' | 'leaves' | 'goes silent';

/** What one connection carries; all of it follows from the seed and the number. */
export interface Conversation {
  readonly number: number;
  readonly requests: readonly Buffer[];
  readonly delivery: Delivery;
  readonly ending: Ending;
  /** Draws where pieces end. */
  readonly random: Random;
}

const MOST_REQUESTS = 4;

/** @param most requests that it may have at most */
export function drawConversation(seed: number, number: number, most = MOST_REQUESTS): Conversation {
  const random = new Random(Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(number + 1, 0x85ebca6b));
  const count = Math.min(most, random.between(1, MOST_REQUESTS));
  const requests = Array.from({ length: count }, () => drawRequest(random));
  const delivery = random.weighted({ 'at once': 55, 'in pieces': 25, 'in turn': 15, dripping: 5 });
  const ending = random.weighted({ 'asks for the end': 92, 'half-closes': 3, leaves: 4, 'goes silent': 1 });
  if (ending !== 'asks for the end' && random.chance(0.5)) cutLast(requests, random);
  return { number, requests, delivery, ending, random };
}

function drawRequest(random: Random): Buffer {
  const draft = drawDraft(random);
  const kind = random.weighted({ json: 40, head: 25, bytes: 15, both: 10, invalid: 5, none: 5 });
  if ((kind === 'json' || kind === 'both') && draft.body) draft.body = mutateJson(draft.body, random);
  if (kind === 'head' || kind === 'both') mutateHead(draft, random);
  // The length stays true: what is wrong is the body alone.
  if (kind === 'invalid' && draft.body) draft.body = mutateBytes(draft.body, random);
  const bytes = encode(draft, random);
  return kind === 'bytes' ? mutateBytes(bytes, random) : bytes;
}

function cutLast(requests: Buffer[], random: Random): void {
  const last = requests.pop() ?? Buffer.alloc(0);
  requests.push(last.subarray(0, random.between(0, last.length)));
}
