import { describe, expect, it } from '@jest/globals';
import { Slots } from './slots.js';

describe('Slots', () => {
  it('gives as many as there are, and the next one when one comes back', async () => {
    const slots = new Slots(2);
    expect([await slots.take(), await slots.take()]).toEqual([true, true]);
    const events: string[] = [];
    const third = slots.take().then((taken) => events.push(`taken: ${taken}`));
    await Promise.resolve();
    events.push('given back');
    slots.give();
    await third;
    expect(events).toEqual(['given back', 'taken: true']);
  });

  it('gives none once it is closed, to those that wait and to those that come', async () => {
    const slots = new Slots(1);
    await slots.take();
    const waiting = slots.take();
    slots.close();
    expect(await waiting).toBe(false);
    slots.give();
    expect(await slots.take()).toBe(false);
  });
});
