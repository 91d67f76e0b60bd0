import { z } from 'zod';
import { readCapabilities } from './config/capabilities-schema.js';
import type { WorkerHeartbeat } from './fleet.js';

/** What older versions do not know is kept: they pass it on, and later ones read it. */
const announcement = z.looseObject({
  name: z.string().min(1),
  kind: z.string(),
  location: z.enum(['local', 'cloud']),
  concurrency: z.number(),
  models: z.array(z.string()),
  loaded: z.array(z.string()).exactOptional(),
  // A state that a later version tells apart: the calls will show whether it matters.
  credential: z.enum(['ok', 'missing', 'rejected']).catch('ok'),
  reachable: z.boolean().exactOptional(),
  trouble: z.looseObject({ reason: z.string(), at: z.number() }).exactOptional(),
  capabilities: z.unknown().transform(readCapabilities).exactOptional(),
});

const heartbeat = z.looseObject({
  v: z.literal(1).catch(1),
  worker: z.string().min(1),
  pid: z.number(),
  startedAt: z.number(),
  providers: z.array(z.unknown()),
});

/**
 * A worker's heartbeat as another process reads it, which may be of another version: unknown fields are ignored, and
 * so is a provider that cannot be read. Undefined where the whole cannot: one odd heartbeat must not blind the reader
 * to all others.
 */
export function parseHeartbeat(text: string): WorkerHeartbeat | undefined {
  const read = heartbeat.safeParse(parseJson(text)).data;
  if (!read) return undefined;
  const providers = read.providers.flatMap((each) => announcement.safeParse(each).data ?? []);
  return { ...read, providers };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
