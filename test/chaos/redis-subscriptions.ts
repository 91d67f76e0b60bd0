import { setTimeout as pace } from 'node:timers/promises';
import { oneProvider, withScene, type Scene } from '../support/fault-scene.js';
import { markedAnswer } from '../support/marked-answer.js';
import { createGate } from '../support/upstream-gate.js';
import { Random } from '../support/random.js';
import { spreadOf, type RedisFigures } from './redis-figures.js';
import { whyLost } from './redis-load.js';

/** Between two cuts, ms: now before a subscription is back, now long after. */
const CUT_MS = [5, 150] as const;
const TOKEN_MS = 25;
const TOKENS = 60;

/** Cuts pub/sub connections while streams run: every token must arrive, once and in order. */
export async function runRedisSubscriptions(
  seed: number,
  cuts: number,
  streams: number,
): Promise<RedisFigures> {
  let result: RedisFigures | undefined;
  await withScene({ config: oneProvider({ concurrency: streams }), apis: 2 }, async (scene) => {
    result = await cutSubscriptions(scene, new Random(seed), cuts, streams);
  });
  if (!result) throw new Error('the scene was not played');
  return { ...result, figures: { seed, ...result.figures } };
}

async function cutSubscriptions(
  scene: Scene,
  random: Random,
  cuts: number,
  streams: number,
): Promise<RedisFigures> {
  const { redis, upstream } = scene;
  const gate = createGate();
  upstream.otherwise(markedAnswer(TOKENS, gate));
  const ticker = setInterval(() => gate.release(gate.waiting), TOKEN_MS);
  const lost: string[] = [];
  const takenMs: number[] = [];
  const done = new AbortController();
  let cut = 0;
  // Whatever ends is followed by the next one, so that as many run until the last cut.
  const clients = Array.from({ length: streams }, async (_, client) => {
    for (let nth = 0; nth === 0 || !done.signal.aborted; nth++) {
      const marker = `c${client}n${nth}`;
      const answered = await scene.ask(marker).answered;
      const why = whyLost(marker, answered, TOKENS);
      if (why !== undefined) lost.push(why);
      takenMs.push(answered.ms);
    }
  });
  await upstream.waitForCall(streams);
  while (cut < cuts) {
    cut += Number(await redis.call('CLIENT', ['KILL', 'TYPE', 'pubsub']));
    await pace(random.between(...CUT_MS));
  }
  done.abort();
  await Promise.all(clients);
  clearInterval(ticker);
  const answered = takenMs.length - lost.length;
  return {
    figures: {
      cuts: cut,
      streams,
      answered,
      frames: answered * TOKENS,
      lost: lost.length,
      streamMs: spreadOf(takenMs),
    },
    failures: lost,
  };
}
