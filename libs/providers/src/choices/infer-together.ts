import type { CallEnd, ProviderFrame } from '../provider.js';
import { AnswerMerger } from './answer-merger.js';
import type { ChoiceMerger } from './choice-merger.js';
import { ChunkMerger } from './chunk-merger.js';
import { mergeEnds } from './merge-ends.js';
import { ParallelCalls } from './parallel-calls.js';

type Answer = AsyncGenerator<ProviderFrame, CallEnd, void>;

/**
 * The calls at once, as one answer with the choices of all. The first one to fail ends all: an answer with a choice
 * missing is none.
 */
export async function* inferTogether(
  start: readonly ((stop: AbortSignal) => Answer)[],
  stream: boolean,
  signal: AbortSignal,
): Answer {
  const giveUp = new AbortController();
  const stop = AbortSignal.any([signal, giveUp.signal]);
  const calls = new ParallelCalls(start.map((infer) => infer(stop)));
  const merger: ChoiceMerger = stream ? new ChunkMerger(start.length) : new AnswerMerger(start.length);
  const ends: CallEnd[] = [];
  let failed: CallEnd | undefined;
  let visible = false;
  try {
    while (ends.length < start.length) {
      const { call, step } = await calls.next();
      if (step.done) {
        ends.push(step.value);
        if (step.value.ok || failed) continue;
        failed = step.value;
        // How far the others have come is known when they have ended.
        giveUp.abort();
        continue;
      }
      // Nobody wants what comes behind a failure.
      const frame = failed ? undefined : merger.take(call, step.value);
      if (!frame) continue;
      visible ||= stream && frame.output;
      yield frame;
    }
    if (!failed) yield merger.finish();
    return mergeEnds(ends, { failed, visible, cancelled: signal.aborted });
  } finally {
    giveUp.abort();
    await calls.close();
  }
}
