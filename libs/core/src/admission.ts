/** Share of Redis's memory above which no new request is taken. The rest is for the answers of those under way. */
const FULL_SHARE = 0.8;
/** Below this share requests are taken again: a little less, so that one answer more or less does not change it. */
const ROOM_SHARE = 0.78;

/** What Redis says of its memory, bytes. */
export interface RedisMemory {
  readonly used: number;
  /** 0: no limit. */
  readonly max: number;
}

/** Are new requests refused at this much memory? `wasFull`: they were until now. */
export function isFull({ used, max }: RedisMemory, wasFull: boolean): boolean {
  return max > 0 && used >= max * (wasFull ? ROOM_SHARE : FULL_SHARE);
}

/**
 * Reads the reply to INFO memory; undefined where it does not say. Buffers that Redis itself does not count against its
 * limit (of replicas and of the AOF) do not count here either.
 */
export function parseMemory(info: string): RedisMemory | undefined {
  const value = (name: string) => {
    const found = new RegExp(`^${name}:(\\d+)\\r?$`, 'm').exec(info)?.[1];
    return found === undefined ? undefined : Number(found);
  };
  const [used, max] = [value('used_memory'), value('maxmemory')];
  if (used === undefined || max === undefined) return undefined;
  return { used: Math.max(0, used - (value('mem_not_counted_for_evict') ?? 0)), max };
}
