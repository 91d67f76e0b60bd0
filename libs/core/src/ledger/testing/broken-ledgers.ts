import { LOST_USAGE, type ModelRequest, type ModelState, type Step } from '../model-state.js';
import type { Guard } from '../transitions.js';
import { claimPretending, pretending, type BrokenLedger } from './breaking.js';
import { brokenDelays } from './broken-delays.js';
import { brokenUsage } from './broken-usage.js';
import { wholeModel as model } from './world.js';

function unwatched<R>([after, reply]: Step<R>): Step<R> {
  return [after && { ...after, unplacedAt: null }, reply];
}

const unseen = { visible: false } as const;

/** A ledger for each guard: what the guard is for is what the search finds without it. */
export const brokenLedgers: readonly BrokenLedger[] = [
  ...brokenDelays,
  ...brokenUsage,
  {
    name: 'append does not look at the epoch',
    without: { append: (s, args) => model.append(s, { ...args, epoch: s?.epoch ?? 0 }) },
    setting: 'twoFaults',
    promise: /append was accepted from run 1, which is not current/,
  },
  {
    name: 'append logs a frame after a gap',
    without: {
      append: (s, args) =>
        pretending(s, { seq: Math.max(s?.seq ?? 0, args.seq - 1) }, (p) => model.append(p, args)),
    },
    setting: 'fallback',
    promise: /not a prefix of one run's output/,
  },
  {
    name: 'append logs a resent frame again',
    without: { append: (s, args) => pretending(s, { seq: args.seq - 1 }, (p) => model.append(p, args)) },
    setting: 'fallback',
    promise: /append sent twice happened twice/,
  },
  {
    name: 'claim does not look at the lease',
    without: { claim: (s, now, args) => claimPretending(s, now, args, { leaseUntil: null }) },
    setting: 'fallback',
    promise: /claim took a live lease/,
  },
  {
    name: 'claim does not know its own token again',
    without: { claim: (s, now, args) => claimPretending(s, now, args, { token: null }) },
    setting: 'fallback',
    promise: /claim sent twice was answered differently/,
  },
  {
    name: 'claim starts again after output',
    without: { claim: (s, now, args) => claimPretending(s, now, args, unseen) },
    setting: 'fallback',
    promise: /not a prefix of one run's output/,
  },
  {
    name: 'claim does not count starts',
    without: {
      claim: (s, now, args) => claimPretending(s, now, args, s?.token === args.token ? {} : { starts: 0 }),
    },
    setting: 'killer',
    promise: /attempt 1 was started 4 times/,
  },
  {
    name: 'claim starts a cancelled request',
    without: {
      claim: (s, now, args) => claimPretending(s, now, args, isCancelled(s) ? { state: 'waiting' } : {}),
    },
    setting: 'cancelAndDeadline',
    promise: /claim changed an ended request/,
  },
  {
    name: 'claim does not look at the deadline',
    without: {
      claim: (s, now, args) => {
        const [after, reply] = claimPretending(s, now, args, { deadlineAt: Infinity });
        return [after && s && { ...after, deadlineAt: s.deadlineAt }, reply];
      },
    },
    setting: 'cancelAndDeadline',
    promise: /claim started a run after the deadline/,
  },
  {
    name: 'claim forgets what the lost run cost',
    without: { claim: (s, now, args) => unaccounted(s, model.claim(s, now, args)) },
    setting: 'fallback',
    promise: /claim left run 1 without a usage row/,
  },
  {
    name: 'seal ends a request that has ended',
    without: {
      seal: (s, now, args) =>
        pretending(s, { state: s?.epoch === 0 ? 'waiting' : 'running' }, (p) => model.seal(p, now, args)),
    },
    setting: 'fallback',
    promise: /seal sent twice happened twice/,
  },
  {
    name: 'seal does not know itself again',
    without: { seal: (s, now, args) => pretending(s, { sealedBy: '' }, (p) => model.seal(p, now, args)) },
    setting: 'fallback',
    promise: /seal sent twice was answered differently/,
  },
  {
    name: 'seal does not look at the epoch',
    without: {
      seal: (s, now, args) => {
        const guard = args.guard.kind === 'epoch' ? { ...args.guard, epoch: s?.epoch ?? 0 } : args.guard;
        return model.seal(s, now, { ...args, guard });
      },
    },
    setting: 'twoFaults',
    promise: /seal was accepted from run 1, which is not current/,
  },
  {
    name: 'seal completes an answer with a gap',
    without: {
      seal: (s, now, args) =>
        pretending(s, args.last ? { seq: args.last.seq - 1 } : {}, (p) => model.seal(p, now, args)),
    },
    setting: 'fallback',
    promise: /not a prefix of one run's output/,
  },
  {
    name: 'nothing ends a request at its deadline',
    without: {
      seal: (s, now, args) => (args.guard.kind === 'deadline' ? [s, false] : model.seal(s, now, args)),
    },
    setting: 'cancelAndDeadline',
    promise: /never ends/,
  },
  {
    name: 'next moves on after output',
    without: { next: (s, now, args) => pretending(s, unseen, (p) => model.next(p, now, args)) },
    setting: 'fallback',
    promise: /not a prefix of one run's output/,
  },
  {
    name: 'next does not know itself again',
    without: { next: (s, now, args) => pretending(s, { movedBy: null }, (p) => model.next(p, now, args)) },
    setting: 'fallback',
    promise: /next sent twice was answered differently/,
  },
  {
    name: 'next does not look at the epoch',
    without: {
      next: (s, now, args) => {
        const guard = args.guard.kind === 'epoch' ? { ...args.guard, epoch: s?.epoch ?? 0 } : args.guard;
        return model.next(s, now, { ...args, guard });
      },
    },
    setting: 'fallback',
    promise: /next was accepted from run 1, which is not current/,
  },
  {
    name: 'release hands back after output',
    without: { release: (s, now, epoch) => pretending(s, unseen, (p) => model.release(p, now, epoch)) },
    setting: 'fallback',
    promise: /not a prefix of one run's output/,
  },
  {
    name: 'release keeps its start',
    without: {
      release: (s, now, epoch) =>
        pretending(s, { starts: (s?.starts ?? 0) + 1 }, (p) => model.release(p, now, epoch)),
    },
    setting: 'killer',
    promise: /given up as a killer of workers before its last start/,
  },
  {
    name: 'release keeps its placement',
    without: {
      release: (s, now, epoch) => {
        const [after, reply] = model.release(s, now, epoch);
        if (s === null || after === null || after === s || reply === null) return [after, reply];
        return [
          { ...after, placement: s.placement },
          { ...reply, placement: s.placement },
        ];
      },
    },
    setting: 'lostJob',
    promise: /never ends with its workers awake/,
  },
  {
    name: 'lapse places again after output',
    without: { lapse: (s, now) => pretending(s, unseen, (p) => model.lapse(p, now)) },
    setting: 'fallback',
    promise: /not a prefix of one run's output/,
  },
  {
    name: 'lapse does not look at the lease',
    without: { lapse: (s, now) => pretending(s, { leaseUntil: null }, (p) => model.lapse(p, now)) },
    setting: 'twoFaults',
    promise: /lapse took a live lease/,
  },
  {
    name: 'lapse forgets what the lost run cost',
    without: { lapse: (s, now) => unaccounted(s, model.lapse(s, now)) },
    setting: 'fallback',
    promise: /lapse left run 1 without a usage row/,
  },
  {
    name: 'a lost run may settle after all',
    without: {
      settle: (s, args) => pretending(s, { usage: {} }, (p) => model.settle(p, args)),
    },
    setting: 'fallback',
    promise: /settle made a second usage row of run 1/,
  },
  {
    name: 'accept writes no unplaced entry',
    without: { accept: (s, now, args) => unwatched(model.accept(s, now, args)) },
    setting: 'fallback',
    promise: /never ends with its workers awake/,
  },
  {
    name: 'next moves an attempt that has been claimed',
    without: {
      next: (s, now, args) => pretending(s, waitingFor(args.guard), (p) => model.next(p, now, args)),
    },
    setting: 'queueWait',
    promise: /next took a live lease/,
  },
  {
    name: 'next writes no unplaced entry',
    without: { next: (s, now, args) => unwatched(model.next(s, now, args)) },
    setting: 'lostMove',
    promise: /never ends with its workers awake/,
  },
  {
    name: 'lapse writes no unplaced entry',
    without: { lapse: (s, now) => unwatched(model.lapse(s, now)) },
    setting: 'lostJob',
    promise: /never ends with its workers awake/,
  },
];

function isCancelled(state: ModelState): boolean {
  return state?.state === 'ended' && state.outcome?.kind === 'cancelled';
}

function waitingFor(guard: Guard): Partial<ModelRequest> {
  return guard.kind === 'attempt' ? { state: 'waiting' } : {};
}

function unaccounted<R>(before: ModelState, [after, reply]: Step<R>): Step<R> {
  if (before === null || after === null || after === before) return [after, reply];
  const isLost = after.usage[before.epoch] === LOST_USAGE;
  return [isLost ? { ...after, usage: before.usage } : after, reply];
}
