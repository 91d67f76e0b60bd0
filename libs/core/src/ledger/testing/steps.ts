import type { ErrorCode } from '../../errors.js';
import type { Target } from '../../target.js';
import type { ModelClaimReply } from '../model.js';
import type { ModelRequestState } from '../model-client.js';
import type { ModelPlaced } from '../model-state.js';
import type { Guard, Outcome, RenewReply } from '../transitions.js';
import type { CaseRequest, CaseSeal, LedgerUnderTest, Observation } from './ledger-under-test.js';

/** A case is a list of these: what is done, and what must come of it. An object's members not named are not looked at. */
export interface Step {
  readonly name: string;
  readonly act: (ledger: LedgerUnderTest) => Promise<unknown>;
  readonly expected: unknown;
}

export interface LedgerCase {
  readonly name: string;
  readonly steps: readonly Step[];
}

export interface Seen {
  /** Which step, as a failure message names it. */
  readonly step: string;
  readonly actual: unknown;
  readonly expected: unknown;
}

/** Plays a case; the caller compares what each step gave. */
export async function* play(ledger: LedgerUnderTest, { steps }: LedgerCase): AsyncGenerator<Seen> {
  for (const [i, { name, act, expected }] of steps.entries()) {
    yield { step: `${i + 1}. ${name}`, actual: pick(await act(ledger), expected), expected };
  }
}

function pick(actual: unknown, expected: unknown): unknown {
  if (!isRecord(actual) || !isRecord(expected)) return actual;
  return Object.fromEntries(Object.keys(expected).map((key) => [key, actual[key]]));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const targets: readonly Target[] = [
  { provider: 'gpu-box', model: 'llama', location: 'local', maxQueueWaitMs: 5_000 },
  { provider: 'openai', model: 'gpt', location: 'cloud' },
];

export const completed: Outcome = { kind: 'completed' };
export const cancelled: Outcome = { kind: 'cancelled' };
export const failed = (code: ErrorCode): Outcome => ({ kind: 'failed', code, params: {} });

export const byEpoch = (epoch: number) => ({ kind: 'epoch', epoch }) as const;
export const byAttempt = (attempt: number) => ({ kind: 'attempt', attempt }) as const;
export const byDeadline: Guard = { kind: 'deadline' };
export const byOrphan: Guard = { kind: 'orphan' };
export const byAnybody: Guard = { kind: 'any' };

export const accepts = (over: Partial<CaseRequest> = {}, expected = 'accepted'): Step => ({
  name: 'accept',
  act: (ledger) => ledger.accept({ stream: true, targets, timeoutMs: 60_000, maxWaiting: 10, ...over }),
  expected,
});

export const acceptsSameKey = (over: Partial<CaseRequest>, expected: string): Step => ({
  name: 'accept with the same idempotency key',
  act: (ledger) =>
    ledger.acceptSameKey({ stream: true, targets, timeoutMs: 60_000, maxWaiting: 10, ...over }),
  expected,
});

/** The reply of a claim that starts, or had started, the run of this epoch. */
export const run = (epoch: number, over: Partial<Extract<ModelClaimReply, { kind: 'run' }>> = {}) => ({
  kind: 'run',
  epoch,
  ...over,
});
export const done = { kind: 'done' };
export const busy = { kind: 'busy' };

/** `token` names the execution that claims; its worker is named after it. */
export const claims = (token: string, expected: object, attempt = 1): Step => ({
  name: `claim attempt ${attempt} as ${token}`,
  act: (ledger) => ledger.claim({ attempt, token, worker: `worker-${token}` }),
  expected,
});

export const renews = (epoch: number, expected: RenewReply): Step => ({
  name: `renew ${epoch}`,
  act: (ledger) => ledger.renew(epoch),
  expected,
});

export const appends = (epoch: number, seq: number, text: string, expected = true): Step => ({
  name: `append ${epoch}-${seq} ${text}`,
  act: (ledger) => ledger.append({ epoch, seq, text }),
  expected,
});

export const seals = (
  guard: Guard,
  outcome: Outcome,
  expected = true,
  more: Omit<CaseSeal, 'guard' | 'outcome'> = {},
): Step => ({
  name: `seal ${outcome.kind} by ${JSON.stringify(guard)}`,
  act: (ledger) => ledger.seal({ guard, outcome, ...more }),
  expected,
});

export const settles = (epoch: number, expected = true, usage: string | null = '{"tokens":7}'): Step => ({
  name: `settle ${epoch}${usage === null ? ' without a call' : ''}`,
  act: (ledger) => ledger.settle({ epoch, usage }),
  expected,
});

export const writesOff = (epoch: number, expected = true): Step => ({
  name: `write off ${epoch}`,
  act: (ledger) => ledger.writeOff(epoch),
  expected,
});

export const moves = (
  guard: Extract<Guard, { kind: 'epoch' | 'attempt' }>,
  expected: ModelPlaced | null,
  target = 1,
  record = '"503"',
  more: { afterMs?: number; retry?: boolean } = {},
): Step => ({
  name: `next target ${target} by ${JSON.stringify(guard)}`,
  act: (ledger) => ledger.next({ guard, target, record, ...more }),
  expected,
});

export const releases = (epoch: number, expected: ModelPlaced | null): Step => ({
  name: `release ${epoch}`,
  act: (ledger) => ledger.release(epoch),
  expected,
});

export const lapses = (expected: object): Step => ({
  name: 'lapse',
  act: (ledger) => ledger.lapse(),
  expected,
});

export const confirms = (attempt: number, placement: number, expected = true): Step => ({
  name: `confirm ${attempt}-${placement}`,
  act: (ledger) => ledger.confirm({ attempt, placement }),
  expected,
});

export const replaces = (attempt: number, placement: number, expected: ModelPlaced | null): Step => ({
  name: `replace ${attempt}-${placement}`,
  act: (ledger) => ledger.replace({ attempt, placement }),
  expected,
});

export const attends = (expected = true): Step => ({
  name: 'attend',
  act: (ledger) => ledger.attend(),
  expected,
});

export const joins = (replica: string, expected: Partial<ModelRequestState> | null): Step => ({
  name: `join as ${replica}`,
  act: (ledger) => ledger.join(replica),
  expected,
});

export const removes = (expected = true): Step => ({
  name: 'remove',
  act: (ledger) => ledger.remove(),
  expected,
});

export const advances = (ms: number): Step => ({
  name: `${ms} ms later`,
  act: (ledger) => ledger.advance(ms),
  expected: undefined,
});

export const shows = (expected: Partial<Observation>): Step => ({
  name: 'look',
  act: (ledger) => ledger.observe(),
  expected,
});

export const placed = (attempt: number, placement: number, target: number, delayMs = 0): ModelPlaced => ({
  attempt,
  placement,
  target,
  delayMs,
});

/** A lease's length, ms, and a moment when it has run out. */
export const leaseRunsOut: Step = advances(5_000);
export const deadlinePasses: Step = advances(60_000);

/** The two beginnings that most cases share. */
export const running: readonly Step[] = [accepts(), claims('a', run(1))];
export const streaming: readonly Step[] = [...running, appends(1, 1, 'Hel')];
