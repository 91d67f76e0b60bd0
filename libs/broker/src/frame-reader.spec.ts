import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { END_ID, type LogEntry } from '#core/ledger/transitions.js';
import { FrameReader, isAfter, requestLost } from './frame-reader.js';
import type { ChannelMessage } from './process-channel.js';

const entry = (id: string, type: LogEntry['type'], text = id): LogEntry => ({
  id,
  type,
  bytes: Buffer.from(text),
});

/** A run with `tokens` frames, as the ledger logs it. */
function logOf(tokens: number): LogEntry[] {
  const frames = Array.from({ length: tokens }, (_, i) => entry(`1-${i + 1}`, 'data', `t${i + 1} `));
  return [entry('1-0', 'start', '{"queueMs":1}'), ...frames, entry(END_ID, 'end')];
}

function published(log: readonly LogEntry[], at: number): ChannelMessage {
  const { id, type, bytes } = log[at] ?? entry('', 'end');
  return { request: 'r', id, previous: log[at - 1]?.id ?? '0-0', kind: type, bytes };
}

/** A reader over this log; `upTo` says how much of it is written by now. */
function readerOver(log: readonly LogEntry[], upTo: () => number = () => log.length) {
  let fetches = 0;
  const fetch = (cursor: string, count: number): Promise<LogEntry[]> => {
    fetches += 1;
    const written = log.slice(0, upTo());
    return Promise.resolve(written.filter(({ id }) => isAfter(id, cursor)).slice(0, count));
  };
  const reader = new FrameReader('r', fetch, () => undefined);
  return { reader, fetches: () => fetches };
}

async function readAll(reader: FrameReader): Promise<string[]> {
  const ids: string[] = [];
  for await (const { id } of reader) ids.push(id);
  return ids;
}

describe('FrameReader', () => {
  it('yields what was published in order, without asking the log', async () => {
    const log = logOf(3);
    const { reader, fetches } = readerOver(log);
    log.forEach((_, i) => reader.receive(published(log, i)));
    expect(await readAll(reader)).toEqual(log.map(({ id }) => id));
    expect(fetches()).toBe(0);
  });

  it('fetches from the log what it missed', async () => {
    const log = logOf(3);
    const { reader } = readerOver(log);
    for (const i of [0, 3, 4]) reader.receive(published(log, i));
    expect(await readAll(reader)).toEqual(log.map(({ id }) => id));
  });

  it('keeps of what waits for long only its own bytes, not the message that it came in', async () => {
    const message = Buffer.alloc(64 * 1024, 'x');
    const log = logOf(3);
    const { reader } = readerOver(log);
    log.forEach((_, i) => reader.receive({ ...published(log, i), bytes: message.subarray(0, 10 * 1024) }));
    const entries: LogEntry[] = [];
    for await (const each of reader) entries.push(each);
    expect(entries.map(({ bytes }) => bytes.equals(message.subarray(0, 10 * 1024)))).toEqual(
      log.map(() => true),
    );
    expect(entries.map(({ bytes }) => bytes.buffer === message.buffer)).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
  });

  it('fetches an entry that was too large to publish', async () => {
    const log = logOf(1);
    const { reader, fetches } = readerOver(log);
    reader.receive(published(log, 0));
    reader.receive({ ...published(log, 1), kind: 'fetch', bytes: Buffer.alloc(0) });
    reader.receive(published(log, 2));
    expect(await readAll(reader)).toEqual(log.map(({ id }) => id));
    expect(fetches()).toBeGreaterThan(0);
  });

  it('starts where it is told to, whatever was published before', async () => {
    const log = logOf(5);
    const { reader } = readerOver(log);
    log.forEach((_, i) => reader.receive(published(log, i)));
    reader.startAfter('1-3');
    expect(await readAll(reader)).toEqual(['1-4', '1-5', END_ID]);
    expect(reader.position).toBe(END_ID);
  });

  it('fetches no more at once than its buffer is meant for, once it knows the size of entries', async () => {
    const big = 'x'.repeat(200_000);
    const frames = Array.from({ length: 20 }, (_, i) => entry(`1-${i + 1}`, 'data', i < 10 ? 'small' : big));
    const log = [entry('1-0', 'start'), ...frames, entry(END_ID, 'end')];
    const sizes: number[] = [];
    const fetch = (cursor: string, count: number): Promise<LogEntry[]> => {
      const found = log.filter(({ id }) => isAfter(id, cursor)).slice(0, count);
      sizes.push(found.reduce((sum, { bytes }) => sum + bytes.length, 0));
      return Promise.resolve(found);
    };
    const reader = new FrameReader('r', fetch, () => undefined);
    reader.startAfter('0-0');
    expect(await readAll(reader)).toEqual(log.map(({ id }) => id));
    // One of them met the large ones unprepared.
    expect(sizes.filter((size) => size > 256 * 1024).length).toBeLessThanOrEqual(1);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(8 * big.length);
  });

  it('learns from the ledger of an end that nobody published', async () => {
    const log = logOf(2);
    const { reader } = readerOver(log);
    const all = readAll(reader);
    reader.checkTail(END_ID);
    expect(await all).toEqual(log.map(({ id }) => id));
  });

  it('keeps no more than its buffer for a client that does not read', async () => {
    const big = 'x'.repeat(100_000);
    const frames = Array.from({ length: 50 }, (_, i) => entry(`1-${i + 1}`, 'data', big));
    const log = [entry('1-0', 'start'), ...frames, entry(END_ID, 'end')];
    const { reader, fetches } = readerOver(log);
    log.forEach((_, i) => reader.receive(published(log, i)));
    expect(fetches()).toBe(0);
    expect(await readAll(reader)).toEqual(log.map(({ id }) => id));
    expect(fetches()).toBeGreaterThan(1);
  });

  it('goes on when Redis is back', async () => {
    const log = logOf(1);
    let away = true;
    const fetch = () => (away ? Promise.reject(new Error('away')) : Promise.resolve(log));
    const reader = new FrameReader('r', fetch, () => undefined);
    const all = readAll(reader);
    reader.catchUp();
    await Promise.resolve();
    away = false;
    // The hub calls again every second.
    setImmediate(() => reader.catchUp());
    expect(await all).toEqual(log.map(({ id }) => id));
  });

  it('ends with a typed error when the ledger has lost the request', async () => {
    const { reader } = readerOver([]);
    const all = readAll(reader);
    reader.fail(requestLost('req_0_X'));
    await expect(all).rejects.toMatchObject({ code: 'internal_error' });
  });

  it('ends when it is closed', async () => {
    const { reader } = readerOver([]);
    const all = readAll(reader);
    reader.close();
    expect(await all).toEqual([]);
  });

  it('yields the whole log once and in order, whatever messages are lost, doubled or late', async () => {
    const deliveries = fc.array(fc.record({ at: fc.nat(9), read: fc.boolean() }), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(deliveries, async (messages) => {
        const log = logOf(8);
        let written = 0;
        const { reader } = readerOver(log, () => written);
        const all = readAll(reader);
        for (const { at, read } of messages) {
          written = Math.max(written, at + 1);
          reader.receive(published(log, at));
          if (read) await new Promise(setImmediate);
        }
        written = log.length;
        reader.checkTail(END_ID);
        expect(await all).toEqual(log.map(({ id }) => id));
      }),
    );
  });
});

describe('isAfter', () => {
  it.each([
    ['1-1', '1-0', true],
    ['1-10', '1-9', true],
    ['2-0', '1-99', true],
    ['10-0', '9-0', true],
    [END_ID, '3-7', true],
    ['1-1', '1-1', false],
    ['1-9', '1-10', false],
  ])('%s after %s: %s', (id, other, expected) => {
    expect(isAfter(id, other)).toBe(expected);
  });
});

describe('FrameReader, in doubt whether the log is still the same', () => {
  /** A reader that has read the start and two frames, over a log that becomes `later` then. */
  async function readThenLost(later: readonly LogEntry[]) {
    const log = logOf(2).slice(0, 3);
    const { reader } = readerOver(log);
    log.forEach((_, i) => reader.receive(published(log, i)));
    const iterator = reader[Symbol.asyncIterator]();
    const read: string[] = [];
    for (let n = 0; n < 3; n++) read.push(String((await iterator.next()).value?.id));
    log.splice(0, log.length, ...later);
    reader.doubt();
    const goOn = async () => {
      for (let step = await iterator.next(); !step.done; step = await iterator.next())
        read.push(step.value.id);
      return read;
    };
    return { reader, log, goOn };
  }

  it('goes on where the run is the same', async () => {
    const { goOn } = await readThenLost(logOf(4));
    expect(await goOn()).toEqual(logOf(4).map(({ id }) => id));
  });

  it('goes on where the same run has lost its last frames, and they are there again', async () => {
    const { reader, log, goOn } = await readThenLost(logOf(1).slice(0, 2));
    const rest = goOn();
    const whole = logOf(3);
    log.splice(0, log.length, ...whole);
    reader.checkTail(END_ID);
    expect(await rest).toEqual(whole.map(({ id }) => id));
  });

  it.each([
    ['another run stands in its place', [entry('1-0', 'start', '{"queueMs":2}'), ...logOf(4).slice(1)]],
    ['nothing is left of it', []],
    ['a later run began', [entry('2-0', 'start'), entry('2-1', 'data')]],
  ])('fails where %s, and takes nothing of what is published then', async (_, later) => {
    const { reader, goOn } = await readThenLost(later);
    reader.receive({ request: 'r', id: '1-3', previous: '1-2', kind: 'data', bytes: Buffer.from('other') });
    await expect(goOn()).rejects.toMatchObject({ code: 'stream_interrupted' });
  });

  it('reads another run from its beginning where nothing was seen of the first', async () => {
    const { reader } = readerOver([entry('1-0', 'start', '{"queueMs":2}'), ...logOf(2).slice(1)]);
    reader.receive(published([entry('1-0', 'start', '{"queueMs":1}')], 0));
    reader.doubt();
    expect(await readAll(reader)).toEqual(logOf(2).map(({ id }) => id));
  });
});
