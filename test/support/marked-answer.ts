import { answer, type Behaviour } from './upstream-behaviours.js';
import type { Gate } from './upstream-gate.js';

/** What a question asks: no other text of its body has this form, so the upstream can tell questions apart. */
export function promptOf(marker: string): string {
  return `Answer <${marker}>`;
}

/**
 * An answer of `count` tokens `<marker>/<call>/<index>`: whatever is lost, doubled, reordered, or of another request
 * or run shows in them. The marker is taken from the prompt; with a gate each token (of a body: the whole) needs a pass.
 */
export function markedAnswer(count: number, gate?: Gate): Behaviour {
  return (call) => {
    const marker = /Answer <(\w+)>/.exec(call.record.body.toString())?.[1] ?? 'unmarked';
    return answer(markedTokens(marker, call.record.number, count).join(' '), gate ? { gate } : {})(call);
  };
}

/** The tokens of a marked answer, as a client counts them. */
export function markedTokens(marker: string, call: number, count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `${marker}/${call}/${index}`);
}

/** The upstream call that all these tokens came from, in order from its first; throws where there is no such call. */
export function runOf(marker: string, tokens: readonly string[]): number {
  const call = Number(tokens[0]?.split('/')[1]);
  const expected = markedTokens(marker, call, tokens.length);
  if (Number.isInteger(call) && expected.join() === tokens.join()) return call;
  throw new Error(`These are not the first tokens of one run for ${marker}: ${tokens.join(' ')}`);
}
