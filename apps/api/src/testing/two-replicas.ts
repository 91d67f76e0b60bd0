import { expect } from '@jest/globals';
import { Redis } from 'ioredis';
import { Keys } from '#broker/keys.js';
import { eventually, jsonOf, send, type Answer, type HttpCall } from '../../../../test/support/client.js';
import { startRedis } from '../../../../test/support/redis.js';
import { HandWorker, type HandRun } from './hand-worker.js';
import { PROVIDERS, startTestApi, type TestApi } from './test-api.js';

/** How long the replicas keep a request after its end, ms. */
export const KEEP_MS = 120_000;
export const CONTINUE = { 'x-spillway-on-disconnect': 'continue' };
const PREFIX = 'replicas';

export interface Asked {
  /** Default: the first replica. */
  readonly at?: TestApi;
  /** Default: that of the application `web`. */
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly method?: string;
}

/** Two replicas of one api with the applications `web` and `shop`, and a worker for the provider `box`. */
export interface TwoReplicas {
  readonly api: TestApi;
  readonly other: TestApi;
  readonly box: HandWorker;
  /** Asks for a chat completion; `more` are further members of its body. */
  readonly chat: (more: object, asked?: Asked) => HttpCall;
  /** Asks for what is at `/v1/requests/<path>`. */
  readonly call: (path: string, asked?: Asked) => HttpCall;
  /** What `GET /v1/requests/{id}` says. */
  readonly show: (id: string, asked?: Asked) => Promise<Record<string, unknown>>;
  /** The replicas that get the request's frames. */
  readonly readersOf: (id: string) => Promise<readonly string[]>;
  /** How long the ledger still keeps the request, ms. */
  readonly ttlOf: (id: string) => Promise<number>;
  /** Another replica, whose configuration lacks this provider; the test closes it. */
  readonly startWithout: (provider: string) => Promise<TestApi>;
  /** Closes the connections that the test left open. */
  readonly leaveAll: () => void;
  readonly stop: () => Promise<void>;
}

export async function startTwoReplicas(server: object = {}): Promise<TwoReplicas> {
  const redis = await startRedis();
  const keyspace = { url: redis.url, prefix: PREFIX };
  const config = { server: { holdMs: 60_000, ...server }, requests: { keepMs: KEEP_MS } };
  const keys = { web: 'web-key', shop: 'shop-key' };
  const api = await startTestApi({ redis: keyspace, config, keys });
  const other = await startTestApi({ redis: keyspace, config, keys });
  const box = new HandWorker(keyspace, 'box');
  const client = new Redis(redis.url);
  const recordOf = (id: string) => new Keys(PREFIX, 1).record(id);
  const open: HttpCall[] = [];
  const ask = (path: string, { at = api, key = 'web-key', headers = {}, method }: Asked, body?: object) => {
    const call = send(`${at.url}/v1/${path}`, {
      ...(method !== undefined && { method }),
      ...(body && { body }),
      headers: { authorization: `Bearer ${key}`, ...headers },
    });
    open.push(call);
    return call;
  };
  const call = (path: string, asked: Asked = {}) => ask(`requests/${path}`, asked);
  return {
    api,
    other,
    box,
    call,
    chat: (more, asked = {}) => {
      const messages = [{ role: 'user', content: 'a prompt' }];
      return ask('chat/completions', asked, { model: 'm', messages, ...more });
    },
    show: async (id, asked) => JSON.parse((await call(id, asked).answer()).text) as Record<string, unknown>,
    readersOf: async (id) => (await client.hget(recordOf(id), 'readers'))?.split(' ') ?? [],
    ttlOf: (id) => client.pttl(recordOf(id)),
    startWithout: (provider) => {
      const left = Object.entries(PROVIDERS).filter(([name]) => name !== provider);
      const providers = Object.fromEntries(left);
      return startTestApi({ redis: keyspace, config: { ...config, providers, models: {} }, keys });
    },
    leaveAll: () => {
      for (const each of open.splice(0)) each.leave();
    },
    stop: async () => {
      client.disconnect();
      await box.close();
      await api.close();
      await other.close();
      await redis.stop();
    },
  };
}

/** The ids of a stream's events, once this many have come. */
export async function idsOf(call: HttpCall, count: number): Promise<readonly string[]> {
  const ids = () => call.items.filter(({ kind }) => kind === 'event').map(({ id }) => String(id));
  return eventually(() => (ids().length >= count ? ids() : undefined), `${count} events`);
}

/** Resolves once the worker of a run is told to stop. */
export async function untilCancelled(run: HandRun): Promise<void> {
  await eventually(async () => (await run.renew()) === 'ended' || undefined, 'the cancel of the run');
}

export function expectError(answer: Answer, status: number, code: string, param: string | null = null): void {
  expect(answer.status).toBe(status);
  expect(jsonOf(answer).error).toMatchObject({ code, param });
}
