import { describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { queueName, type Keys } from '#broker/keys.js';
import { Ledger } from '#broker/ledger.js';
import { StatusReader } from '#broker/status-reader.js';
import { jobId } from '#core/ids.js';
import { END_ID, type Run } from '#core/ledger/transitions.js';
import { eventually, fetchAnswer, waitForModel } from '../support/client.js';
import { TOKENS, withScene, type Scene } from '../support/fault-scene.js';
import { markedTokens } from '../support/marked-answer.js';
import { status } from '../support/upstream-behaviours.js';

const TEST_MS = 60_000;
/** What no version so far has heard of. */
const LATER = { tomorrow: { nested: [1, null, 'x'] } };

/** The id of the one request that there is, once it and its job are there. */
async function acceptedRequest({ redis, keys }: Scene): Promise<string> {
  return eventually(async () => {
    const [record] = await redis.keys('spillway:{0}:req:*');
    const request = record?.slice(record.lastIndexOf(':') + 1);
    return request !== undefined && (await redis.exists(jobKey(keys, request))) === 1 ? request : undefined;
  }, 'a request with its job');
}

function jobKey(keys: Keys, request: string): string {
  return `${keys.queuePrefix('gpu')}:${queueName('gpu')}:${jobId(request, 1, 1)}`;
}

/** Makes what an api wrote look like the work of a later version: job, record, targets and trail. */
async function writeAsLaterApi({ redis, keys }: Scene, request: string): Promise<void> {
  const record = keys.record(request);
  const job = { v: 2, request, attempt: 1, ...LATER };
  const [target] = JSON.parse((await redis.hget(record, 'targets')) ?? '[]') as object[];
  const failed = { v: 2, provider: 'gone', model: 'x', location: 'cloud', ...LATER };
  const unknown = { category: 'tomorrow', phase: 'tomorrow', reason: 'odd', code: 'tomorrow' };
  expect(await redis.hget(jobKey(keys, request), 'data')).toContain('"v":1');
  expect(await redis.hget(record, 'v')).toBe('1');
  await redis.hset(jobKey(keys, request), { data: JSON.stringify(job), tomorrow: 'x' });
  await redis.hset(record, {
    v: '2',
    tomorrow: 'x',
    targets: JSON.stringify([{ ...target, ...LATER }]),
    trail: JSON.stringify({ ...failed, ...unknown }),
  });
}

/** A worker of a later version, which logs kinds of entries and fields that this version has never heard of. */
class LaterWorker {
  private constructor(
    private readonly redis: Redis,
    private readonly keys: Keys,
    private readonly request: string,
    readonly run: Run,
  ) {}

  static async claim({ redis, keys }: Scene, request: string): Promise<LaterWorker> {
    const by = { request, attempt: 1, token: 'by-hand', worker: 'by-hand' };
    const claim = await new Ledger(redis, keys).claim(by);
    if (claim.kind !== 'run') throw new Error(`the claim was answered ${claim.kind}`);
    return new LaterWorker(redis, keys, request, claim);
  }

  /** Logs and publishes an entry with a field more, and a word more in the head of its message. */
  async write(id: string, kind: string, payload: string): Promise<void> {
    const { redis, keys, request } = this;
    const record = keys.record(request);
    const [last, readers] = await redis.hmget(record, 'last', 'readers');
    await redis.xadd(keys.log(request), id, 't', kind, 'b', payload, 'x', 'tomorrow');
    await redis.hset(record, { last: id });
    for (const reader of (readers ?? '').split(' ')) {
      await redis.publish(
        `${keys.channels}${reader}`,
        `${request} ${id} ${last} ${kind} ${Buffer.byteLength(payload)} later\n${payload}`,
      );
    }
  }

  async end(entry: object): Promise<void> {
    await this.redis.hset(this.keys.record(this.request), { state: 'ended', outcome: 'completed' });
    await this.write(END_ID, 'end', JSON.stringify({ v: 2, ...LATER, ...entry }));
  }
}

const ENDED = { params: {}, trail: [], attempts: 1, queueMs: 1, firstOutputMs: 2, totalMs: 3 };

describe('old and new versions side by side', () => {
  it.concurrent(
    'a worker serves the job, record, targets and trail of a later api',
    () =>
      withScene({ workers: 0 }, async (scene) => {
        const asked = scene.ask('later');
        await writeAsLaterApi(scene, await acceptedRequest(scene));
        await scene.broker.startWorker();
        expect(await asked.answered).toMatchObject({ done: true, tokens: markedTokens('later', 1, TOKENS) });
      }),
    TEST_MS,
  );

  it.concurrent(
    'a worker whose call fails tells of the earlier attempts, kinds of failure that it does not know included',
    () =>
      withScene({ workers: 0 }, async (scene) => {
        scene.script('later', status(500));
        const asked = scene.ask('later', { stream: false });
        await writeAsLaterApi(scene, await acceptedRequest(scene));
        await scene.broker.startWorker();
        const { status: code, error } = await asked.answered;
        expect({ code, error: error?.code }).toEqual({ code: 502, error: 'upstream_error' });
        expect(error?.message).toContain('gone: odd; gpu: 500');
      }),
    TEST_MS,
  );

  it.concurrent(
    'an api relays what a later worker logs, and passes over what it does not know',
    () =>
      withScene({ workers: 0 }, async (scene) => {
        const asked = scene.ask('later');
        const worker = await LaterWorker.claim(scene, await acceptedRequest(scene));
        const chunk = (content: string) =>
          `data: {"choices":[{"index":0,"delta":{"content":"${content}"}}]}\n\n`;
        await worker.write('1-1', 'note', '{"v":2}');
        await worker.write('1-2', 'data', chunk('one '));
        await worker.write('1-3', 'note', 'not even JSON');
        await worker.write('1-4', 'data', `${chunk('two')}data: [DONE]\n\n`);
        await worker.end({ outcome: 'completed', code: null, ...ENDED });
        expect(await asked.answered).toMatchObject({ status: 200, done: true, tokens: ['one', 'two'] });
      }),
    TEST_MS,
  );

  it.concurrent.each([
    ['a code', { outcome: 'failed', code: 'tomorrow_error' }],
    ['an outcome', { outcome: 'evaporated', code: null }],
  ])(
    'an api answers 500 internal_error to an end with %s that it does not know',
    (_, end) =>
      withScene({ workers: 0 }, async (scene) => {
        const asked = scene.ask('later');
        const worker = await LaterWorker.claim(scene, await acceptedRequest(scene));
        await worker.end({ ...ENDED, ...end });
        expect(await asked.answered).toMatchObject({ status: 500, error: { code: 'internal_error' } });
      }),
    TEST_MS,
  );

  it.concurrent(
    'an api, a worker and a status read the heartbeats of later workers, and pass over what they cannot read',
    () =>
      withScene({}, async ({ broker, redis, keys, ask }) => {
        const provider = { name: 'new', kind: 'quantum', location: 'local', concurrency: 1 };
        const announced = { ...provider, models: ['new-model'], credential: 'ok', ...LATER };
        const heartbeat = { worker: 'later', pid: 1, startedAt: Date.now(), providers: [announced] };
        const beats = {
          later: JSON.stringify({ v: 2, ...heartbeat, ...LATER }),
          odd: JSON.stringify({ v: 3, who: 'odd', serves: {} }),
          broken: '{',
        };
        for (const [name, text] of Object.entries(beats)) {
          await redis.set(keys.worker(name), text, 'EX', 60);
          await redis.zadd(keys.workers, Date.now(), name);
        }
        await waitForModel(broker.url, 'new-model');
        await waitForModel(broker.url, 'm');
        expect(await ask('on').answered).toMatchObject({ done: true, tokens: markedTokens('on', 1, TOKENS) });
        const reader = new StatusReader({ url: broker.redis.url, prefix: 'spillway', shards: 1 }, quiet);
        const { workers } = await reader.read(5_000).finally(() => reader.close());
        expect(workers.map(({ name }) => name)).toContain('later');
        expect(workers).toHaveLength(2);
        expect((await fetchAnswer(`${broker.url}/readyz`)).status).toBe(200);
      }),
    TEST_MS,
  );
});

const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };
