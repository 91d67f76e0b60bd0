import { parseTrail, recordFailure, recordSkip } from '#core/attempt-record.js';
import type { AttemptRecord } from '#core/attempt-record.js';
import { classifyFailure } from '#core/classify-failure.js';
import { decideNext, decideSkipped, toSeconds } from '#core/decide-next.js';
import type { Verdict } from '#core/decide-next.js';
import type { ErrorCode, ErrorParams } from '#core/errors.js';
import { judgeFailure } from '#core/health.js';
import type { CallResult, Refusal } from '#core/health.js';
import type { Outcome, Run } from '#core/ledger/transitions.js';
import type { Target } from '#core/target.js';
import type { StopReason } from '#broker/lease-keeper.js';
import type { WorkerBroker } from '#broker/worker-broker.js';
import type { CallEnd } from '#providers/provider.js';
import { FrameWriter, type LastFrame } from './frame-writer.js';
import { insist } from './insist.js';
import { relay } from './relay.js';
import type { ServedProvider } from './served-provider.js';
import { tellOutput } from './tell-output.js';
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
  /** The longest wait for a target that is not to be called now, ms. */
  readonly maxRetryDelayMs: number;
  /** Its end is on its way to the ledger: whatever is sent after it, on the same connection, comes after it. */
  readonly onEnding: () => void;
}

/** Carries out one run: calls the provider, relays its frames, then ends the request or moves it on. */
export async function runAttempt(attempt: Attempt): Promise<void> {
  const { broker, provider, request, run, controller } = attempt;
  const { signal } = controller;
  const target = targetOf(run);
  const admission = await broker.health.admit(request, target);
  if (admission.kind === 'skip') return skip(attempt, target, admission.why);
  const onFenced = () => controller.abort('fenced' satisfies StopReason);
  const writer = new FrameWriter({ ledger: broker.ledger, request, epoch: run.epoch, signal, onFenced });
  const { probe } = admission;
  const report = (result: CallResult) => broker.health.report({ request, target, probe, result });
  const [startedAt, at] = [performance.now(), Date.now()];
  const call = provider.infer({ request, run, target }, signal);
  const end = await relay(probe ? tellOutput(call, report) : call, writer, run.stream);
  const last = await writer.finish();
  const usage = usageRow({ target, body: run.body, end, ms: performance.now() - startedAt, at });
  const over = { target, end, last, usage, report };
  if (end.ok && !writer.isFenced) return complete(attempt, over);
  // On one connection, so in this order, and the client does not wait for the usage row.
  await Promise.all([settle(attempt, usage), finish(attempt, over)]);
}

/** A call that is over. */
interface Ended {
  readonly target: Target;
  readonly end: CallEnd;
  readonly last: Last;
  /** The JSON of its usage row; null where none was made. */
  readonly usage: string | null;
  /** Tells the health of its provider how it ended. */
  readonly report: (result: CallResult) => Promise<void>;
}

type Last = LastFrame | undefined;

async function complete(attempt: Attempt, { last, usage, report }: Ended): Promise<void> {
  const sealed = seal(attempt, { outcome: { kind: 'completed' }, last, usage });
  attempt.onEnding();
  await Promise.all([sealed, report({ kind: 'answered' })]);
}

/** What follows a call that came to nothing, or an answer that the ledger does not have all of. */
async function finish(attempt: Attempt, { target, end, last, report }: Ended): Promise<void> {
  if (end.ok) {
    await Promise.all([sealBroken(attempt, target), report({ kind: 'answered' })]);
    return;
  }
  if (end.aborted) {
    const visible = end.phase === 'visible';
    const reported = report({ kind: visible ? 'answered' : 'nothing' });
    await Promise.all([stopped(attempt, target, visible, last), reported]);
    return;
  }
  const failure = classifyFailure(end.facts, { phase: end.phase });
  attempt.provider.observe(failure);
  const { category } = failure;
  // Before the decision, which is to know of this call, too.
  await Promise.all([
    report(judgeFailure(failure)),
    category === 'unusable' && attempt.broker.markUnusable(target, attempt.run.endpoint),
  ]);
  const decide = async () => {
    const verdict = decideNext({ ...(await facts(attempt)), failure, stream: attempt.run.stream });
    await carryOut(attempt, verdict, recordFailure(target, failure), last);
  };
  await inTurn(attempt, category === 'backpressure', decide);
}

/** What may take from the retry budget is decided one after the other, so that each sees what is left of it. */
async function inTurn({ broker, run }: Attempt, busy: boolean, decide: () => Promise<void>): Promise<void> {
  const mayRetry = busy || run.trail.length > 0;
  await (mayRetry ? broker.retryTurns.take(decide) : decide());
}

/** Its target is not to be called now: no call, no usage row, and on to where core says. */
async function skip(attempt: Attempt, target: Target, why: Refusal): Promise<void> {
  const decide = async () => {
    const verdict = decideSkipped({ ...(await facts(attempt)), why });
    await carryOut(attempt, verdict, recordSkip(target, why), undefined);
  };
  await Promise.all([settle(attempt, null), inTurn(attempt, false, decide)]);
}

/** What every decision on this attempt depends on, as of now. */
async function facts({ broker, request, run, deadlineAt, maxRetryDelayMs }: Attempt) {
  const { targets, target: current, model, timeoutMs } = run;
  // Only retries need it, and without it there are none.
  const load = await broker.ledger.load(request).catch(() => undefined);
  return {
    targets,
    current,
    model,
    timeoutMs,
    trail: parseTrail(run.trail),
    remainingMs: deadlineAt - performance.now(),
    health: broker.health.view(),
    limits: { maxDelayMs: maxRetryDelayMs, load },
  };
}

/** Does what core decided after an attempt that came to nothing. */
async function carryOut(
  attempt: Attempt,
  verdict: Verdict,
  failedAttempt: AttemptRecord,
  last: Last,
): Promise<void> {
  const { broker, request, run } = attempt;
  const record = JSON.stringify(failedAttempt);
  if (verdict.action === 'fail')
    return seal(attempt, { ...failed(verdict.code, verdict.params), last, record });
  const guard = { kind: 'epoch', epoch: run.epoch } as const;
  const wait = verdict.action === 'retry' && { afterMs: verdict.afterMs, retry: verdict.counts };
  const move = { request, guard, target: verdict.target, record, ...wait };
  const placed = await insist(() => broker.ledger.next(move), { untilAt: attempt.deadlineAt });
  if (placed) await broker.queues.add(request, placed);
}

/** The run was told to stop: only a drain leaves something to do, and the deadline is worth telling at once. */
async function stopped(attempt: Attempt, target: Target, visible: boolean, last: Last): Promise<void> {
  const { broker, request, run, controller } = attempt;
  const reason = controller.signal.reason as StopReason;
  switch (reason) {
    case 'ended':
      return;
    case 'fenced':
      return visible ? sealBroken(attempt, target) : undefined;
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
  { outcome, last, ...more }: { outcome: Outcome; last: Last; record?: string; usage?: string | null },
): Promise<void> {
  const guard = { kind: 'epoch', epoch: run.epoch } as const;
  const end = { request, guard, outcome, ...(last && { last }), ...more };
  const send = () => insist(() => broker.ledger.seal(end), { untilAt: deadlineAt });
  // Refused, too, by a Redis that came back without the last frames.
  if (!(await send()) && (await last?.restore())) await send();
}

/** Of no effect where another run, or nobody, has the request now; else its log has a hole that nothing can fill. */
async function sealBroken(attempt: Attempt, { provider }: Target): Promise<void> {
  const params = { provider, reason: 'Redis lost a part of it' };
  await seal(attempt, { ...failed('stream_interrupted', params), last: undefined });
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
