import type { ModelPlaced, ModelState } from '../model-state.js';
import type { Outcome } from '../transitions.js';
import { perform, PromiseBroken } from './promise.js';
import { addJob, commanding, failCall, leaveCall, provide, stepWorker } from './worker-program.js';
import { idle, isPast, isRenewing, jobKey, withWorker, type Fault, type Setting } from './world.js';
import type { Sight, Worker, World } from './world.js';

export type MoveKind =
  | 'work'
  | 'provide'
  | 'fail'
  | 'deliver'
  | 'add'
  | 'sweep'
  | 'wake'
  | 'tick'
  | 'deadline'
  | 'cancel'
  | 'fault';

/** One thing that may happen in a world. */
export interface Move {
  readonly kind: MoveKind;
  readonly name: string;
  readonly make: () => World;
}

/**
 * Everything that may happen next. Two reductions: with the request ended workers do not touch each other any more, so
 * one after the other winds down; and with nothing left to go wrong a step that nobody else sees is taken at once.
 */
export function movesOf(world: World, setting: Setting): Move[] {
  const isEnded = world.ledger.state === 'ended';
  const first = world.workers.findIndex(
    ({ at, paused }) =>
      !paused && (isEnded ? at !== 'idle' : world.budget === 0 && (at === 'settling' || at === 'completing')),
  );
  if (first >= 0) return works(world, first, setting);
  const moves = [...sweeps(world, setting), ...times(world, setting), ...deliveries(world)];
  world.workers.forEach((_, i) => moves.push(...works(world, i, setting)));
  world.adds.forEach((add, i) => {
    const rest = { ...world, adds: world.adds.filter((_, j) => i !== j) };
    moves.push({ kind: 'add', name: `add job ${jobKey(add)}`, make: () => addJob(rest, add) });
    moves.push(...fault(rest, setting, 'lostAdd', `job ${jobKey(add)}`, (after) => after));
    if (add.slow) return;
    const delay = (after: World) => ({ ...after, adds: [...after.adds, { ...add, slow: true }] });
    moves.push(...fault(rest, setting, 'slowAdd', `job ${jobKey(add)}`, delay));
  });
  if (setting.clientCancels && world.ledger.state !== 'ended') {
    moves.push({ kind: 'cancel', name: 'the client cancels', make: () => cancel(world, setting) });
  }
  return moves;
}

function fault(
  world: World,
  { faults }: Setting,
  kind: Fault,
  name: string,
  make: (world: World) => World,
): Move[] {
  if (world.budget === 0 || world.ledger.state === 'ended' || !faults.includes(kind)) return [];
  const spent = { ...world, budget: world.budget - 1 };
  return [{ kind: 'fault', name: `${kind}: ${name}`, make: () => make(spent) }];
}

function cancel(world: World, { ledger }: Setting): World {
  const args = { guard: { kind: 'any' }, outcome: { kind: 'cancelled' } } as const;
  return perform(world, { op: 'cancel', run: (s, now) => ledger.seal(s, now, args) })[0];
}

/** A worker's own steps, its provider's, and its faults. */
function works(world: World, i: number, setting: Setting): Move[] {
  const worker = world.workers[i] ?? idle;
  if (worker.at === 'idle') return [];
  const name = `worker ${i + 1} ${worker.at}`;
  const crash = fault(world, setting, 'crash', name, (from) => withWorker(from, i, idle));
  const wake = () => withWorker(world, i, { ...worker, paused: false });
  if (worker.paused) return [{ kind: 'wake', name: `worker ${i + 1} wakes`, make: wake }, ...crash];
  const asleep = { ...worker, paused: true };
  const pause = fault(world, setting, 'pause', name, (from) => withWorker(from, i, asleep));
  const own = worker.at === 'calling' ? calls(world, i, worker, setting) : steps(world, i, worker, setting);
  return [...own, ...crash, ...pause];
}

/** Between two commands of a run: what its provider does, and what stops it. */
function calls(world: World, i: number, worker: Worker, setting: Setting): Move[] {
  const to = (kind: MoveKind, name: string, change: Partial<Worker>): Move => ({
    kind,
    name: `worker ${i + 1} ${name}`,
    make: () => withWorker(world, i, { ...worker, ...change }),
  });
  const moves = [to('provide', 'gets a token', provide(worker, setting))];
  if (setting.providerFails && worker.tokens < 2) {
    moves.push(to('fail', 'sees its call fail', failCall(worker, setting)));
  }
  if (isPast(world) || !isRenewing(worker, world.ledger)) {
    moves.push(to('work', 'is told to stop', { at: 'settling', onward: 'completing' }));
  }
  const drained: Worker = { ...worker, ...leaveCall(setting, 'releasing') };
  const name = `worker ${i + 1}`;
  return [...moves, ...fault(world, setting, 'drain', name, (from) => withWorker(from, i, drained))];
}

/** The next step of its program, and what can become of a command on its way. */
function steps(world: World, i: number, worker: Worker, setting: Setting): Move[] {
  const name = `worker ${i + 1} ${worker.at}`;
  const step = (from: World) => stepWorker(from, i, worker, setting);
  const moves: Move[] = [{ kind: 'work', name, make: () => step(world) }];
  if (commanding.has(worker.at)) {
    const resend = (from: World) => ({ ...step(from), workers: from.workers });
    moves.push(...fault(world, setting, 'lostReply', name, resend));
  }
  if (worker.at === 'appending') {
    const skipped: Worker = { ...worker, at: 'calling' };
    moves.push(...fault(world, setting, 'refusedFrame', name, (from) => withWorker(from, i, skipped)));
  }
  return moves;
}

/** The queue hands a job to an idle worker; one whose holder died, sleeps or is slow comes back. */
function deliveries(world: World): Move[] {
  const free = world.workers.findIndex(({ at }) => at === 'idle');
  if (free < 0) return [];
  return Object.entries(world.jobs).flatMap(([job, lock]): Move[] => {
    if (lock !== null || isCooling(world, job)) return [];
    const attempt = Number.parseInt(job, 10);
    const make = () => {
      const token = world.nextToken;
      const worker = { ...idle, at: 'claiming', job, attempt, token } as const;
      const jobs = { ...world.jobs, [job]: token };
      return withWorker({ ...world, jobs, nextToken: token + 1 }, free, worker);
    };
    return [{ kind: 'deliver', name: `job ${job} goes to worker ${free + 1}`, make }];
  });
}

/** Not due yet; once the request has ended, when it comes does not matter. */
function isCooling({ dues, now, ledger }: World, job: string): boolean {
  return ledger.state !== 'ended' && (dues[job] ?? 0) > now;
}

/** Timers, and what time does to locks. */
function times(world: World, setting: Setting): Move[] {
  const moves: Move[] = [];
  for (const [job, lock] of Object.entries(world.jobs)) {
    if (lock === null) continue;
    const freed = (from: World) => ({ ...from, jobs: { ...from.jobs, [job]: null } });
    const holder = world.workers.find(({ at, token }) => at !== 'idle' && token === lock);
    if (holder === undefined || holder.paused) {
      moves.push({ kind: 'deliver', name: `job ${job} stalled`, make: () => freed(world) });
    } else {
      moves.push(...fault(world, setting, 'redeliver', `job ${job}`, freed));
    }
  }
  const { ledger } = world;
  const unsettled = Object.values(ledger.unsettled).filter((at) => at > world.now);
  const tick = (at: number): Move => ({
    kind: 'tick',
    name: `${at - world.now} ms pass`,
    make: () => pass(world, at, setting),
  });
  if (ledger.state === 'ended' || isPast(world)) {
    if (unsettled.length > 0 && isSettled(world)) moves.push(tick(Math.min(...unsettled)));
    return moves;
  }
  const isRenewed = world.workers.some((worker) => isRenewing(worker, ledger));
  const jobsDue = Object.entries(world.dues).map(([job, at]) => (world.jobs[job] === null ? at : null));
  const due = [ledger.unplacedAt, ledger.waitUntil, isRenewed ? null : ledger.leaseUntil];
  const at = Math.min(
    ...[...due, ...jobsDue, ...unsettled].filter((time) => time !== null && time > world.now).map(Number),
  );
  if (at < ledger.deadlineAt && isSettled(world)) moves.push(tick(at));
  if (!setting.deadlineComes) return moves;
  const make = () => pass(world, ledger.deadlineAt, setting);
  return [...moves, { kind: 'deadline', name: 'the deadline passes', make }];
}

/** A step takes less time than any timer, unless its process was paused. A run that is not current is told so soon. */
function isSettled({ workers, adds, sight, ledger }: World): boolean {
  const isWaiting = workers.every(
    (worker) =>
      worker.paused || worker.at === 'idle' || (worker.at === 'calling' && isRenewing(worker, ledger)),
  );
  return isWaiting && adds.every(({ slow }) => slow) && sight === null;
}

/** Time passes: the client is still there, and every worker that is awake has renewed its run's lease. */
function pass(world: World, now: number, { ledger }: Setting): World {
  const at = { ...world, now, budget: now < world.ledger.deadlineAt ? world.budget : 0 };
  const [attended] = perform(at, { op: 'attend', run: (s) => ledger.attend(s, now) });
  return attended.workers.reduce((after, worker) => {
    if (!isRenewing(worker, after.ledger)) return after;
    const { epoch } = worker;
    return perform(after, { op: 'renew', epoch, run: (s) => ledger.renew(s, now, epoch) })[0];
  }, attended);
}

/** The sweeper: seals at the deadline; for all else it reads what is due first and acts on it later. */
function sweeps(world: World, { ledger, targets }: Setting): Move[] {
  const { now, ledger: request, sight } = world;
  const sweep = (name: string, make: () => World): Move => ({
    kind: 'sweep',
    name: `sweeper: ${name}`,
    make,
  });
  if (sight !== null) {
    return [
      sweep(`acts on the ${sight.due}`, () => act({ ...world, sight: null }, sight, ledger, targets.length)),
    ];
  }
  const writeOffs = Object.entries(request.unsettled).flatMap(([run, at]) =>
    at > now ? [] : [sweep(`writes off run ${run}`, () => writeOff(world, Number(run), ledger))],
  );
  if (request.state === 'ended') return writeOffs;
  const { attempt, placement, target } = request;
  const exists = jobKey(request) in world.jobs;
  const due = { lease: request.leaseUntil, wait: request.waitUntil, unplaced: request.unplacedAt };
  const moves = (['lease', 'wait', 'unplaced'] as const).flatMap((kind) => {
    const at = due[kind];
    if (at === null || at > now) return [];
    const seen = { due: kind, attempt, placement, target, exists };
    return [sweep(`sees the ${kind} due`, () => ({ ...world, sight: seen }))];
  });
  moves.push(...writeOffs);
  if (!isPast(world)) return moves;
  const guard = { kind: 'deadline' } as const;
  return [sweep('deadline', () => endBy(world, guard, 'deadline_exceeded', ledger)), ...moves];
}

function act(world: World, sight: Sight, ledger: Setting['ledger'], targets: number): World {
  const { attempt, target, exists } = sight;
  switch (sight.due) {
    case 'lease': {
      const [after, reply] = perform(world, {
        op: 'lapse',
        repeats: false,
        run: (s, now) => ledger.lapse(s, now),
      });
      return addLater(after, reply.kind === 'placed' ? reply : null);
    }
    case 'wait': {
      const guard = { kind: 'attempt', attempt } as const;
      if (target + 1 === targets) return endBy(world, guard, 'queue_timeout', ledger);
      const args = { guard, target: target + 1, record: 'waited' };
      return addLater(...perform(world, { op: 'next', run: (s, now) => ledger.next(s, now, args) }));
    }
    case 'unplaced': {
      if (exists) return perform(world, { op: 'confirm', run: (s) => ledger.confirm(s, sight) })[0];
      const replace = (s: ModelState, now: number) => ledger.replace(s, now, sight);
      return addLater(...perform(world, { op: 'replace', repeats: false, run: replace }));
    }
  }
}

function writeOff(world: World, epoch: number, ledger: Setting['ledger']): World {
  const [after] = perform(world, { op: 'write-off', run: (s, now) => ledger.writeOff(s, now, epoch) });
  const isAwake = world.workers.some((worker) => !worker.paused && worker.epoch === epoch);
  if (isAwake && after.ledger.usage[epoch] !== world.ledger.usage[epoch]) {
    throw new PromiseBroken(`write-off of run ${epoch}, which could still settle`);
  }
  return after;
}

function addLater(world: World, add: ModelPlaced | null): World {
  if (add === null) return world;
  const { attempt, placement, target, delayMs } = add;
  return { ...world, adds: [...world.adds, { attempt, placement, target, delayMs, slow: false }] };
}

function endBy(
  world: World,
  guard: { kind: 'deadline' } | { kind: 'attempt'; attempt: number },
  code: 'deadline_exceeded' | 'queue_timeout',
  ledger: Setting['ledger'],
): World {
  const outcome: Outcome = { kind: 'failed', code, params: {} };
  return perform(world, { op: code, run: (s, now) => ledger.seal(s, now, { guard, outcome }) })[0];
}
