import { errorBody } from '#core/errors.js';
import type { RequestState } from '#core/ledger/transitions.js';
import { failureOf } from './end-entry.js';
import type { EndedRequest } from './read-outcome.js';

/** As the Responses API calls them. */
type Status = 'queued' | 'in_progress' | 'completed' | 'failed' | 'cancelled';

const UNFINISHED = { waiting: 'queued', running: 'in_progress' } as const satisfies Record<string, Status>;

/**
 * What `GET /v1/requests/{id}` says of a request, as JSON text. The answer of a whole one is put in as it is: numbers
 * would not survive being parsed.
 */
export function describeRequestState(id: string, state: RequestState, ended?: EndedRequest): string {
  const { model, stream, position, paceMs } = state;
  const failure = ended?.end.outcome === 'failed' ? failureOf(ended.end, { request: id, model }) : undefined;
  const head = JSON.stringify({
    id,
    object: 'request',
    status: statusOf(state),
    model,
    stream,
    created: toSeconds(state.createdAt),
    deadline: toSeconds(state.deadlineAt),
    ended: state.endedAt === undefined ? null : toSeconds(state.endedAt),
    ...(position !== undefined && { position }),
    ...(position !== undefined && paceMs !== undefined && { eta_ms: Math.round(position * paceMs) }),
    attempts: state.attempt,
    provider: state.provider,
    error: failure ? errorBody(failure.code, failure.params).error : null,
  });
  if (stream || ended?.end.outcome !== 'completed') return head;
  return `${head.slice(0, -1)},"response":${ended.body.toString('utf8')}}`;
}

function statusOf({ state, outcome }: RequestState): Status {
  return state === 'ended' ? (outcome ?? 'failed') : UNFINISHED[state];
}

function toSeconds(ms: number): number {
  return Math.floor(ms / 1000);
}
