import { parseTrail, recordFailure } from '#core/attempt-record.js';
import { classifyFailure } from '#core/classify-failure.js';
import { decideNext, toSeconds } from '#core/decide-next.js';
import type { ErrorCode, ErrorParams } from '#core/errors.js';
import type { Failure } from '#core/failure.js';
import type { Outcome, Run } from '#core/ledger/transitions.js';
import type { Target } from '#core/target.js';
import type { StopReason } from '#broker/lease-keeper.js';
import type { WorkerBroker } from '#broker/worker-broker.js';
import type { CallEnd } from '#providers/provider.js';
import { FrameWriter } from './frame-writer.js';
import { insist } from './insist.js';
import { relay } from './relay.js';
import type { ServedProvider } from './served-provider.js';
import { usageRow } from './usage-row.js';

export interface Attempt {
  readonly broker: WorkerBroker;
  readonly provider: ServedProvider;
  readonly request: string;
  readonly run: Run;
  /** Aborts the run with a `StopReason`; the first one stays. */
  readonly controller: AbortController;
  /** When the deadline passes, by `performance.now()`. */
  readonly deadlineAt: number;
}

/** Carries out one run: calls the provider, relays its frames, then ends the request or moves it on. */
export async function runAttempt(attempt: Attempt): Promise<void> {
  const { broker, provider, request, run, controller } = attempt;
  const { signal } = controller;
  const onFenced = () => controller.abort('fenced' satisfies StopReason);
  const writer = new FrameWriter({ ledger: broker.ledger, request, epoch: run.epoch, signal, onFenced });
  const target = targetOf(run);
  const [startedAt, at] = [performance.now(), Date.now()];
  const end = await relay(provider.infer({ request, run, target }, signal), writer, run.stream);
  const last = await writer.finish();
  // On one connection, so in this order, and the client does not wait for the usage row.
  const ms = performance.now() - startedAt;
  const settled = settle(attempt, usageRow({ target, body: run.body, end, ms, at }));
  await Promise.all([settled, finish(attempt, target, end, last)]);
}

async function finish(attempt: Attempt, target: Target, end: CallEnd, last: Last): Promise<void> {
  if (end.ok) return seal(attempt, { outcome: { kind: 'completed' }, last });
  if (end.aborted) return stopped(attempt, target, end.phase === 'visible', last);
  const failure = classifyFailure(end.facts, { phase: end.phase });
  attempt.provider.observe(failure);
  return carryOut(attempt, target, failure, last);
}

type Last = { readonly seq: number; readonly bytes: Buffer } | undefined;

/** Does what core decides after a failed call. */
async function carryOut(attempt: Attempt, target: Target, failure: Failure, last: Last): Promise<void> {
  const { broker, request, run } = attempt;
  if (failure.category === 'unusable') await broker.markUnusable(target.provider, target.model);
  const record = JSON.stringify(recordFailure(target, failure));
  const { targets, target: current, model, stream, timeoutMs } = run;
  const remainingMs = attempt.deadlineAt - performance.now();
  const trail = parseTrail(run.trail);
  const facts = { failure, targets, current, trail, model, stream, remainingMs, timeoutMs };
  const verdict = decideNext({ ...facts, limits: { maxDelayMs: 0 } });
  if (verdict.action === 'fail')
    return seal(attempt, { ...failed(verdict.code, verdict.params), last, record });
  const guard = { kind: 'epoch', epoch: run.epoch } as const;
  const move = { request, guard, target: verdict.target, record };
  const placed = await insist(() => broker.ledger.next(move), { untilAt: attempt.deadlineAt });
  if (placed) await broker.queues.add(request, placed);
}

/** The run was told to stop: only a drain leaves something to do, and the deadline is worth telling at once. */
async function stopped(attempt: Attempt, target: Target, visible: boolean, last: Last): Promise<void> {
  const { broker, request, run, controller } = attempt;
  const reason = controller.signal.reason as StopReason;
  switch (reason) {
    case 'ended':
    case 'fenced':
      return;
    case 'expired':
      return seal(attempt, { ...failed('deadline_exceeded', { seconds: toSeconds(run.timeoutMs) }), last });
    case 'drain': {
      if (visible) {
        const params = { provider: target.provider, reason: 'its worker was stopped' };
        return seal(attempt, { ...failed('stream_interrupted', params), last });
      }
      const release = () => broker.ledger.release(request, run.epoch);
      const placed = await insist(release, { untilAt: attempt.deadlineAt });
      if (placed) await broker.queues.addFirst(request, placed);
    }
  }
}

async function seal(
  { broker, request, run, deadlineAt }: Attempt,
  { outcome, last, record }: { outcome: Outcome; last: Last; record?: string },
): Promise<void> {
  const guard = { kind: 'epoch', epoch: run.epoch } as const;
  const end = { request, guard, outcome, ...(last && { last }), ...(record && { record }) };
  await insist(() => broker.ledger.seal(end), { untilAt: deadlineAt });
}

function failed(code: ErrorCode, params: ErrorParams): { outcome: Outcome } {
  return { outcome: { kind: 'failed', code, params } };
}

async function settle({ broker, request, run, deadlineAt }: Attempt, usage: string | null): Promise<void> {
  const row = { request, epoch: run.epoch, usage };
  await insist(() => broker.ledger.settle(row), { untilAt: deadlineAt });
}

function targetOf(run: Run): Target {
  const target = run.targets[run.target];
  if (!target) throw new RangeError(`The plan has no target ${run.target}; it has ${run.targets.length}.`);
  return target;
}
