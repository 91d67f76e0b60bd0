import { movesOf, type Move, type MoveKind } from './moves.js';
import { checkWorld, PromiseBroken } from './promise.js';
import { firstWorld, keyOf, type Setting, type World } from './world.js';

export interface Found {
  readonly worlds: number;
  readonly steps: number;
  /** How the request can end, each with the number of worlds. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** The shortest history that breaks the promise. */
  readonly broken?: { readonly promise: string; readonly history: readonly string[] };
}

/** A way for things to go well from here on: the first of these kinds that is possible happens. */
interface Schedule {
  readonly name: string;
  readonly order: readonly MoveKind[];
  readonly isReached: (world: World) => boolean;
  readonly isPossible: (setting: Setting) => boolean;
}

const isEnded = ({ ledger }: World): boolean => ledger.state === 'ended';
const isQuiet = (world: World): boolean =>
  isEnded(world) &&
  Object.keys(world.ledger.unsettled).length === 0 &&
  Object.keys(world.jobs).length === 0 &&
  world.workers.every(({ at, paused }) => at === 'idle' || paused);

/** From any world, with nothing more going wrong, the request ends; and while workers live, before its deadline. */
const schedules: readonly Schedule[] = [
  {
    name: 'with its workers awake',
    order: ['wake', 'work', 'provide', 'add', 'sweep', 'deliver', 'tick'],
    isReached: isQuiet,
    isPossible: ({ workers }) => workers > 0,
  },
  {
    name: 'with its sleeping workers left asleep',
    order: ['work', 'provide', 'add', 'sweep', 'deliver', 'tick', 'wake'],
    isReached: isQuiet,
    isPossible: ({ workers }) => workers > 0,
  },
  {
    name: 'with no worker at all',
    order: ['deadline', 'sweep', 'work'],
    isReached: isEnded,
    isPossible: ({ deadlineComes }) => deadlineComes,
  },
];

interface Node {
  readonly world: World;
  readonly from: number;
  readonly move: string;
  /** By schedule: the world that comes next, -1 where nothing can happen, itself where it is reached. */
  readonly fair: number[];
}

/**
 * Walks every world that can come about, nearest first, and checks the promise in each: what must never be
 * (promise.ts), and that the request can still end. Stops at the first world that breaks it.
 *
 * It takes for granted that a step takes less time than any timer unless its process was paused, that a worker that is
 * awake renews in time, and that the client is there until it cancels.
 *
 * @param limit worlds after which it gives up with an error: the setting is too large
 */
export function search(setting: Setting, limit = 1_000_000): Found {
  const first = firstWorld(setting);
  const nodes: Node[] = [{ world: first, from: -1, move: 'accept', fair: [] }];
  const known = new Map([[keyOf(first), 0]]);
  let steps = 0;
  for (let i = 0; i < nodes.length; i++) {
    if (i > limit) throw new Error(`More than ${limit} worlds.`);
    const node = nodeAt(nodes, i);
    const moves = movesOf(node.world, setting);
    const successors: [Move, number][] = [];
    for (const move of moves) {
      steps++;
      try {
        const world = move.make();
        const to = remember(world, i, move.name, nodes, known);
        if (to === nodes.length - 1) checkWorld(world, setting);
        successors.push([move, to]);
      } catch (error) {
        if (!(error instanceof PromiseBroken)) throw error;
        const history = [...historyOf(nodes, i), move.name];
        return { ...summary(nodes, steps), broken: { promise: error.message, history } };
      }
    }
    node.fair.push(...schedules.map((schedule) => fairNext(node.world, i, successors, schedule)));
  }
  const broken = stuck(nodes, setting);
  return { ...summary(nodes, steps), ...(broken && { broken }) };
}

function remember(
  world: World,
  from: number,
  move: string,
  nodes: Node[],
  known: Map<string, number>,
): number {
  const key = keyOf(world);
  const index = known.get(key);
  if (index !== undefined) return index;
  known.set(key, nodes.length);
  return nodes.push({ world, from, move, fair: [] }) - 1;
}

function fairNext(world: World, i: number, successors: [Move, number][], schedule: Schedule): number {
  if (schedule.isReached(world)) return i;
  for (const kind of schedule.order) {
    const taken = successors.find(([move, to]) => move.kind === kind && to !== i);
    if (taken) return taken[1];
  }
  return -1;
}

/** A world from which a schedule goes round in circles or to a standstill. */
function stuck(nodes: readonly Node[], setting: Setting): Found['broken'] {
  for (const [s, schedule] of schedules.entries()) {
    if (!schedule.isPossible(setting)) continue;
    const good = new Uint8Array(nodes.length);
    for (let i = 0; i < nodes.length; i++) {
      const path = new Set<number>();
      let here = i;
      while (here >= 0 && good[here] === 0 && nodeAt(nodes, here).fair[s] !== here && !path.has(here)) {
        path.add(here);
        here = nodeAt(nodes, here).fair[s] ?? -1;
      }
      if (here < 0 || path.has(here)) {
        const onward = [...path].slice(1).map((j) => nodeAt(nodes, j).move);
        const history = [...historyOf(nodes, i), '(from here all goes well)', ...onward];
        return { promise: `never ends ${schedule.name}`, history };
      }
      good[here] = 1;
      for (const passed of path) good[passed] = 1;
    }
  }
  return undefined;
}

function historyOf(nodes: readonly Node[], i: number): string[] {
  const moves: string[] = [];
  for (let here = i; here >= 0; here = nodeAt(nodes, here).from) moves.unshift(nodeAt(nodes, here).move);
  return moves;
}

function summary(nodes: readonly Node[], steps: number): Omit<Found, 'broken'> {
  const outcomes: Record<string, number> = {};
  for (const { world } of nodes) {
    const { outcome } = world.ledger;
    const name = outcome?.kind === 'failed' ? outcome.code : (outcome?.kind ?? 'open');
    outcomes[name] = (outcomes[name] ?? 0) + 1;
  }
  return { worlds: nodes.length, steps, outcomes };
}

function nodeAt(nodes: readonly Node[], i: number): Node {
  const node = nodes[i];
  if (node === undefined) throw new RangeError(`No node ${i}.`);
  return node;
}
