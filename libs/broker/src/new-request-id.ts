import { randomFillSync } from 'node:crypto';
import { ulid } from 'ulid';
import { requestId } from '#core/ids.js';

/** Asking the system for random bytes costs as much for one as for some thousand. */
const random = { bytes: Buffer.alloc(4096), used: Infinity };

function randomByte(): number {
  if (random.used >= random.bytes.length) {
    randomFillSync(random.bytes);
    random.used = 0;
  }
  return random.bytes.readUInt8(random.used++);
}

/** A new request id on this shard: the time, and 80 random bits. */
export function newRequestId(shard: number): string {
  // `ulid` takes a fraction below 1 for each of its letters, of 5 bits.
  return requestId(
    shard,
    ulid(undefined, () => randomByte() / 256),
  );
}

/** A shard, chosen evenly for numbers of shards far below 65,536. */
export function randomShard(shards: number): number {
  return ((randomByte() << 8) | randomByte()) % shards;
}
