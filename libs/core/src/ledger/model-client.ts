import { end, sealName, waiting, type ModelRequest, type ModelState, type Step } from './model-state.js';
import {
  ENDED_TTL_MS,
  ORPHAN_MS,
  type AcceptReply,
  type NewRequest,
  type RequestState,
} from './transitions.js';

/** The part of the ledger's specification (model.ts) that clients bring about, through the api. */

export type ModelNewRequest = Pick<
  NewRequest,
  'stream' | 'targets' | 'timeoutMs' | 'maxWaiting' | 'replica' | 'delayMs' | 'keepMs' | 'idempotency'
>;

export type ModelRequestState = Pick<
  RequestState,
  'state' | 'outcome' | 'stream' | 'keepMs' | 'attempt' | 'provider'
>;

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
    orphanAt: request.keepMs === undefined ? now + ORPHAN_MS : null,
    keepMs: request.keepMs ?? null,
    expiresAt: null,
    body: true,
    removed: false,
    fingerprint: request.idempotency?.fingerprint ?? null,
    readers: [request.replica],
    log: [],
    trail: [],
    outcome: null,
    sealedBy: null,
    movedBy: null,
    usage: {},
    unsettled: {},
  };
  return [waiting(blank, now, request.delayMs), 'accepted'];
}

/**
 * Another request with the idempotency key of this one. The key is free where its request was lost, failed or was
 * cancelled: what failed may be tried again, and what is known under the key is then the new request.
 */
export function acceptSameKey(
  state: ModelState,
  now: number,
  request: ModelNewRequest,
): Step<AcceptReply['kind']> {
  const isFree = state === null || state.removed || (state.outcome && state.outcome.kind !== 'completed');
  if (!isFree)
    return [state, state.fingerprint === request.idempotency?.fingerprint ? 'attached' : 'conflict'];
  const [fresh, reply] = accept(null, now, request);
  return [fresh ?? state, reply];
}

/** A reader says that it is there. */
export function attend(state: ModelState, now: number): Step<boolean> {
  if (state === null || state.removed) return [state, false];
  if (state.state !== 'ended') {
    return [state.keepMs === null ? { ...state, orphanAt: now + ORPHAN_MS } : state, true];
  }
  return [{ ...state, expiresAt: Math.max(state.expiresAt ?? 0, now + ENDED_TTL_MS) }, true];
}

/** A replica reads it from now on. Null: unknown. */
export function join(state: ModelState, replica: string): Step<ModelRequestState | null> {
  if (state === null || state.removed || state.readers.includes(replica)) return [state, describe(state)];
  return [{ ...state, readers: [...state.readers, replica] }, describe(state)];
}

/** Forgets it for its client's sake; what is left lets a run that still goes on settle. */
export function remove(state: ModelState, now: number): Step<boolean> {
  if (state === null) return [state, false];
  if (state.removed) return [state, true];
  const ended =
    state.state === 'ended' ? state : end(state, now, CANCELLED, sealName({ kind: 'any' }, CANCELLED));
  return [{ ...ended, removed: true, body: false, log: [], expiresAt: now + ENDED_TTL_MS }, true];
}

function describe(state: ModelState): ModelRequestState | null {
  if (state === null || state.removed) return null;
  const { stream, keepMs, attempt, outcome, targets, target } = state;
  const provider = targets[target]?.provider ?? '';
  return { state: state.state, ...(outcome && { outcome: outcome.kind }), stream, keepMs, attempt, provider };
}

const CANCELLED = { kind: 'cancelled' } as const;
