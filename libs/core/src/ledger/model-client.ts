import { waiting, type ModelRequest, type ModelState, type Step } from './model-state.js';
import { ENDED_TTL_MS, ORPHAN_MS, type NewRequest } from './transitions.js';

/** The part of the ledger's specification (model.ts) that clients bring about, through the api. */

export type ModelNewRequest = Pick<NewRequest, 'stream' | 'targets' | 'timeoutMs' | 'maxWaiting' | 'delayMs'>;

/** A request that exists already is the resent command: nothing changes. Nothing else waits in this model. */
export function accept(
  state: ModelState,
  now: number,
  request: ModelNewRequest,
): Step<'accepted' | 'queue_full'> {
  if (state !== null) return [state, 'accepted'];
  if (request.maxWaiting < 1) return [state, 'queue_full'];
  const blank: ModelRequest = {
    stream: request.stream,
    targets: request.targets,
    state: 'waiting',
    target: 0,
    attempt: 1,
    placement: 1,
    epoch: 0,
    starts: 0,
    token: null,
    worker: null,
    seq: 0,
    visible: false,
    deadlineAt: now + request.timeoutMs,
    leaseUntil: null,
    unplacedAt: null,
    waitUntil: null,
    dueAt: now,
    retryAt: null,
    orphanAt: now + ORPHAN_MS,
    expiresAt: null,
    log: [],
    trail: [],
    outcome: null,
    sealedBy: null,
    movedBy: null,
    usage: {},
  };
  return [waiting(blank, now, request.delayMs), 'accepted'];
}

/** A reader says that it is there. */
export function attend(state: ModelState, now: number): Step<boolean> {
  if (state === null) return [state, false];
  if (state.state === 'ended') return [{ ...state, expiresAt: now + ENDED_TTL_MS }, true];
  return [{ ...state, orphanAt: now + ORPHAN_MS }, true];
}
