import { estimateCompletionTokens, estimatePromptTokens } from '#core/estimate-tokens.js';
import type { Target } from '#core/target.js';
import type { CallEnd } from '#providers/provider.js';

/** An upstream call that is over, as its worker saw it. */
export interface CallOver {
  readonly target: Target;
  /** The client's body. */
  readonly body: Buffer;
  readonly end: CallEnd;
  /** How long it took, ms. */
  readonly ms: number;
  /** When it began, Unix ms. */
  readonly at: number;
}

interface Tokens {
  readonly promptTokens: number;
  readonly completionTokens: number;
  /** The upstream did not say, or not for all of it: guessed from what was sent and what arrived. */
  readonly estimated?: true;
}

/**
 * The JSON of a call's usage row: `{v, outcome, provider, model, phase?, at, ms, promptTokens, completionTokens,
 * estimated?}`; `phase` says how far a call had come that did not complete. Null where no call was made: nothing was
 * sent, so that nothing can have been billed.
 */
export function usageRow({ target, body, end, ms, at }: CallOver): string | null {
  if (!end.ok && end.phase === 'not_sent') return null;
  const { provider, model } = target;
  const outcome = end.ok ? 'completed' : end.aborted ? 'aborted' : 'failed';
  const phase = end.ok ? undefined : end.phase;
  const times = { at, ms: Math.round(ms) };
  return JSON.stringify({ v: 1, outcome, provider, model, phase, ...times, ...countTokens(end, body) });
}

function countTokens(end: CallEnd, body: Buffer): Tokens {
  const { usage, received, calls = 1 } = end;
  if (end.ok && usage) return usage;
  if (isRefusal(end) && !usage && !received) return { promptTokens: 0, completionTokens: 0 };
  const arrived = received ? estimateCompletionTokens(received) : 0;
  return {
    promptTokens: usage?.promptTokens ?? estimatePromptTokens(body) * calls,
    // Counts that came with a stream may be those of its beginning.
    completionTokens: Math.max(usage?.completionTokens ?? 0, arrived),
    estimated: true,
  };
}

/** An error status: there was no answer, unless to another call of the same run, and nobody bills for one. */
function isRefusal(end: CallEnd): boolean {
  return !end.ok && !end.aborted && end.facts.kind === 'status' && end.facts.status >= 400;
}
