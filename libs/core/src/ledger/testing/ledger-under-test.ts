import type { Target } from '../../target.js';
import type { ModelClaimReply, ModelLapseReply } from '../model.js';
import type { ModelRequestState } from '../model-client.js';
import type { ModelPlaced } from '../model-state.js';
import type {
  AcceptReply,
  ClaimArgs,
  EndEntry,
  Guard,
  Idempotency,
  LogEntry,
  Outcome,
  RenewReply,
  StartEntry,
} from '../transitions.js';

/** The replica that accepts. */
export const FIRST_REPLICA = 'api-1';

/** What the cases vary of a new request; everything else is up to the ledger under test. */
export interface CaseRequest {
  readonly stream: boolean;
  readonly targets: readonly Target[];
  readonly timeoutMs: number;
  readonly maxWaiting: number;
  readonly delayMs?: number;
  readonly keepMs?: number;
  readonly idempotency?: Idempotency;
}

/**
 * One ledger with one request in it, as the cases drive it: the model, or the Lua scripts on a real Redis with an
 * injected clock. Frames, usage rows and attempt records are text. Replies carry at least the members named here.
 */
export interface LedgerUnderTest {
  accept(request: CaseRequest): Promise<AcceptReply['kind']>;
  /** Another request with the same idempotency key; where it is accepted, all that follows is about that one. */
  acceptSameKey(request: CaseRequest): Promise<AcceptReply['kind']>;
  claim(args: Omit<ClaimArgs, 'request'>): Promise<ModelClaimReply>;
  renew(epoch: number): Promise<RenewReply>;
  append(args: { epoch: number; seq: number; text: string }): Promise<boolean>;
  seal(args: CaseSeal): Promise<boolean>;
  settle(args: { epoch: number; usage: string | null }): Promise<boolean>;
  writeOff(epoch: number): Promise<boolean>;
  next(args: CaseNext): Promise<ModelPlaced | null>;
  release(epoch: number): Promise<ModelPlaced | null>;
  lapse(): Promise<ModelLapseReply>;
  confirm(args: { attempt: number; placement: number }): Promise<boolean>;
  replace(args: { attempt: number; placement: number }): Promise<ModelPlaced | null>;
  /** False where the ledger does not know the request. */
  attend(): Promise<boolean>;
  /** Null where the ledger does not know the request. */
  join(replica: string): Promise<ModelRequestState | null>;
  remove(): Promise<boolean>;
  /** Moves the injected clock on. It stands still otherwise, and starts at any value. */
  advance(ms: number): Promise<void>;
  observe(): Promise<Observation>;
}

export interface CaseSeal {
  readonly guard: Guard;
  readonly outcome: Outcome;
  readonly last?: { readonly seq: number; readonly text: string };
  readonly record?: string;
  readonly usage?: string | null;
}

export interface CaseNext {
  readonly guard: Extract<Guard, { kind: 'epoch' | 'attempt' }>;
  readonly target: number;
  readonly record: string;
  readonly afterMs?: number;
  readonly retry?: boolean;
}

/** The sets of a shard that hold ids of requests with a time. */
export const INDEX_SETS = ['deadlines', 'unplaced', 'leases', 'waits', 'orphans', 'retrying'] as const;
export type IndexSet = (typeof INDEX_SETS)[number];

/** The request as it lies in the ledger. `unknown`: it was never stored, and nothing else is looked at. */
export interface Observation {
  readonly state: 'unknown' | 'waiting' | 'running' | 'ended';
  readonly attempt: number;
  readonly placement: number;
  readonly target: number;
  readonly epoch: number;
  readonly starts: number;
  readonly visible: boolean;
  /** Is the prompt still there? */
  readonly body: boolean;
  /** The error's code, or the kind of an outcome without one; null until the end. */
  readonly outcome: string | null;
  /** How long until an ended request is forgotten, ms; 0 before its end. Looked at without time having passed since. */
  readonly ttl: number;
  readonly readers: readonly string[];
  /** As `describeEntry` puts them. */
  readonly log: readonly string[];
  readonly trail: readonly string[];
  /** Rows by epoch; `unknown` for a run that was lost, `none` for one that made no call. */
  readonly usage: Readonly<Record<number, string>>;
  /** Runs that are over but have not settled, by epoch: until when they may, ms since the case began. */
  readonly unsettled: Readonly<Record<number, number>>;
  /** The index sets that hold the request, each with the time it is due, ms since the case began. */
  readonly due: Readonly<Partial<Record<IndexSet, number>>>;
}

/** `1-0 start gpu-box`, `1-1 data Hello`, `end completed`. */
export function describeEntry({ id, type, bytes }: LogEntry): string {
  const text = bytes.toString();
  switch (type) {
    case 'start':
      return `${id} start ${(JSON.parse(text) as StartEntry).provider}`;
    case 'data':
      return `${id} data ${text}`;
    case 'end': {
      const { code, outcome } = JSON.parse(text) as EndEntry;
      return `end ${code ?? outcome}`;
    }
  }
}
