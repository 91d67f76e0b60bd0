import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { requestId } from '#core/ids.js';
import type { AppendArgs } from '#core/ledger/transitions.js';
import { Appender } from './appender.js';

const ULID = '01ARZ3NDEKTSV4RRFFQ69G5FAV';
const KIB = 1024;

/** A Redis that answers each command when the test says so; pauses end when `pause` says so, at once by default. */
function gatedRedis(pause = () => Promise.resolve()) {
  const commands: {
    appends: readonly AppendArgs[];
    answer: (replies: (boolean | Error)[]) => void;
    refuse: (error: Error) => void;
  }[] = [];
  const appender = new Appender(async (appends) => {
    const { promise, resolve, reject } = Promise.withResolvers<(boolean | Error)[]>();
    commands.push({ appends, answer: resolve, refuse: reject });
    return promise;
  }, pause);
  const append = (text: string, shard = 0) =>
    appender.append({ request: requestId(shard, ULID), epoch: 1, seq: 1, bytes: Buffer.from(text) });
  /** The texts of each command so far. */
  const sent = () => commands.map(({ appends }) => appends.map(({ bytes }) => bytes.toString()));
  const acceptAll = async (n: number) => {
    commands[n]?.answer(commands[n].appends.map(() => true));
    await turn();
  };
  return { append, sent, commands, acceptAll };
}

describe('Appender', () => {
  it('sends what was asked for in one turn together, in its order', async () => {
    const { append, sent, acceptAll } = gatedRedis();
    const replies = ['a', 'b', 'c'].map((text) => append(text));
    await turn();
    expect(sent()).toEqual([['a', 'b', 'c']]);
    await acceptAll(0);
    expect(await Promise.all(replies)).toEqual([true, true, true]);
  });

  it('sends what comes while a command is under way in the next one', async () => {
    const { append, sent, acceptAll } = gatedRedis();
    const replies = [append('a')];
    await turn();
    replies.push(append('b'));
    await turn();
    replies.push(append('c'));
    await turn();
    expect(sent()).toEqual([['a']]);
    await acceptAll(0);
    expect(sent()).toEqual([['a'], ['b', 'c']]);
    await acceptAll(1);
    expect(await Promise.all(replies)).toEqual([true, true, true]);
    const last = append('d');
    await turn();
    expect(sent()).toEqual([['a'], ['b', 'c'], ['d']]);
    await acceptAll(2);
    expect(await last).toBe(true);
  });

  it('pauses while several wait, so that there are more of them; one alone waits for nobody', async () => {
    const { promise: paused, resolve: goOn } = Promise.withResolvers<void>();
    const { append, sent, acceptAll } = gatedRedis(() => paused);
    const replies = ['a', 'b'].map((text) => append(text));
    await turn();
    replies.push(append('c'));
    await acceptAll(0);
    expect(sent()).toEqual([['a', 'b'], ['c']]);
    replies.push(append('d'), append('e'));
    await acceptAll(1);
    replies.push(append('f'));
    await turn();
    expect(sent()).toHaveLength(2);
    goOn();
    await turn();
    expect(sent().at(-1)).toEqual(['d', 'e', 'f']);
    await acceptAll(2);
    await Promise.all(replies);
  });

  it('sends at most 200 at once', async () => {
    const { append, sent, acceptAll } = gatedRedis();
    const replies = Array.from({ length: 450 }, (_, i) => append(String(i)));
    for (const n of [0, 1, 2]) {
      await turn();
      await acceptAll(n);
    }
    expect(sent().map((texts) => texts.length)).toEqual([200, 200, 50]);
    expect(sent().flat()).toEqual(replies.map((_, i) => String(i)));
    await Promise.all(replies);
  });

  it('takes no more into a command that holds 256 KiB, and sends a larger frame none the less', async () => {
    const { append, sent, acceptAll } = gatedRedis();
    const sizes = [100, 100, 100, 100, 1_000, 1];
    const replies = sizes.map((size) => append('x'.repeat(size * KIB)));
    for (const n of [0, 1, 2]) {
      await turn();
      await acceptAll(n);
    }
    const sizesSent = sent().map((texts) => texts.map(({ length }) => length / KIB));
    expect(sizesSent).toEqual([[100, 100, 100], [100, 1_000], [1]]);
    await Promise.all(replies);
  });

  it('gives each append its own reply', async () => {
    const { append, commands } = gatedRedis();
    const replies = Promise.allSettled(['a', 'b', 'c', 'd'].map((text) => append(text)));
    await turn();
    const refusal = new Error('WRONGTYPE');
    commands[0]?.answer([true, false, refusal]);
    expect(await replies).toMatchObject([
      { value: true },
      { value: false },
      { reason: refusal },
      { reason: { message: 'Redis did not answer this append' } },
    ]);
  });

  it('rejects each append of a command that fails, and goes on with the next', async () => {
    const { append, sent, commands, acceptAll } = gatedRedis();
    const lost = new Error('Connection is closed');
    const failed = ['a', 'b'].map((text) => expect(append(text)).rejects.toBe(lost));
    await turn();
    const next = append('c');
    commands[0]?.refuse(lost);
    await Promise.all(failed);
    await turn();
    expect(sent()).toEqual([['a', 'b'], ['c']]);
    await acceptAll(1);
    expect(await next).toBe(true);
  });

  it('keeps shards apart: one does not wait for the other', async () => {
    const { append, sent, acceptAll } = gatedRedis();
    const replies = [append('a', 0), append('b', 1)];
    await turn();
    replies.push(append('c', 0), append('d', 1));
    await turn();
    expect(sent()).toEqual([['a'], ['b']]);
    await acceptAll(1);
    expect(sent()).toEqual([['a'], ['b'], ['d']]);
    await acceptAll(0);
    await acceptAll(2);
    await acceptAll(3);
    expect(await Promise.all(replies)).toEqual([true, true, true, true]);
  });
});
