import type { ModelState, Step } from '../model-state.js';
import type { BrokenLedger } from './breaking.js';
import { wholeModel as model } from './world.js';

/** Ledgers that forget when an attempt is due, or what counts as retrying. */
export const brokenDelays: readonly BrokenLedger[] = [
  {
    name: 'replace forgets that the attempt is due later',
    without: {
      replace: (s, now, args) => {
        const [after, reply] = model.replace(s, now, args);
        return [after, reply && { ...reply, delayMs: 0 }];
      },
    },
    setting: 'retry',
    promise: /claim started a run before its target had cooled down/,
  },
  {
    name: 'claim brings an attempt that is due later at once',
    without: {
      claim: (s, now, args) => {
        const [after, reply] = model.claim(s, now, args);
        return [after, reply.kind === 'superseded' ? { ...reply, delayMs: 0 } : reply];
      },
    },
    setting: 'retry',
    promise: /claim started a run before its target had cooled down/,
  },
  {
    name: 'a claimed retry counts on',
    without: { claim: (s, now, args) => counting(s, model.claim(s, now, args)) },
    setting: 'retry',
    promise: /counted as retrying/,
  },
  {
    name: 'an ended retry counts on',
    without: { seal: (s, now, args) => counting(s, model.seal(s, now, args)) },
    setting: 'retryCancelled',
    promise: /counted as retrying/,
  },
  {
    name: 'a retry that moved on counts on',
    without: {
      next: (s, now, args) =>
        args.guard.kind === 'attempt' ? counting(s, model.next(s, now, args)) : model.next(s, now, args),
    },
    setting: 'retryMoves',
    promise: /counted as retrying/,
  },
];

function counting<R>(before: ModelState, [after, reply]: Step<R>): Step<R> {
  return [after && before && { ...after, retryAt: before.retryAt }, reply];
}
