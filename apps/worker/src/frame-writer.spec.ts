import { describe, expect, it } from '@jest/globals';
import type { AppendArgs } from '#core/ledger/transitions.js';
import { FrameWriter } from './frame-writer.js';

/** A ledger whose answers the test gives one by one. */
class GatedLedger {
  readonly appends: AppendArgs[] = [];
  private readonly answers: { resolve: (accepted: boolean) => void; reject: (error: Error) => void }[] = [];
  private readonly watchers = new Set<() => void>();

  append(args: AppendArgs): Promise<boolean> {
    this.appends.push(args);
    const { promise, resolve, reject } = Promise.withResolvers<boolean>();
    this.answers.push({ resolve, reject });
    for (const watcher of this.watchers) watcher();
    return promise;
  }

  async has(count: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const watcher = () => this.appends.length >= count && resolve();
    this.watchers.add(watcher);
    watcher();
    await promise;
  }

  answer(n: number, accepted = true): void {
    this.answers[n]?.resolve(accepted);
  }

  refuse(n: number): void {
    this.answers[n]?.reject(new Error('OOM command not allowed'));
  }

  /** `1 ab`: seq and text of each append. */
  get seen(): string[] {
    return this.appends.map(({ seq, bytes }) => `${seq} ${bytes.toString()}`);
  }
}

function newWriter() {
  const ledger = new GatedLedger();
  const controller = new AbortController();
  let fenced = 0;
  const writer = new FrameWriter({
    ledger,
    request: 'r',
    epoch: 1,
    signal: controller.signal,
    onFenced: () => {
      fenced += 1;
      controller.abort('fenced');
    },
  });
  const write = (text: string) => writer.write(Buffer.from(text));
  return { ledger, writer, write, controller, fenced: () => fenced };
}

describe('FrameWriter', () => {
  it('sends the frames of a tick together, and what comes meanwhile in the next append', async () => {
    const { ledger, writer, write } = newWriter();
    void write('a');
    void write('b');
    await ledger.has(1);
    void write('c');
    void write('d');
    ledger.answer(0);
    await ledger.has(2);
    ledger.answer(1);
    // Once more, so that the seal is refused where the log does not reach to it.
    expect(await writer.finish()).toMatchObject({ seq: 2, bytes: Buffer.from('cd') });
    expect(ledger.seen).toEqual(['1 ab', '2 cd']);
  });

  it('leaves what was not sent yet to the seal, after the append under way', async () => {
    const { ledger, writer, write } = newWriter();
    void write('a');
    await ledger.has(1);
    void write('b');
    const last = writer.finish();
    ledger.answer(0);
    expect(await last).toMatchObject({ seq: 2, bytes: Buffer.from('b') });
    expect(ledger.seen).toEqual(['1 a']);
  });

  it('gives held frames to the seal alone', async () => {
    const { ledger, writer } = newWriter();
    writer.hold([Buffer.from('a'), Buffer.from('b')]);
    expect(await writer.finish()).toMatchObject({ seq: 1, bytes: Buffer.from('ab') });
    expect(ledger.seen).toEqual([]);
  });

  it('stops the run when the ledger fences it, and sends nothing more', async () => {
    const { ledger, writer, write, fenced } = newWriter();
    void write('a');
    await ledger.has(1);
    void write('b');
    ledger.answer(0, false);
    expect(await writer.finish()).toBeUndefined();
    expect(fenced()).toBe(1);
    expect(writer.isFenced).toBe(true);
    expect(ledger.seen).toEqual(['1 a']);
  });

  it('sends a frame that Redis refused again, under the same seq', async () => {
    const { ledger, writer, write } = newWriter();
    void write('a');
    await ledger.has(1);
    ledger.refuse(0);
    await ledger.has(2);
    ledger.answer(1);
    expect(await writer.finish()).toMatchObject({ seq: 1 });
    expect(ledger.seen).toEqual(['1 a', '1 a']);
  });

  it('gives up a refused frame when the run is stopped', async () => {
    const { ledger, writer, write, controller } = newWriter();
    void write('a');
    await ledger.has(1);
    controller.abort('ended');
    ledger.refuse(0);
    expect(await writer.finish()).toBeUndefined();
    expect(ledger.appends).toHaveLength(1);
  });

  it('asks the caller to wait once a megabyte is on its way', async () => {
    const { ledger, writer, write } = newWriter();
    expect(write('a')).toBeUndefined();
    await ledger.has(1);
    const wait = write('x'.repeat(1024 * 1024 + 1));
    expect(wait).toBeInstanceOf(Promise);
    ledger.answer(0);
    await ledger.has(2);
    ledger.answer(1);
    await wait;
    expect(await writer.finish()).toMatchObject({ seq: 2 });
  });
});

/** A ledger that takes a frame only where it has the one before it, as the real one does. */
class ForgetfulLedger {
  log: string[] = [];

  append({ seq, bytes }: AppendArgs): Promise<boolean> {
    if (seq === this.log.length + 1) this.log.push(bytes.toString());
    return Promise.resolve(seq <= this.log.length);
  }
}

describe('FrameWriter, where Redis comes back without what it took last', () => {
  async function written(...texts: readonly string[]) {
    const ledger = new ForgetfulLedger();
    let fenced = 0;
    const { signal } = new AbortController();
    const writer = new FrameWriter({ ledger, request: 'r', epoch: 1, signal, onFenced: () => (fenced += 1) });
    const write = async (text: string) => {
      void writer.write(Buffer.from(text));
      // Its append, and what that leads to.
      await new Promise((resolve) => setImmediate(resolve));
    };
    for (const text of texts) await write(text);
    expect(ledger.log).toEqual(texts);
    return { ledger, writer, write, fenced: () => fenced };
  }

  it('sends that again before the next frame', async () => {
    const { ledger, write, fenced } = await written('a', 'b', 'c');
    ledger.log = ['a'];
    await write('d');
    expect(ledger.log).toEqual(['a', 'b', 'c', 'd']);
    expect(fenced()).toBe(0);
  });

  it('sends that again before the seal', async () => {
    const { ledger, writer } = await written('a', 'b', 'c');
    ledger.log = ['a'];
    const last = await writer.finish();
    expect(last).toMatchObject({ seq: 3, bytes: Buffer.from('c') });
    expect(await last?.restore()).toBe(true);
    expect(ledger.log).toEqual(['a', 'b', 'c']);
  });

  it('gives up where more is lost than it has kept', async () => {
    const large = 'x'.repeat(600 * 1024);
    const { ledger, writer, write, fenced } = await written('a', large, large);
    ledger.log = [];
    await write('d');
    expect(ledger.log).toEqual([]);
    expect(fenced()).toBe(1);
    expect(writer.isFenced).toBe(true);
    expect(await writer.finish()).toBeUndefined();
  });
});
