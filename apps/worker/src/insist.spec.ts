import { describe, expect, it } from '@jest/globals';
import { insist } from './insist.js';

const refusal = new Error("OOM command not allowed when used memory > 'maxmemory'.");

/** Fails with each of these in turn, then answers. */
function failing(...errors: readonly Error[]) {
  const left = [...errors];
  const send = () => {
    send.times += 1;
    const error = left.shift();
    return error ? Promise.reject(error) : Promise.resolve('taken');
  };
  send.times = 0;
  return send;
}

describe('insist', () => {
  it.each([
    refusal.message,
    'READONLY You can’t write against a read only replica.',
    'NOREPLICAS Not enough.',
  ])('sends again what Redis refused: %s', async (message) => {
    const send = failing(new Error(message));
    expect(await insist(send, {})).toBe('taken');
    expect(send.times).toBe(2);
  });

  it('rejects with any other error at once', async () => {
    const send = failing(new Error('ERR wrong number of arguments'));
    await expect(insist(send, {})).rejects.toThrow('ERR wrong');
    expect(send.times).toBe(1);
  });

  it('gives up when its time has passed', async () => {
    const send = failing(refusal);
    await expect(insist(send, { untilAt: performance.now() })).rejects.toBe(refusal);
    expect(send.times).toBe(1);
  });

  it('tries once more when it is aborted, without waiting', async () => {
    const abort = new AbortController();
    const send = failing(refusal, refusal, refusal);
    const insisting = insist(send, { signal: abort.signal });
    setImmediate(() => abort.abort());
    await expect(insisting).rejects.toBe(refusal);
    expect(send.times).toBe(2);
  });
});
