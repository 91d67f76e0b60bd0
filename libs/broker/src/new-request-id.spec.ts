import { describe, expect, it } from '@jest/globals';
import { shardOf } from '#core/ids.js';
import { newRequestId, randomShard } from './new-request-id.js';

describe('a new request id', () => {
  it('is one of its shard, and of no other request, also where the random bytes are drawn anew', () => {
    const ids = Array.from({ length: 2_000 }, () => newRequestId(3));
    expect(new Set(ids).size).toBe(ids.length);
    expect(new Set(ids.map(shardOf))).toEqual(new Set([3]));
  });

  it('uses every letter in every random place', () => {
    const places = Array.from({ length: 16 }, () => new Set<string>());
    for (let n = 0; n < 4_000; n++) {
      const random = newRequestId(0).slice(-16);
      places.forEach((seen, i) => seen.add(random.charAt(i)));
    }
    expect(places.map(({ size }) => size)).toEqual(places.map(() => 32));
  });

  it('is of any shard', () => {
    const shards = new Set(Array.from({ length: 1_000 }, () => randomShard(5)));
    expect([...shards].toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4]);
  });
});
