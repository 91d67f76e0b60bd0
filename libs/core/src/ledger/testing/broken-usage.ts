import type { ModelState, Step } from '../model-state.js';
import type { BrokenLedger } from './breaking.js';
import { wholeModel as model } from './world.js';

const unnoticed = /run 1 is over without a usage row, and nobody looks after it/;

/** Ledgers that forget that a run which is over has yet to say what its call cost. */
export const brokenUsage: readonly BrokenLedger[] = [
  {
    name: 'an end by others forgets the call that runs',
    without: { seal: (s, now, args) => forgetting(s, model.seal(s, now, args)) },
    setting: 'cancelAndDeadline',
    promise: unnoticed,
  },
  {
    name: 'a claim after the deadline forgets the call that runs',
    without: { claim: (s, now, args) => forgetting(s, model.claim(s, now, args)) },
    setting: 'cancelAndDeadline',
    promise: unnoticed,
  },
  {
    name: 'next forgets a call that has not settled',
    without: { next: (s, now, args) => forgetting(s, model.next(s, now, args)) },
    setting: 'lateUsage',
    promise: unnoticed,
  },
  {
    name: 'release forgets a call that has not settled',
    without: { release: (s, now, epoch) => forgetting(s, model.release(s, now, epoch)) },
    setting: 'lateUsage',
    promise: unnoticed,
  },
  {
    name: 'next leaves no time to settle',
    without: {
      next: (s, now, args) => {
        const [after, reply] = model.next(s, now, args);
        const isNew = after && s && after.unsettled !== s.unsettled;
        return [isNew ? { ...after, unsettled: { [s.epoch]: now } } : after, reply];
      },
    },
    setting: 'lateUsage',
    promise: /write-off of run 1, which could still settle/,
  },
  {
    name: 'nobody writes off a call that never settles',
    without: { writeOff: (s) => [s, false] },
    setting: 'lateUsage',
    promise: /never ends with its workers awake/,
  },
];

function forgetting<R>(before: ModelState, [after, reply]: Step<R>): Step<R> {
  return [after && before && after !== before ? { ...after, unsettled: before.unsettled } : after, reply];
}
