import * as model from '../model.js';
import * as client from '../model-client.js';
import type { ModelPlaced, ModelRequest } from '../model-state.js';
import type { Target } from '../../target.js';

/** The ledger that the search walks: the model, or one with a guard taken out. */
export type Transitions = Pick<
  typeof model & typeof client,
  | 'accept'
  | 'claim'
  | 'renew'
  | 'append'
  | 'seal'
  | 'settle'
  | 'writeOff'
  | 'next'
  | 'release'
  | 'lapse'
  | 'confirm'
  | 'replace'
  | 'attend'
  | 'acceptSameKey'
  | 'join'
  | 'remove'
>;

export const wholeModel: Transitions = { ...model, ...client };

/**
 * - `crash`: a worker dies at any point and starts again empty
 * - `pause`: a worker stops at any point; it may wake much later and go on as if nothing had happened
 * - `lostReply`: a command was executed, its reply was lost, and the client library sends it again
 * - `lostAdd`: the api or the sweeper dies between its transition and the job that should follow
 * - `slowAdd`: one of them stops there, and adds the job much later
 * - `redeliver`: BullMQ hands out a job whose first execution still goes on
 * - `drain`: a worker is told to stop and hands its run back
 * - `refusedFrame`: Redis refuses one append (out of memory) while the run goes on
 */
export type Fault =
  'crash' | 'pause' | 'lostReply' | 'lostAdd' | 'slowAdd' | 'redeliver' | 'drain' | 'refusedFrame';

/** What is searched: which ledger, what kind of request, and what may go wrong how often. */
export interface Setting {
  readonly ledger: Transitions;
  readonly stream: boolean;
  readonly targets: readonly Target[];
  readonly workers: number;
  readonly faults: readonly Fault[];
  /** Faults in one history; the rest of it goes well. */
  readonly budget: number;
  /** Can the provider fail, before output and after the first token? */
  readonly providerFails: boolean;
  /** Does a failed call on the last target begin once more with the first, `RETRY_AFTER_MS` later? */
  readonly retries: boolean;
  /** Does a run settle after it has sealed or moved on? Otherwise before. */
  readonly settlesLate: boolean;
  readonly clientCancels: boolean;
  /** Can the deadline come at any moment? */
  readonly deadlineComes: boolean;
}

/** Where a worker's program stands; each is the command it sends next. */
export type Stage =
  | 'idle'
  | 'claiming'
  | 'calling'
  | 'appending'
  | 'settling'
  | 'moving'
  | 'sealing'
  | 'releasing'
  | 'adding'
  | 'completing';

export interface Worker {
  readonly at: Stage;
  /** Where `settling` leads. */
  readonly onward: Stage;
  readonly paused: boolean;
  /** The job it holds: `<attempt>-<placement>`. */
  readonly job: string;
  readonly attempt: number;
  /** Names the execution, and the lock on its job. */
  readonly token: number;
  readonly epoch: number;
  readonly target: number;
  /** Tokens that the provider has given to this run. */
  readonly tokens: number;
  /** The answer is whole: seal `completed`; else the failure. */
  readonly finished: boolean;
  readonly add: ModelPlaced | null;
}

/** Tokens of `token` say who holds the lock; null waits in the queue. */
export type Jobs = Readonly<Record<string, number | null>>;

/** When jobs that were added with a delay are due. */
export type Dues = Readonly<Record<string, number>>;

export interface Sight {
  readonly due: 'lease' | 'wait' | 'unplaced';
  readonly attempt: number;
  readonly placement: number;
  readonly target: number;
  /** Was the placement's job in its queue? */
  readonly exists: boolean;
}

export interface PendingAdd extends ModelPlaced {
  readonly slow: boolean;
}

export interface World {
  readonly now: number;
  readonly ledger: ModelRequest;
  readonly jobs: Jobs;
  readonly dues: Dues;
  readonly workers: readonly Worker[];
  /** Jobs that the api or the sweeper is about to add. */
  readonly adds: readonly PendingAdd[];
  /** What the sweeper saw and has yet to act on; by then it may be old. */
  readonly sight: Sight | null;
  readonly budget: number;
  /** The client's side: reads past its cursor whenever there is something. */
  readonly reader: { readonly cursor: string; readonly tokens: readonly string[]; readonly ended: boolean };
  /** Runs begun less runs handed back, by attempt: counted here, whatever the ledger counts. */
  readonly starts: Readonly<Record<number, number>>;
  readonly nextToken: number;
}

export const idle: Worker = {
  at: 'idle',
  onward: 'idle',
  paused: false,
  job: '',
  attempt: 0,
  token: 0,
  epoch: 0,
  target: 0,
  tokens: 0,
  finished: false,
  add: null,
};

/** So far off that no other timer passes it: the search jumps there when it wants to. */
const TIMEOUT_MS = 1_000_000_000;

/** Accepted, and the job not yet in its queue. */
export function firstWorld({ ledger, stream, targets, workers, budget }: Setting): World {
  const request = { stream, targets, timeoutMs: TIMEOUT_MS, maxWaiting: 1, replica: 'api-1' };
  const [accepted] = ledger.accept(null, 0, request);
  if (accepted === null) throw new Error('The ledger did not store the request.');
  return {
    now: 0,
    ledger: accepted,
    jobs: {},
    dues: {},
    workers: Array.from({ length: workers }, () => idle),
    adds: [{ attempt: 1, placement: 1, target: 0, delayMs: 0, slow: false }],
    sight: null,
    budget,
    reader: { cursor: '0-0', tokens: [], ended: false },
    starts: {},
    nextToken: 1,
  };
}

export function jobKey({ attempt, placement }: { attempt: number; placement: number }): string {
  return `${attempt}-${placement}`;
}

export function withWorker(world: World, i: number, worker: Worker): World {
  return { ...world, workers: world.workers.map((other, j) => (i === j ? worker : other)) };
}

export function isPast(world: World): boolean {
  return world.now >= world.ledger.deadlineAt;
}

/** Does this worker hold the current run and say so every second? */
export function isRenewing({ paused, epoch, at }: Worker, ledger: ModelRequest): boolean {
  return !paused && at !== 'idle' && epoch !== 0 && epoch === ledger.epoch && ledger.state === 'running';
}

/**
 * Two worlds with the same key have the same future: times count from now, workers are interchangeable, and a token
 * matters only by whom it matches. The reader is left out, since the log says what it has read.
 */
export function keyOf(world: World): string {
  const { ledger, jobs, budget, sight } = world;
  return [
    stored(ledger),
    ledger.state === 'ended' ? '' : `${isPast(world)}${timers(world)}`,
    Object.entries(ledger.unsettled).map(([epoch, at]) => `${epoch}:${Math.max(0, at - world.now)}`),
    world.workers.map((worker) => workerKey(worker, world)).sort(),
    Object.keys(jobs)
      .sort()
      .map((id) => (jobs[id] === null ? `${id}${leftUntilDue(world, id)}` : `${id}*`)),
    world.adds.map((add) => `${jobKey(add)}${add.slow}${add.delayMs}`).sort(),
    sight && `${sight.due}${jobKey(sight)}${sight.exists}`,
    ledger.state === 'ended' ? 0 : budget,
    Object.entries(world.starts),
  ].join(';');
}

/** Empty once it is due. */
function leftUntilDue({ dues, now }: World, job: string): number | '' {
  const left = (dues[job] ?? 0) - now;
  return left > 0 ? left : '';
}

const storedKeys = new WeakMap<ModelRequest, string>();

function stored(ledger: ModelRequest): string {
  const known = storedKeys.get(ledger);
  if (known !== undefined) return known;
  const { state, target, attempt, placement, epoch, starts, seq, visible, sealedBy, movedBy } = ledger;
  const log = ledger.log.map((entry) => (entry.type === 'data' ? `${entry.id}=${entry.text}` : entry.id));
  const frames = state === 'running' ? seq : '';
  const parts = [state, target, attempt, placement, epoch, starts, frames, visible, sealedBy, movedBy];
  const key = [...parts, log, ledger.trail.length, Object.entries(ledger.usage)].join();
  storedKeys.set(ledger, key);
  return key;
}

function timers({ now, ledger }: World): string {
  const left = (at: number | null) => (at === null ? '' : Math.max(0, at - now));
  const { leaseUntil, unplacedAt, waitUntil, retryAt } = ledger;
  return [left(leaseUntil), left(unplacedAt), left(waitUntil), left(retryAt), left(ledger.dueAt)].join();
}

function workerKey(worker: Worker, { ledger, jobs }: World): string {
  if (worker.at === 'idle') return 'idle';
  const { at, onward, paused, job, attempt, token, epoch, target, tokens, finished, add } = worker;
  const lock = jobs[job] === token;
  const owner = ledger.token === String(token);
  return [
    at,
    onward,
    paused,
    job,
    attempt,
    lock,
    owner,
    epoch,
    target,
    tokens,
    finished,
    add && jobKey(add),
  ].join();
}
