import { setTimeout as sleep } from 'node:timers/promises';
import { drawConversation, type Conversation } from './conversation.js';
import { converse } from './converse.js';
import { judge } from './judge.js';
import type { FuzzScene } from './scene.js';

/** How often a healthy client asks meanwhile, and the memory is looked at, ms. */
const HEALTH_MS = 1_000;
const HEALTH_TRIES = 10;
/** Failures that are told of; behind these, they are counted. */
const TOLD = 20;

export interface FuzzOptions {
  readonly seed: number;
  /** Requests, over all conversations. */
  readonly cases: number;
  /** The number of the first conversation. Default: 0. */
  readonly from?: number;
  /** Connections at once. Default: 100. */
  readonly width?: number;
  readonly print?: (line: string) => void;
}

export interface FuzzReport {
  readonly cases: number;
  readonly conversations: number;
  /** How often each status, or error, was answered. */
  readonly outcomes: Readonly<Record<string, number>>;
  readonly failed: number;
  /** The first of them, each with the number that draws it again. */
  readonly failures: readonly string[];
  /** How often a healthy client was answered meanwhile. */
  readonly healthy: number;
  readonly memoryMiB: { readonly before: number; readonly most: number };
  readonly seconds: number;
}

interface Tally {
  cases: number;
  conversations: number;
  readonly outcomes: Map<string, number>;
  failed: number;
  readonly failures: string[];
}

/** Sends this many mutated requests, and looks at every answer. */
export async function runFuzz(scene: FuzzScene, options: FuzzOptions): Promise<FuzzReport> {
  const { seed, cases, from = 0, width = 100, print } = options;
  const startedAt = performance.now();
  const tally: Tally = { cases: 0, conversations: 0, outcomes: new Map(), failed: 0, failures: [] };
  const watch = watchHealth(scene, tally, print);
  const client = async () => {
    while (tally.cases < cases) {
      const conversation = drawConversation(seed, from + tally.conversations, cases - tally.cases);
      tally.conversations += 1;
      tally.cases += conversation.requests.length;
      await hold(scene, conversation, tally, seed);
    }
  };
  await Promise.all(Array.from({ length: width }, client));
  const { healthy, before, most } = await watch();
  const { outcomes, ...counts } = tally;
  return {
    ...counts,
    outcomes: Object.fromEntries([...outcomes].sort(([, a], [, b]) => b - a)),
    healthy,
    memoryMiB: { before, most },
    seconds: Math.round((performance.now() - startedAt) / 1_000),
  };
}

/** A 503 of a starved machine has to be gone once the conversation is held again: a bug says it each time. */
async function hold(scene: FuzzScene, conversation: Conversation, tally: Tally, seed: number): Promise<void> {
  for (let left = HEALTH_TRIES; ; left--) {
    let isExcused = false;
    const excuse = () => (isExcused = left > 0 && scene.isStarved());
    const { outcomes, faults } = judge(conversation, await converse(scene.port, conversation), excuse);
    for (const outcome of outcomes) tally.outcomes.set(outcome, (tally.outcomes.get(outcome) ?? 0) + 1);
    for (const fault of faults) fail(tally, `--seed ${seed} --from ${conversation.number}: ${fault}`);
    if (!isExcused) return;
    await sleep(HEALTH_MS);
  }
}

function fail(tally: Tally, failure: string): void {
  tally.failed += 1;
  if (tally.failures.length < TOLD) tally.failures.push(failure);
}

/** Where the machine is so busy that Redis is late, an honest 503 is tried again, as any client does. */
async function untilHealthy(scene: FuzzScene): Promise<void> {
  for (let left = HEALTH_TRIES; left > 0; left--) {
    const isWell = await scene.checkHealth().then(
      () => true,
      () => false,
    );
    if (isWell) return;
    if (!scene.isStarved()) break;
    await sleep(HEALTH_MS);
  }
  await scene.checkHealth();
}

/** Asks as a healthy client would, again and again until it is told to stop; once more then. */
function watchHealth(
  scene: FuzzScene,
  tally: Tally,
  print: FuzzOptions['print'],
): () => Promise<{ healthy: number; before: number; most: number }> {
  let healthy = 0;
  let before = 0;
  let most = 0;
  const stop = new AbortController();
  const look = async () => {
    await untilHealthy(scene).then(
      () => (healthy += 1),
      (error: unknown) => fail(tally, String(error)),
    );
    const now = await scene.memoryMiB();
    before ||= now;
    most = Math.max(most, now);
    print?.(`${tally.cases} requests, ${tally.failed} failures, api ${now} MiB`);
  };
  const looking = (async () => {
    while (!stop.signal.aborted) {
      await look();
      await sleep(HEALTH_MS, undefined, { signal: stop.signal }).catch(() => undefined);
    }
    await look();
    for (const complaint of scene.complaints()) fail(tally, `a process printed: ${complaint.slice(0, 500)}`);
  })();
  return async () => {
    stop.abort();
    await looking;
    return { healthy, before, most };
  };
}
