import { describe, expect, it } from '@jest/globals';
import type { Dispatcher } from 'undici';
import { Exchange } from './exchange.js';

/** An exchange on a wire of our own: nothing comes but what the test sends. */
function open(): { exchange: Exchange; send: (text: string) => void } {
  const controller = { paused: false, resume: () => undefined, abort: () => undefined };
  const dispatcher = { dispatch: () => true } as unknown as Dispatcher;
  const exchange = new Exchange(dispatcher, { path: '/', method: 'POST' }, new AbortController().signal);
  const wire = controller as unknown as Dispatcher.DispatchController;
  return { exchange, send: (text) => exchange.onResponseData(wire, Buffer.from(text)) };
}

const inMs = (ms: number) => performance.now() + ms;

describe('Exchange', () => {
  it('ends a wait at its deadline, not before, whatever was waited for until when before it', async () => {
    const { exchange, send } = open();
    for (const earlierMs of [20, 60_000]) {
      const earlier = exchange.next(inMs(earlierMs));
      send('a');
      expect(await earlier).toMatchObject({ kind: 'data' });
      const deadlineAt = inMs(60);
      expect(await exchange.next(deadlineAt)).toEqual({ kind: 'timeout' });
      expect(performance.now()).toBeGreaterThanOrEqual(deadlineAt);
      expect(performance.now()).toBeLessThan(deadlineAt + 5_000);
    }
    exchange.close();
  });

  it('gives what came before the deadline to the one who asks later', async () => {
    const { exchange, send } = open();
    send('a');
    expect(await exchange.next(inMs(1_000))).toMatchObject({ kind: 'data', bytes: Buffer.from('a') });
    exchange.close();
  });
});
