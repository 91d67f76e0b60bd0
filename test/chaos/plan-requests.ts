import type { CallScript, ClientHistory } from './history.js';
import type { Random } from '../support/random.js';

/** What one client will do, and what the upstream will do with the calls made for it. */
export interface RequestPlan {
  readonly marker: string;
  /** `one` has a single target, `two` falls back. */
  readonly model: 'one' | 'two';
  readonly stream: boolean;
  readonly tokens: number;
  /** From the call to its first token, and from token to token, ms. */
  readonly firstMs: number;
  readonly paceMs: number;
  readonly timeoutMs: number;
  /** See `ClientHistory`. */
  readonly kept: ClientHistory['kept'];
  /** How many clients ask the same at once. Only with a key are they one request. */
  readonly clients: number;
  /** When the client closes: after so many ms, or so many tokens; else it waits for the end. */
  readonly leaves: { readonly afterMs: number } | { readonly afterTokens: number } | undefined;
  /** Of each call in turn; those after the last are answered. */
  readonly scripts: readonly CallScript[];
}

/** The longest answer, tokens, and what makes short ones more frequent: the mean is near 60. */
const MOST_TOKENS = 200;
const SHORTNESS = 2.3;
/** Well below the time after which a silent upstream is given up, ms. */
const MOST_PACE_MS = 1_500;
/** Of a request that asks for nothing shorter, ms; `timeouts.totalMs` of the campaign's configuration. */
export const TOTAL_MS = 60_000;

/** A mix of all that clients do; the n-th draw of a seed is always the same. */
export function planRequest(random: Random, marker: string): RequestPlan {
  const tokens = 1 + Math.floor(MOST_TOKENS * random.next() ** SHORTNESS);
  const stream = random.chance(0.7);
  // A whole answer is made anew when its worker is killed: a long one would be killed three times, and be given up.
  const [meanMs, mostMs] = stream ? [2_700, 9_000] : [1_000, 3_000];
  const lengthMs = Math.min(mostMs, tokens * MOST_PACE_MS, random.exponential(meanMs));
  const kept = random.weighted({ no: 80, resume: stream ? 12 : 4, repeat: 8 });
  return {
    marker,
    kept,
    clients: kept === 'repeat' && random.chance(0.4) ? 2 : 1,
    model: random.chance(0.5) ? 'one' : 'two',
    stream,
    tokens,
    firstMs: random.chance(0.3) ? 0 : random.between(1, 400),
    paceMs: random.chance(0.15) ? 0 : lengthMs / tokens,
    timeoutMs: random.chance(0.04) ? random.between(500, 5_000) : TOTAL_MS,
    leaves: kept === 'no' && random.chance(0.1) ? planLeaving(random, tokens, stream) : undefined,
    scripts: random.chance(0.06) ? [planFault(random, tokens)] : [],
  };
}

function planLeaving(random: Random, tokens: number, stream: boolean): RequestPlan['leaves'] {
  if (!stream || random.chance(0.4)) return { afterMs: random.between(1, 2_500) };
  return { afterTokens: random.between(1, tokens) };
}

function planFault(random: Random, tokens: number): CallScript {
  const after = random.between(0, tokens - 1);
  const kind = random.weighted({ status: 3, refuse: 2, hang: 1, cut: 2, truncate: 2, stall: 1 });
  switch (kind) {
    case 'status':
      return { kind, status: random.pick([429, 500, 503]) ?? 500 };
    case 'refuse':
    case 'hang':
      return { kind };
    case 'cut':
    case 'truncate':
    case 'stall':
      return { kind, after };
  }
}
