/**
 * Request ids: `req_<shard>_<ulid>`. The shard is part of the id because it is part of every key of the request, so
 * whoever knows the id knows the keys. Never taken from a client.
 */
const REQUEST_ID = /^req_(\d{1,4})_[0-9A-HJKMNP-TV-Z]{26}$/;

export function requestId(shard: number, ulid: string): string {
  return `req_${shard}_${ulid}`;
}

/** The shard of a request id, or undefined if it is not one. */
export function shardOf(id: string): number | undefined {
  const shard = REQUEST_ID.exec(id)?.[1];
  return shard === undefined ? undefined : Number(shard);
}

/** A job's id: BullMQ refuses one that still exists, so that adding the same placement twice makes one job. */
export function jobId(request: string, attempt: number, placement: number): string {
  return `${request}-${attempt}-${placement}`;
}

/** The other way round; undefined if it is no job's id. */
export function partsOfJobId(
  id: string,
): { readonly request: string; readonly attempt: number; readonly placement: number } | undefined {
  const [, request, attempt, placement] = /^(req_.+)-(\d+)-(\d+)$/.exec(id) ?? [];
  if (request === undefined || shardOf(request) === undefined) return undefined;
  return { request, attempt: Number(attempt), placement: Number(placement) };
}
