import { Redis } from 'ioredis';
import { Keys } from '#broker/keys.js';
import { ChatCall, type Question } from './chat-call.js';
import { markedAnswer, promptOf } from './marked-answer.js';
import { TestBroker, type BrokerTestOptions } from './start-broker.js';
import type { Behaviour } from './upstream-behaviours.js';
import { startUpstream, type Upstream } from './upstream.js';

/** How much of what the processes printed a failure shows: the end of it. */
const PRINTED_CHARS = 6_000;
/** How many tokens a question is answered with that the test scripted nothing for. */
export const TOKENS = 8;

/** Real processes, a Redis and a scripted upstream, which one test breaks as it likes. */
export interface Scene {
  readonly broker: TestBroker;
  readonly upstream: Upstream;
  /** A client of the Redis, for faults and for looking into the ledger. */
  readonly redis: Redis;
  readonly keys: Keys;
  /** What the upstream does with the calls of this question, one behaviour each; the last one repeats. */
  readonly script: (marker: string, ...behaviours: readonly Behaviour[]) => void;
  /** Asks the first api. */
  readonly ask: (marker: string, question?: Partial<Question>) => ChatCall;
  /** The ledger's record of a question whose response has begun. */
  readonly recordOf: (call: ChatCall) => Promise<Record<string, string>>;
}

export interface SceneOptions extends Omit<BrokerTestOptions, 'config'> {
  /** Default: model `m` on a provider `gpu`, which is the upstream. */
  readonly config?: (upstream: Upstream) => object;
}

/**
 * Plays one test in a scene of its own, so that tests can run side by side while they wait for leases to run out.
 * What the processes printed is part of a failure.
 */
export async function withScene(options: SceneOptions, play: (scene: Scene) => Promise<void>): Promise<void> {
  const upstream = await startUpstream();
  upstream.otherwise(markedAnswer(TOKENS));
  const config = (options.config ?? oneProvider())(upstream);
  const keys = new Keys('spillway', 1);
  let broker: TestBroker | undefined;
  let client: Redis | undefined;
  try {
    const running = await inTurn(() => TestBroker.start({ ...options, config }));
    const redis = new Redis(running.redis.url, { maxRetriesPerRequest: null });
    // The test may kill this Redis; its own client is to try again, and not to print.
    redis.on('error', () => undefined);
    [broker, client] = [running, redis];
    await play({
      broker: running,
      upstream,
      redis,
      keys,
      script: (marker, ...behaviours) => upstream.when({ marker: promptOf(marker) }, ...behaviours),
      ask: (marker, question) => new ChatCall(running.url, { marker, ...question }),
      recordOf: (call) => redis.hgetall(keys.record(String(call.headers['x-request-id']))),
    });
  } catch (error) {
    const printed = broker?.output.slice(-PRINTED_CHARS) ?? '(nothing)';
    throw new Error(`${String(error)}\n--- the processes printed:\n${printed}`, { cause: error });
  } finally {
    client?.disconnect();
    await broker?.stop();
    await upstream.close();
  }
}

let lastTurn: Promise<unknown> = Promise.resolve();

/** Scenes are set up one after another: several at once would each take as long as all, and disturb those in play. */
function inTurn<Value>(setUp: () => Promise<Value>): Promise<Value> {
  const turn = lastTurn.then(setUp);
  lastTurn = turn.catch(() => undefined);
  return turn;
}

/** Model `m` on the provider `gpu`; `over` sets more of the provider, `top` of the file. */
export function oneProvider(over: object = {}, top: object = {}): (upstream: Upstream) => object {
  return (upstream) => ({
    providers: { gpu: { ...providerOf(upstream), ...over } },
    models: { m: { targets: [{ provider: 'gpu' }] } },
    ...top,
  });
}

/** A provider of the configuration that is this upstream, with eight calls at once. */
export function providerOf({ baseUrl }: Upstream): object {
  return { kind: 'openai-compatible', location: 'local', baseUrl, concurrency: 8, models: ['m'] };
}
