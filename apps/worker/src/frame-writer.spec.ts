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
    expect(await writer.finish()).toBeUndefined();
    expect(ledger.seen).toEqual(['1 ab', '2 cd']);
  });

  it('leaves what was not sent yet to the seal, after the append under way', async () => {
    const { ledger, writer, write } = newWriter();
    void write('a');
    await ledger.has(1);
    void write('b');
    const last = writer.finish();
    ledger.answer(0);
    expect(await last).toEqual({ seq: 2, bytes: Buffer.from('b') });
    expect(ledger.seen).toEqual(['1 a']);
  });

  it('gives held frames to the seal alone', async () => {
    const { ledger, writer } = newWriter();
    writer.hold([Buffer.from('a'), Buffer.from('b')]);
    expect(await writer.finish()).toEqual({ seq: 1, bytes: Buffer.from('ab') });
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
    expect(ledger.seen).toEqual(['1 a']);
  });

  it('sends a frame that Redis refused again, under the same seq', async () => {
    const { ledger, writer, write } = newWriter();
    void write('a');
    await ledger.has(1);
    ledger.refuse(0);
    await ledger.has(2);
    ledger.answer(1);
    expect(await writer.finish()).toBeUndefined();
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
    expect(await writer.finish()).toBeUndefined();
  });
});
