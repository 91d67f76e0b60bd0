import { setTimeout as pace } from 'node:timers/promises';
import { oneProvider, withScene, type Scene } from '../support/fault-scene.js';
import { markedAnswer } from '../support/marked-answer.js';
import { createGate } from '../support/upstream-gate.js';
import { measureEffort } from '../support/effort.js';
import { Random } from '../support/random.js';
import { spreadOf, type RedisFigures } from './redis-figures.js';
import { LOAD_TOKENS, RedisLoad } from './redis-load.js';

/** The promise, ms: the first success after Redis is back, and the 503 while it is away. */
const BACK_MS = 2_000;
const REFUSED_MS = 300;
/** How long Redis stays away, ms. */
const AWAY_MS = [100, 1_500] as const;
/** How long it is there between two restarts, ms. */
const THERE_MS = [300, 1_500] as const;
const CLIENTS = 6;
/** A token of every stream under way is released this often, ms. */
const TOKEN_MS = 20;

/**
 * Kills Redis again and again under load, and starts it on the same files. Nothing that was accepted may be lost, and
 * a client that tries again must be answered soon after Redis is back.
 */
export async function runRedisRestarts(seed: number, restarts: number): Promise<RedisFigures> {
  let result: RedisFigures | undefined;
  const config = oneProvider({ concurrency: 64 });
  await withScene({ config, apis: 2, workers: 2 }, async (scene) => {
    result = await restartAgainAndAgain(scene, new Random(seed), restarts);
  });
  if (!result) throw new Error('the scene was not played');
  return { ...result, figures: { seed, ...result.figures } };
}

async function restartAgainAndAgain(scene: Scene, random: Random, restarts: number): Promise<RedisFigures> {
  const { broker, upstream } = scene;
  const gate = createGate();
  upstream.otherwise((call) =>
    markedAnswer(LOAD_TOKENS, call.record.body.includes('<load') ? gate : undefined)(call),
  );
  const ticker = setInterval(() => gate.release(gate.waiting), TOKEN_MS);
  const load = new RedisLoad(scene, CLIENTS);
  const effort = measureEffort([...broker.apis, ...broker.workers]);
  const startedAt = performance.now();
  const backMs: number[] = [];
  for (let nth = 0; nth < restarts; nth++) {
    await pace(random.between(...THERE_MS));
    await broker.redis.kill();
    const awayUntil = performance.now() + random.between(...AWAY_MS);
    do await load.askOnce();
    while (performance.now() < awayUntil);
    await broker.redis.restart();
    backMs.push(await firstSuccess(scene, nth));
  }
  await load.stop();
  clearInterval(ticker);
  const seconds = (performance.now() - startedAt) / 1_000;
  const cpuPercent = (await effort()).map(({ cpuMs }) => Math.round(cpuMs / seconds / 10));
  const back = spreadOf(backMs);
  const refused = spreadOf(load.refusedMs);
  const { answered, lost } = load;
  return {
    figures: { restarts, answered, lost: lost.length, firstSuccessMs: back, refusedMs: refused, cpuPercent },
    failures: [
      ...lost,
      ...(answered > 0 ? [] : ['nothing was answered']),
      ...(refused.count > 0 ? [] : ['nothing was refused: Redis was never away']),
      ...(back.max <= BACK_MS ? [] : [`the first success came ${back.max} ms after Redis`]),
      // The median: the slow ones met a busy machine; the figures tell of them.
      ...(refused.p50 <= REFUSED_MS ? [] : [`the median of the 503s took ${refused.p50} ms`]),
    ],
  };
}

/** How long after now one client that asks, and asks again when it is refused, has a whole answer, ms. */
async function firstSuccess({ ask }: Scene, nth: number): Promise<number> {
  const backAt = performance.now();
  for (;;) {
    const { status, done, endedAt } = await ask(`probe${nth}`, { stream: nth % 2 === 0 }).answered;
    if (status === 200 && done) return endedAt - backAt;
    await pace(10);
  }
}
