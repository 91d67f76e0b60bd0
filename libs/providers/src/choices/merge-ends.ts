import type { Phase } from '#core/failure.js';
import type { CallEnd } from '../provider.js';

/** Each further than the one before. */
const PHASES: readonly Phase[] = ['not_sent', 'possibly_accepted', 'headers', 'visible'];

export interface Together {
  /** The first call that came to nothing. */
  readonly failed: CallEnd | undefined;
  /** Output of any of them went on. */
  readonly visible: boolean;
  /** They were told to stop. */
  readonly cancelled: boolean;
}

/** How calls ended that are one to whoever asked: as the first one that failed, as far as any of them had come. */
export function mergeEnds(ends: readonly CallEnd[], { failed, visible, cancelled }: Together): CallEnd {
  const spent = spentBy(ends);
  if (!failed || failed.ok) return { ok: true, ...spent };
  const phase = visible ? 'visible' : furthest(ends);
  // A cancel comes before a failure that was read with it.
  if (cancelled || failed.aborted) return { ok: false, aborted: true, phase, ...spent };
  return { ok: false, aborted: false, phase, facts: failed.facts, ...spent };
}

/** Output that did not go on was seen by nobody. */
function furthest(ends: readonly CallEnd[]): Phase {
  const reached = ends.map((end) => (end.ok || end.phase === 'visible' ? 'headers' : end.phase));
  return PHASES.findLast((phase) => reached.some((each) => each === phase)) ?? 'not_sent';
}

/** Their counts together where each call has some; else what is needed to guess them for all. */
function spentBy(ends: readonly CallEnd[]): Pick<CallEnd, 'usage' | 'received' | 'calls'> {
  const sent = ends.filter((end) => end.ok || end.phase !== 'not_sent');
  const counted = sent.flatMap(({ usage }) => usage ?? []);
  if (counted.length === ends.length && ends.every(({ ok }) => ok)) {
    const promptTokens = sum(counted.map((usage) => usage.promptTokens));
    return { usage: { promptTokens, completionTokens: sum(counted.map((usage) => usage.completionTokens)) } };
  }
  const received = sent.flatMap((each) => {
    // Of a whole answer with counts nothing else is told.
    if (each.received) return [each.received];
    return each.usage ? [{ deltas: each.usage.completionTokens, textBytes: 0 }] : [];
  });
  const deltas = sum(received.map((each) => each.deltas));
  const textBytes = sum(received.map((each) => each.textBytes));
  return { calls: sent.length, ...(received.length > 0 && { received: { deltas, textBytes } }) };
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}
