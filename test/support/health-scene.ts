import { Redis } from 'ioredis';
import { readHeartbeats } from '#broker/fleet-watch.js';
import { Keys } from '#broker/keys.js';
import { readHealth } from '#core/health-field.js';
import type { Breaker, Health } from '#core/health.js';
import { ChatCall, type Answered, type Question } from './chat-call.js';
import { eventually } from './client.js';
import { markedAnswer } from './marked-answer.js';
import { TestBroker, type BrokerTestOptions } from './start-broker.js';
import { startUpstream, type Upstream } from './upstream.js';
import { status } from './upstream-behaviours.js';

/** How much of what the processes printed a failure shows: the end of it. */
const PRINTED_CHARS = 4_000;

/** Two providers, `a` before `b`, each with an upstream of its own, and what Redis holds of their health. */
export class HealthScene {
  private asked = 0;

  constructor(
    readonly broker: TestBroker,
    readonly a: Upstream,
    readonly b: Upstream,
    readonly redis: Redis,
    readonly keys: Keys,
  ) {}

  /** Asks an api, the first where none is named; each question has a marker of its own. */
  ask(question: Partial<Question> = {}, api = 0): ChatCall {
    const url = this.broker.apis[api]?.url ?? '';
    this.asked += 1;
    return new ChatCall(url, { marker: `q${this.asked}`, stream: false, ...question });
  }

  /** The answers to that many questions at once, spread over the apis. */
  async askAll(count: number, question: Partial<Question> = {}): Promise<Answered[]> {
    const { length } = this.broker.apis;
    return Promise.all(Array.from({ length: count }, (_, n) => this.ask(question, n % length).answered));
  }

  /** As Redis has it. */
  async health(): Promise<Health> {
    const [[seconds, micros], fields] = await Promise.all([
      this.redis.time(),
      this.redis.hgetall(this.keys.health),
    ]);
    const now = Number(seconds) * 1_000 + Number(micros) / 1_000;
    return readHealth(new Map(Object.entries(fields)), now);
  }

  /** Waits until a breaker is as the test wants it, and answers with what it found. */
  async waitForBreaker(provider: string, fits: (breaker: Breaker, now: number) => boolean): Promise<Breaker> {
    return eventually(async () => {
      const { breakers, now } = await this.health();
      const breaker = breakers.get(provider);
      return breaker && fits(breaker, now) ? breaker : undefined;
    }, `the breaker of ${provider}`);
  }

  /** Makes an upstream fail, and asks until its provider is known to be down, for that long or more at a time. */
  async takeDown(provider: 'a' | 'b', { behaviour = status(500), forMs = 0 } = {}): Promise<void> {
    this[provider].otherwise(behaviour);
    await eventually(async () => {
      await this.ask({ model: provider }).answered;
      const open = (await this.health()).breakers.get(provider)?.open;
      return open && open.forMs >= forMs ? open : undefined;
    }, `the breaker of ${provider} to open`);
  }

  /** Waits until that many attempts wait for the provider. */
  async waitForQueue(provider: string, count: number): Promise<void> {
    const { waiting } = this.keys.shard(0);
    await eventually(async () => {
      const found = await this.redis.zlexcount(waiting, `[${provider}|`, `(${provider}|~`);
      return found === count || undefined;
    }, `${count} attempts that wait for ${provider}`);
  }

  /** Waits until the target is known to cool down. */
  async waitForCoolDown(target: string): Promise<void> {
    await eventually(async () => {
      const { coolDowns, now } = await this.health();
      return (coolDowns.get(target)?.until ?? 0) > now || undefined;
    }, `the cool-down of ${target}`);
  }

  /** Waits until a worker says so of its credential in its heartbeat. */
  async waitForCredential(provider: string, credential: string): Promise<void> {
    await eventually(async () => {
      const beats = await readHeartbeats(this.redis, this.keys);
      const announced = beats.flatMap(({ providers }) => providers).find(({ name }) => name === provider);
      return announced?.credential === credential || undefined;
    }, `a heartbeat with the credential of ${provider} ${credential}`);
  }

  /** Asks for `m` until it is answered within that many attempts. Resolves with the calls of `a` then. */
  async waitForAttempts(count: number): Promise<number> {
    return eventually(async () => {
      const { headers } = await this.ask().answered;
      return Number(headers['x-spillway-attempts']) === count ? this.a.calls.length : undefined;
    }, `an answer within ${count} attempts`);
  }

  /** Requests that the ledger knows. */
  async stored(): Promise<number> {
    return (await this.redis.keys('spillway:{0}:req:*')).length;
  }
}

export interface HealthSceneOptions extends Omit<BrokerTestOptions, 'config'> {
  /** Calls at once of provider `a`. Default: 32. */
  readonly concurrency?: number;
  /** More of the configuration. */
  readonly top?: object;
}

/** Plays one test in a scene of its own. Model `m` goes to `a`, then to `b`; models `a` and `b` go to one of them alone. */
export async function withHealthScene(
  { concurrency = 32, top = {}, ...options }: HealthSceneOptions,
  play: (scene: HealthScene) => Promise<void>,
): Promise<void> {
  const [a, b] = await Promise.all([startUpstream(), startUpstream()]);
  for (const upstream of [a, b]) upstream.otherwise(markedAnswer(2));
  const provider = ({ baseUrl }: Upstream, more: object = {}) => {
    // A cloud account is asked for its models once a minute: nothing changes behind the test's back.
    return { kind: 'openai-compatible', location: 'cloud', baseUrl, concurrency: 32, models: ['x'], ...more };
  };
  const config = {
    providers: { a: provider(a, { concurrency }), b: provider(b) },
    models: Object.fromEntries(
      Object.entries({ m: ['a', 'b'], a: ['a'], b: ['b'] }).map(([model, names]) => [
        model,
        { targets: names.map((name) => ({ provider: name, model: 'x' })) },
      ]),
    ),
    ...top,
  };
  let broker: TestBroker | undefined;
  let redis: Redis | undefined;
  try {
    broker = await TestBroker.start({ ...options, config });
    redis = new Redis(broker.redis.url, { maxRetriesPerRequest: null });
    await play(new HealthScene(broker, a, b, redis, new Keys('spillway', 1)));
  } catch (error) {
    const printed = broker?.output.slice(-PRINTED_CHARS) ?? '(nothing)';
    throw new Error(`${String(error)}\n--- the processes printed:\n${printed}`, { cause: error });
  } finally {
    redis?.disconnect();
    await broker?.stop();
    await Promise.all([a.close(), b.close()]);
  }
}
