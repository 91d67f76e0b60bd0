import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { startRedis, type TestRedis } from '../../../test/support/redis.js';
import { ProcessChannel, type ChannelMessage } from './process-channel.js';
import { Parts } from './testing/parts.js';

const LARGE = 'x'.repeat(64 * 1024 + 1);

interface Run {
  readonly request: string;
  readonly epoch: number;
}

describe('appends of many requests in one command', () => {
  let server: TestRedis;
  let parts: Parts;
  let subscriber: Redis;

  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());

  beforeEach(async () => {
    await server.flush();
    parts = new Parts(server.url);
    subscriber = new Redis(server.url, { maxRetriesPerRequest: null });
  });
  afterEach(async () => {
    subscriber.disconnect();
    await parts.close();
  });

  async function startRun(replica = 'api-1'): Promise<Run> {
    const request = await parts.accept({ replica });
    const { epoch } = await parts.claim(request);
    return { request, epoch };
  }

  async function startRuns(count: number): Promise<Run[]> {
    const runs: Run[] = [];
    while (runs.length < count) runs.push(await startRun());
    return runs;
  }

  const append = (run: Run, seq: number, text: string) =>
    parts.ledger.append({ ...run, seq, bytes: Buffer.from(text) });

  const logged = async ({ request }: Run) =>
    (await parts.ledger.read(request, '0-0', 100))
      .map(({ id, bytes }) => `${id} ${bytes.toString()}`)
      .slice(1);

  /** How many scripts `act` ran, and how many messages it published. */
  async function counting(act: () => Promise<unknown>): Promise<{ scripts: number; messages: number }> {
    await parts.redis.config('RESETSTAT');
    await act();
    const stats = await parts.redis.info('commandstats');
    const calls = (name: string) => Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
    return { scripts: calls('evalsha'), messages: calls('publish') };
  }

  /** Messages of these runs to a replica, as `run entry previous kind bytes`. */
  async function listen(replica: string, runs: readonly Run[]) {
    const seen: string[] = [];
    const watchers = new Set<() => void>();
    const channel = new ProcessChannel(subscriber, `${parts.keys.channels}${replica}`);
    runs.forEach(({ request }, i) =>
      channel.listen(request, ({ id, previous, kind, bytes }: ChannelMessage) => {
        seen.push(`${i} ${id} ${previous} ${kind} ${bytes.toString()}`);
        for (const watcher of watchers) watcher();
      }),
    );
    await channel.start();
    const has = (count: number) =>
      new Promise<void>((resolve) => {
        const watcher = () => seen.length >= count && resolve();
        watchers.add(watcher);
        watcher();
      });
    return { seen, has };
  }

  it('judges each by itself: fenced, a gap, a repetition, ended, unknown', async () => {
    const [good, fenced, gap, twice, ended, gone] = (await startRuns(6)) as [Run, Run, Run, Run, Run, Run];
    await append(twice, 1, 'first');
    await parts.ledger.cancel(ended.request);
    await parts.redis.del(parts.keys.record(gone.request));
    let replies: boolean[] = [];
    const { scripts, messages } = await counting(async () => {
      replies = await Promise.all([
        append({ ...fenced, epoch: 2 }, 1, 'of another run'),
        append(gap, 2, 'too early'),
        append(twice, 1, 'again'),
        append(ended, 1, 'too late'),
        append(gone, 1, 'of nobody'),
        append(good, 1, 'Hello'),
      ]);
    });
    expect(replies).toEqual([false, false, true, false, false, true]);
    expect({ scripts, messages }).toEqual({ scripts: 1, messages: 1 });
    expect(await logged(good)).toEqual(['1-1 Hello']);
    expect(await logged(twice)).toEqual(['1-1 first']);
    for (const run of [fenced, gap]) expect(await logged(run)).toEqual([]);
  });

  it('takes several of one request in their order', async () => {
    const [run, other] = (await startRuns(2)) as [Run, Run];
    const { scripts } = await counting(async () => {
      const frames = [append(run, 1, 'a'), append(other, 1, 'x'), append(run, 2, 'b'), append(run, 3, 'c')];
      expect(await Promise.all(frames)).toEqual([true, true, true, true]);
    });
    expect(scripts).toBe(1);
    expect(await logged(run)).toEqual(['1-1 a', '1-2 b', '1-3 c']);
    expect(await logged(other)).toEqual(['1-1 x']);
  });

  it('tells each replica that reads in one message, with what is its own', async () => {
    const mine = await startRuns(3);
    const theirs = await startRun('api-2');
    await parts.ledger.join(mine[1]?.request ?? '', 'api-2');
    const { seen, has } = await listen('api-1', [...mine, theirs]);
    const other = await listen('api-2', [...mine, theirs]);
    const { messages } = await counting(() =>
      Promise.all([...mine, theirs].map((run, i) => append(run, 1, `ütf ${i}\n\n`))),
    );
    expect(messages).toBe(2);
    await has(5);
    // Both channels are on this one subscriber: two replicas' messages, each listener sees both.
    await other.has(5);
    expect(seen.toSorted()).toEqual([
      '0 1-1 1-0 data ütf 0\n\n',
      '1 1-1 1-0 data ütf 1\n\n',
      '1 1-1 1-0 data ütf 1\n\n',
      '2 1-1 1-0 data ütf 2\n\n',
      '3 1-1 1-0 data ütf 3\n\n',
    ]);
  });

  it('announces what is too large to publish, and ends a message before it grows too large', async () => {
    const runs = await startRuns(5);
    const { seen, has } = await listen('api-1', runs);
    const texts = ['a', LARGE, 'b'.repeat(40_000), 'c'.repeat(40_000), 'd'];
    const { scripts, messages } = await counting(() =>
      Promise.all(runs.map((run, i) => append(run, 1, texts[i] ?? ''))),
    );
    expect({ scripts, messages }).toEqual({ scripts: 1, messages: 2 });
    await has(5);
    expect(seen).toEqual([
      '0 1-1 1-0 data a',
      '1 1-1 1-0 fetch ',
      `2 1-1 1-0 data ${texts[2] ?? ''}`,
      `3 1-1 1-0 data ${texts[3] ?? ''}`,
      '4 1-1 1-0 data d',
    ]);
    expect(await logged(runs[1] as Run)).toEqual([`1-1 ${LARGE}`]);
  });

  it('brings the last frame and the end in one message', async () => {
    const run = await startRun();
    const { seen, has } = await listen('api-1', [run]);
    const { messages } = await counting(() =>
      parts.ledger.seal({
        request: run.request,
        guard: { kind: 'epoch', epoch: run.epoch },
        outcome: { kind: 'completed' },
        last: { seq: 1, bytes: Buffer.from('Bye') },
      }),
    );
    expect(messages).toBe(1);
    await has(2);
    expect(seen).toEqual([
      '0 1-1 1-0 data Bye',
      expect.stringMatching(/^0 9007199254740991-0 1-1 end \{.*\}$/),
    ]);
  });

  it('lets nobody suffer from a request of which Redis takes no frame', async () => {
    const [broken, ...others] = (await startRuns(3)) as [Run, ...Run[]];
    await parts.redis.del(parts.keys.log(broken.request));
    await parts.redis.set(parts.keys.log(broken.request), 'no stream');
    const settled = await Promise.allSettled([
      append(broken, 1, 'a'),
      ...others.map((run) => append(run, 1, 'b')),
    ]);
    expect(settled).toMatchObject([
      { status: 'rejected', reason: { message: expect.stringContaining('WRONGTYPE') } },
      { value: true },
      { value: true },
    ]);
    for (const run of others) expect(await logged(run)).toEqual(['1-1 b']);
    await expect(append(broken, 1, 'a')).rejects.toThrow('WRONGTYPE');
  });

  it('rejects all of them where Redis is full or a replica, and takes them when they come again', async () => {
    const runs = await startRuns(3);
    const appendAll = () => Promise.allSettled(runs.map((run) => append(run, 1, 'a')));
    const refused = (code: string) =>
      runs.map(() => ({ status: 'rejected', reason: { message: expect.stringMatching(code) } }));
    await parts.redis.config('SET', 'maxmemory', '1');
    const full = await appendAll();
    await parts.redis.config('SET', 'maxmemory', '0');
    expect(full).toMatchObject(refused('^OOM'));
    await parts.redis.replicaof('127.0.0.1', '1');
    const readonly = await appendAll();
    await parts.redis.replicaof('NO', 'ONE');
    expect(readonly).toMatchObject(refused('^READONLY'));
    expect(await appendAll()).toMatchObject(runs.map(() => ({ value: true })));
    for (const run of runs) expect(await logged(run)).toEqual(['1-1 a']);
  });
});

describe('a message', () => {
  let server: TestRedis;
  let redis: Redis;
  let subscriber: Redis;

  beforeAll(async () => {
    server = await startRedis();
    redis = new Redis(server.url);
    subscriber = new Redis(server.url);
  });
  afterAll(async () => {
    redis.disconnect();
    subscriber.disconnect();
    await server.stop();
  });

  it('may come from an earlier or a later version, and what is none is passed over', async () => {
    const channel = new ProcessChannel(subscriber, 'here');
    const seen: string[] = [];
    const done = new Promise<void>((resolve) => {
      for (const name of ['one', 'two']) {
        channel.listen(name, ({ request, id, previous, kind, bytes }) => {
          seen.push([request, id, previous, kind, bytes.toString()].join('|'));
          if (kind === 'end') resolve();
        });
      }
    });
    await channel.start();
    const messages = [
      'one 1-1 1-0 data\nan earlier\nversion names no length',
      '\none 1-2 1-1 data 3 later\na\nbelse 1-1 1-0 data 2\nxxtwo 1-1 1-0 note 0\nCtwo',
      'gpu/llama\n{"health":1}',
      'no line',
      '',
      '\n',
      'one 1-3 1-2 data 5\nabc',
      'two 2-0 1-1 end 2\n{}',
    ];
    for (const message of messages) await redis.publish('here', message);
    await done;
    expect(seen).toEqual([
      'one|1-1|1-0|data|an earlier\nversion names no length',
      'one|1-2|1-1|data|a\nb',
      'two|1-1|1-0|note|',
      'one|1-3|1-2|data|abc',
      'two|2-0|1-1|end|{}',
    ]);
  });
});
