import { describe, expect, it } from '@jest/globals';
import { setImmediate as turn } from 'node:timers/promises';
import { LogOutput } from './log-output.js';

function output() {
  const written: string[] = [];
  return { written, log: new LogOutput({ write: (text) => written.push(text) }) };
}

describe('the output of the log', () => {
  it('writes the lines of one turn at once, in their order, and those of the next one after them', async () => {
    const { written, log } = output();
    log.write('a\n');
    log.write('b\n');
    await turn();
    log.write('c\n');
    await turn();
    expect(written).toEqual(['a\nb\n', 'c\n']);
  });

  it('writes what it holds when the process ends, and nothing twice', async () => {
    const { written, log } = output();
    log.write('last words\n');
    log.flush();
    await turn();
    expect(written).toEqual(['last words\n']);
  });
});
