import { perform, wholeAnswer } from './promise.js';
import { idle, jobKey, withWorker, type Setting, type Stage, type Worker, type World } from './world.js';
import type { Outcome } from '../transitions.js';
import type { ModelPlaced } from '../model-state.js';

/** Longer than the grace of a placement: the sweeper looks after a job that is not due yet. */
const RETRY_AFTER_MS = 10_000;

/** Stages whose next step is a command to the ledger: its reply can be lost. */
export const commanding: ReadonlySet<Stage> = new Set([
  'claiming',
  'appending',
  'settling',
  'moving',
  'sealing',
  'releasing',
]);

/** The next step of a worker's own program: claim, append, settle, seal or move on or hand back, add, complete. */
export function stepWorker(world: World, i: number, worker: Worker, setting: Setting): World {
  const { ledger, stream, targets } = setting;
  const { at, epoch, attempt } = worker;
  const go = (from: World, change: Partial<Worker>) => withWorker(from, i, advance(worker, change));
  const guard = { kind: 'epoch', epoch } as const;
  switch (at) {
    case 'idle':
    case 'calling':
      return world;
    case 'claiming':
      return claim(world, i, worker, ledger);
    case 'appending': {
      const frame = { epoch, seq: worker.tokens, text: tokenOf(worker) };
      const [after, logged] = perform(world, { op: 'append', epoch, run: (s) => ledger.append(s, frame) });
      return go(after, logged ? { at: 'calling' } : { at: 'settling', onward: 'completing' });
    }
    case 'settling': {
      const row = { epoch, usage: 'row' };
      const [after] = perform(world, { op: 'settle', run: (s) => ledger.settle(s, row) });
      return go(after, { at: worker.onward });
    }
    case 'moving': {
      const args = { guard, ...moveOf(worker, targets.length), record: `attempt ${attempt}` };
      const [after, add] = perform(world, { op: 'next', epoch, run: (s, now) => ledger.next(s, now, args) });
      return go(after, add === null ? { at: 'sealing' } : { add, ...over(setting, 'adding') });
    }
    case 'sealing': {
      const last = worker.finished ? { last: { seq: worker.tokens, text: tokenOf(worker) } } : {};
      // As a worker does: only an answer that is whole leaves nothing to decide between its row and its end.
      const usage = worker.finished && !setting.settlesLate ? { usage: 'row' } : {};
      const args = { guard, outcome: outcomeOf(worker, stream), ...last, ...usage };
      const [after] = perform(world, { op: 'seal', epoch, run: (s, now) => ledger.seal(s, now, args) });
      return go(after, over(setting, 'completing'));
    }
    case 'releasing': {
      const [after, add] = perform(world, {
        op: 'release',
        epoch,
        run: (s, now) => ledger.release(s, now, epoch),
      });
      return go(after, add === null ? { at: 'sealing' } : { add, ...over(setting, 'adding') });
    }
    case 'adding':
      return go(worker.add === null ? world : addJob(world, worker.add), { at: 'completing' });
    case 'completing':
      return withWorker(completeJob(world, worker), i, idle);
  }
}

/** What follows the end of a run's call: it settles, then goes on; or the other way round. */
export function leaveCall({ settlesLate }: Setting, onward: Stage): Pick<Worker, 'at' | 'onward'> {
  return settlesLate ? { at: onward, onward: 'idle' } : { at: 'settling', onward };
}

function over({ settlesLate }: Setting, onward: Stage): Partial<Worker> {
  return settlesLate ? { at: 'settling', onward } : { at: onward };
}

/** Forgets the run with its last command, so that worlds which differ only in history are one. */
function advance(worker: Worker, change: Partial<Worker>): Worker {
  const moved = { ...worker, ...change };
  const { at, job, token, add } = moved;
  if (at === 'completing') return { ...idle, at, job, token };
  return at === 'adding' ? { ...idle, at, job, token, add } : moved;
}

function claim(world: World, i: number, worker: Worker, ledger: Setting['ledger']): World {
  const token = String(worker.token);
  const args = { attempt: worker.attempt, token, worker: token };
  const [after, reply] = perform(world, { op: 'claim', token, run: (s, now) => ledger.claim(s, now, args) });
  switch (reply.kind) {
    case 'run': {
      const { epoch, target } = reply;
      return withWorker(after, i, { ...worker, at: 'calling', epoch, target });
    }
    case 'superseded':
      return withWorker(after, i, advance(worker, { at: 'adding', add: reply }));
    case 'busy':
    case 'done':
      return withWorker(after, i, advance(worker, { at: 'completing' }));
  }
}

/** BullMQ completes a job only for the holder of its lock. */
function completeJob(world: World, { job, token }: Worker): World {
  if (world.jobs[job] !== token) return world;
  const { [job]: _gone, ...jobs } = world.jobs;
  return { ...world, jobs };
}

/** BullMQ refuses an id that exists. */
export function addJob(world: World, placed: ModelPlaced): World {
  const id = jobKey(placed);
  if (id in world.jobs) return world;
  const dues = placed.delayMs > 0 ? { ...world.dues, [id]: world.now + placed.delayMs } : world.dues;
  return { ...world, jobs: { ...world.jobs, [id]: null }, dues };
}

/** What the provider may do next for a run: give a token or the finish, or fail. */
export function provide(worker: Worker, setting: Setting): Worker {
  const tokens = worker.tokens + 1;
  if (tokens < wholeAnswer(setting.stream)) return { ...worker, at: 'appending', tokens };
  return { ...worker, at: 'sealing', onward: 'idle', tokens, finished: true };
}

/** The worker lets the ledger refuse to move on after output. */
export function failCall(worker: Worker, setting: Setting): Worker {
  const { targets, retries } = setting;
  const canMove = worker.target + 1 < targets.length || (retries && worker.attempt === targets.length);
  return { ...worker, ...leaveCall(setting, canMove ? 'moving' : 'sealing') };
}

/** On to the next target; from the last one, a retry of the first. */
function moveOf({ target }: Worker, targets: number) {
  if (target + 1 < targets) return { target: target + 1 };
  return { target: 0, afterMs: RETRY_AFTER_MS, retry: true };
}

function tokenOf({ epoch, tokens }: Worker): string {
  return `${epoch}:${tokens}`;
}

function outcomeOf({ finished, tokens }: Worker, stream: boolean): Outcome {
  if (finished) return { kind: 'completed' };
  return { kind: 'failed', code: stream && tokens > 0 ? 'stream_interrupted' : 'upstream_error', params: {} };
}
