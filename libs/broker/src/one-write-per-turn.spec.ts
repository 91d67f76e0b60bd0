import { describe, expect, it } from '@jest/globals';
import { Writable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { oneWritePerTurn } from './one-write-per-turn.js';

function sink() {
  const writes: string[] = [];
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => done(void writes.push(chunk.toString())),
    writev: (chunks, done) => done(void writes.push(chunks.map(({ chunk }) => String(chunk)).join(''))),
  });
  oneWritePerTurn(stream);
  return { writes, stream };
}

describe('one write per turn', () => {
  it('sends what was written in one turn at once, in its order', async () => {
    const { writes, stream } = sink();
    stream.write('a');
    stream.write(Buffer.from('b'));
    await Promise.resolve();
    stream.write('c');
    expect(writes).toEqual([]);
    await turn();
    stream.write('d');
    await turn();
    expect(writes).toEqual(['abc', 'd']);
  });

  it('sends what is held before the end', async () => {
    const { writes, stream } = sink();
    stream.write('a');
    stream.write('b');
    stream.end();
    await turn();
    expect(writes).toEqual(['ab']);
    expect(stream.writableFinished).toBe(true);
  });
});
