import { setTimeout as pace } from 'node:timers/promises';
import { measureEffort } from '../support/effort.js';
import { providerOf, TOKENS, withScene, type Scene } from '../support/fault-scene.js';
import { markedAnswer } from '../support/marked-answer.js';
import { startRedis } from '../support/redis.js';
import { startRedisRelay, type RedisRelay } from '../support/redis-relay.js';
import type { Upstream } from '../support/upstream.js';
import { createGate } from '../support/upstream-gate.js';
import { spreadOf, type RedisFigures } from './redis-figures.js';
import { whyLost } from './redis-load.js';

const REFUSED_MS = 300;
/** With the connections gone for good: a greeting that nobody answers is given up after 2 s. */
const BACK_MS = { held: 2_000, lost: 4_500 } as const;

/**
 * Puts a black hole between the processes and Redis: connections stay open and pass nothing. `held`: what was sent
 * arrives in the end; `lost`: old connections stay dead for ever.
 */
export async function runRedisBlackHole(ms: number, old: 'held' | 'lost'): Promise<RedisFigures> {
  const server = await startRedis();
  const relay = await startRedisRelay(server.port);
  let result: RedisFigures | undefined;
  try {
    const redis = { ...server, url: relay.url };
    await withScene({ redis, config }, async (scene) => {
      result = await swallow(scene, relay, ms, old);
    });
  } finally {
    await relay.close();
    await server.stop();
  }
  if (!result) throw new Error('the scene was not played');
  return result;
}

/** `m` on a provider that takes one call at a time, so that a second one waits; `n` on another. */
const config = (upstream: Upstream): object => ({
  providers: { gpu: { ...providerOf(upstream), concurrency: 1 }, spare: providerOf(upstream) },
  models: { m: { targets: [{ provider: 'gpu' }] }, n: { targets: [{ provider: 'spare' }] } },
  // No call may be given up for its upstream's silence: the test holds it.
  timeouts: { idleMs: 300_000, firstTokenMs: 300_000 },
});

async function swallow(
  scene: Scene,
  relay: RedisRelay,
  ms: number,
  old: 'held' | 'lost',
): Promise<RedisFigures> {
  const { broker, upstream, script, ask } = scene;
  const gate = createGate();
  script('running', markedAnswer(TOKENS, gate));
  const running = ask('running', { waitMs: ms + 45_000 });
  gate.release(2);
  await running.waitForTokens(2);
  const waiting = ask('waiting', { stream: false, waitMs: ms + 45_000 });
  await waitForRecord(scene);
  const effort = measureEffort([...broker.apis, ...broker.workers]);
  const before = relay.connections;
  relay.swallow();
  const swallowedAt = performance.now();
  gate.release(3);
  const refusedMs: number[] = [];
  const failures: string[] = [];
  for (let nth = 0; performance.now() - swallowedAt < ms; nth++) {
    const answered = await ask(`refused${nth}`, { model: 'n' }).answered;
    if (whyLost('refused', answered, TOKENS) === 'refused') refusedMs.push(answered.ms);
    else failures.push(`status ${answered.status} in the black hole`);
    await pace(100);
  }
  const spent = await effort();
  const reconnects = relay.connections - before;
  relay.release({ lost: old === 'lost' });
  const backAt = performance.now();
  await running.waitForTokens(5);
  const runningBackMs = Math.round(performance.now() - backAt);
  gate.open();
  const first = await firstWhole(scene, backAt);
  for (const call of [running, waiting]) {
    const why = whyLost(call.question.marker, await call.answered, TOKENS);
    if (why !== undefined) failures.push(why);
  }
  const refused = spreadOf(refusedMs);
  // The two, and the one that was answered in the end: what was refused may not have been called.
  if (upstream.calls.length !== 3) failures.push(`${upstream.calls.length} upstream calls`);
  // The median: the slow ones met a busy machine; the figures tell of them.
  if (refused.count === 0 || refused.p50 > REFUSED_MS)
    failures.push(`the median of the 503s took ${refused.p50} ms`);
  if (first > BACK_MS[old]) failures.push(`the first success came ${first} ms after Redis`);
  const cpuPercent = spent.map(({ cpuMs }) => Number(((cpuMs / ms) * 100).toFixed(1)));
  const lines = spent.map((each) => each.lines);
  return {
    figures: {
      ms,
      old,
      refusedMs: refused,
      firstSuccessMs: first,
      runningBackMs,
      reconnects,
      cpuPercent,
      lines,
    },
    failures,
  };
}

/** The question that waits is in the ledger: behind the first, its job in the queue. */
async function waitForRecord({ redis, keys }: Scene): Promise<void> {
  while ((await redis.zcard(keys.shard(0).waiting)) === 0) await pace(10);
}

async function firstWhole({ ask }: Scene, backAt: number): Promise<number> {
  for (;;) {
    const { status, done, endedAt } = await ask('again', { model: 'n' }).answered;
    if (status === 200 && done) return Math.round(endedAt - backAt);
    await pace(10);
  }
}
