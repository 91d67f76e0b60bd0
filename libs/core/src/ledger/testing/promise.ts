import type { ModelEntry, ModelRequest, ModelState } from '../model-state.js';
import { isLeased } from '../model-state.js';
import { MAX_STARTS } from '../transitions.js';
import type { Setting, World } from './world.js';

/** The promise does not hold: the message says which part of it. */
export class PromiseBroken extends Error {}

/** One command to the ledger, as the search sends it. */
export interface Command<R> {
  readonly op: string;
  /** The run that sends it; absent for everybody else. */
  readonly epoch?: number;
  /** The execution that claims. */
  readonly token?: string;
  /** False for the sweeper's two commands that are not answered alike twice; it looks again. */
  readonly repeats?: false;
  readonly run: (state: ModelState, now: number) => readonly [ModelState, R];
}

/** Sends a command, checks what it did, and lets the client read on. */
export function perform<R>(world: World, command: Command<R>): readonly [World, R] {
  const { ledger: before, now } = world;
  const [after, reply] = command.run(before, now);
  if (after === null) throw new PromiseBroken(`${command.op} forgot the request`);
  if (command.repeats !== false) checkRepetition(after, reply, now, command);
  if (after === before) return [world, reply];
  checkStep(before, after, now, command);
  return [read({ ...world, ledger: after, starts: countStarts(world, after, command.op) }), reply];
}

/** The same command again must get the same answer and change nothing: a client library resends it. */
function checkRepetition<R>(after: ModelRequest, reply: R, now: number, { op, run }: Command<R>): void {
  const [again, secondReply] = run(after, now);
  if (!isSame(after, again)) throw new PromiseBroken(`${op} sent twice happened twice`);
  if (JSON.stringify(reply) !== JSON.stringify(secondReply)) {
    throw new PromiseBroken(`${op} sent twice was answered differently`);
  }
}

function checkStep(before: ModelRequest, after: ModelRequest, now: number, command: Command<unknown>): void {
  const { op, epoch } = command;
  const changed = !isSame(before, {
    ...after,
    usage: before.usage,
    unsettled: before.unsettled,
    expiresAt: before.expiresAt,
  });
  if (before.state === 'ended' && changed) throw new PromiseBroken(`${op} changed an ended request`);
  if (epoch !== undefined && changed && !isCurrent(before, epoch)) {
    throw new PromiseBroken(`${op} was accepted from run ${epoch}, which is not current`);
  }
  if (isTakeover(command, before) && changed && isLeased(before, now) && now < before.deadlineAt) {
    throw new PromiseBroken(`${op} took a live lease from its run`);
  }
  if (after.epoch > before.epoch && now >= before.deadlineAt) {
    throw new PromiseBroken(`${op} started a run after the deadline`);
  }
  if (after.epoch > before.epoch && now < before.dueAt) {
    throw new PromiseBroken(`${op} started a run before its target had cooled down`);
  }
  if (isLost(op, before, after, now) && after.usage[before.epoch] === undefined) {
    throw new PromiseBroken(`${op} left run ${before.epoch} without a usage row`);
  }
  for (const [run, row] of Object.entries(before.usage)) {
    if (after.usage[Number(run)] !== row)
      throw new PromiseBroken(`${op} made a second usage row of run ${run}`);
  }
  checkLog(before.log, after.log, op);
}

function checkLog(before: readonly ModelEntry[], after: readonly ModelEntry[], op: string): void {
  if (before.some((entry, i) => after[i] !== entry)) throw new PromiseBroken(`${op} rewrote the log`);
  for (let i = Math.max(1, before.length); i < after.length; i++) {
    if (!isAfter(after[i]?.id ?? '', after[i - 1]?.id ?? '')) {
      throw new PromiseBroken(`${op} logged ${after[i]?.id} after ${after[i - 1]?.id}`);
    }
  }
}

function isCurrent(ledger: ModelRequest, epoch: number): boolean {
  return ledger.state === 'running' && ledger.epoch === epoch;
}

/** Did somebody else end or replace a run that had lost its lease? */
function isLost(op: string, before: ModelRequest, after: ModelRequest, now: number): boolean {
  if (before.state !== 'running' || (op !== 'claim' && op !== 'lapse') || now >= before.deadlineAt)
    return false;
  return after.state !== 'running' || after.epoch !== before.epoch;
}

/** Commands of others than the run itself and its client. */
function isTakeover({ op, epoch, token }: Command<unknown>, before: ModelRequest): boolean {
  if (before.state !== 'running' || epoch !== undefined) return false;
  return (
    op !== 'cancel' &&
    op !== 'attend' &&
    op !== 'settle' &&
    op !== 'write-off' &&
    (op !== 'claim' || token !== before.token)
  );
}

function countStarts({ ledger, starts }: World, after: ModelRequest, op: string): World['starts'] {
  const count = starts[after.attempt] ?? 0;
  if (after.epoch > ledger.epoch) return { ...starts, [after.attempt]: count + 1 };
  return op === 'release' && after.state === 'waiting' ? { ...starts, [after.attempt]: count - 1 } : starts;
}

/** The client takes what is past its cursor, in the order of the log. */
function read(world: World): World {
  let { cursor, ended } = world.reader;
  const tokens = [...world.reader.tokens];
  for (const entry of world.ledger.log) {
    if (!isAfter(entry.id, cursor)) continue;
    cursor = entry.id;
    if (entry.type === 'data') tokens.push(entry.text);
    ended ||= entry.type === 'end';
  }
  return { ...world, reader: { cursor, tokens, ended } };
}

/** Log ids are two integers. */
function isAfter(id: string, other: string): boolean {
  const [epoch, seq] = parse(id);
  const [otherEpoch, otherSeq] = parse(other);
  return epoch === otherEpoch ? seq > otherSeq : epoch > otherEpoch;
}

const parsedIds = new Map<string, readonly [number, number]>();

function parse(id: string): readonly [number, number] {
  const known = parsedIds.get(id);
  if (known) return known;
  const [epoch = 0, seq = 0] = id.split('-').map(Number);
  parsedIds.set(id, [epoch, seq]);
  return [epoch, seq];
}

/** What must hold in every world that can come about. A token is `<epoch of its run>:<number>`. */
export function checkWorld(world: World, { stream }: Setting): void {
  const { ledger, reader, starts } = world;
  const logged = ledger.log.flatMap((entry) => (entry.type === 'data' ? [entry.text] : []));
  if (logged.join() !== reader.tokens.join()) {
    throw new PromiseBroken(`the client read ${reader.tokens.join()} of ${logged.join()}`);
  }
  const [run] = (reader.tokens[0] ?? '').split(':');
  reader.tokens.forEach((token, i) => {
    if (token !== `${run}:${i + 1}`) {
      throw new PromiseBroken(`the client read ${reader.tokens.join()}: not a prefix of one run's output`);
    }
  });
  const ends = ledger.log.filter(({ type }) => type === 'end').length;
  if (ends > 1) throw new PromiseBroken('the log ends twice');
  if ((ledger.state === 'ended') !== (ends === 1) || reader.ended !== (ends === 1)) {
    throw new PromiseBroken('the end of the request and of its log differ');
  }
  if (ledger.retryAt !== null && (ledger.state !== 'waiting' || ledger.retryAt !== ledger.dueAt)) {
    throw new PromiseBroken('counted as retrying, but does not wait for a retry');
  }
  for (const [attempt, count] of Object.entries(starts)) {
    if (count > MAX_STARTS) throw new PromiseBroken(`attempt ${attempt} was started ${count} times`);
  }
  const over = ledger.state === 'running' ? ledger.epoch - 1 : ledger.epoch;
  for (let run = 1; run <= over; run++) {
    if (ledger.usage[run] === undefined && ledger.unsettled[run] === undefined) {
      throw new PromiseBroken(`run ${run} is over without a usage row, and nobody looks after it`);
    }
  }
  checkOutcome(world, stream);
}

function checkOutcome({ ledger, reader, starts }: World, stream: boolean): void {
  const { outcome, sealedBy } = ledger;
  if (outcome === null) return;
  if (outcome.kind === 'completed' && reader.tokens.length !== wholeAnswer(stream)) {
    throw new PromiseBroken(`completed with ${reader.tokens.length} tokens`);
  }
  if (outcome.kind !== 'failed') return;
  if (outcome.code === 'internal_error' && (starts[ledger.attempt] ?? 0) < MAX_STARTS) {
    throw new PromiseBroken('given up as a killer of workers before its last start');
  }
  const byOthers = sealedBy === 'claim' || sealedBy === 'lapse';
  if (byOthers && outcome.code === 'stream_interrupted' && reader.tokens.length === 0) {
    throw new PromiseBroken('interrupted before any output');
  }
}

/** Tokens of a whole answer: two and the finish, or the one frame of a request without stream. */
export function wholeAnswer(stream: boolean): number {
  return stream ? 3 : 1;
}

function isSame(a: ModelState, b: ModelState): boolean {
  if (a === b) return true;
  if (a === null || b === null) return false;
  const keys = Object.keys(a) as (keyof ModelRequest)[];
  return keys.every((key) => a[key] === b[key] || JSON.stringify(a[key]) === JSON.stringify(b[key]));
}
