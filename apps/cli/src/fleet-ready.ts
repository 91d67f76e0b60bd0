import { setTimeout as delay } from 'node:timers/promises';
import { connect } from '#broker/connection.js';
import { readHeartbeats, unite } from '#broker/fleet-watch.js';
import { Keys } from '#broker/keys.js';
import type { Config } from '#core/config/schema.js';
import type { Fleet, WorkerHeartbeat } from '#core/fleet.js';
import { findRoute, listModels } from '#core/route.js';
import { chooseModel } from './choose-model.js';
import { SILENT_LOG } from './silent-log.js';

const ASK_AGAIN_MS = 100;

/** Resolves when the api says that it takes requests; rejects when the signal aborts. */
export async function waitForApi(origin: string, signal: AbortSignal): Promise<void> {
  for (;;) {
    const ready = await fetch(`${origin}/readyz`, { signal }).then(
      (response) => response.ok,
      () => false,
    );
    if (ready) return;
    await delay(ASK_AGAIN_MS, undefined, { signal });
  }
}

/**
 * The workers, once ours is among them; rejects when the signal aborts. Heartbeats of others may be there for a while
 * after their end.
 */
export async function waitForWorker(
  redis: { readonly url: string; readonly prefix: string; readonly shards: number },
  isOurs: (heartbeat: WorkerHeartbeat) => boolean,
  signal: AbortSignal,
): Promise<Fleet> {
  const connection = connect(redis.url, 'patient', SILENT_LOG);
  const keys = new Keys(redis.prefix, redis.shards);
  try {
    for (;;) {
      const heartbeats = await readHeartbeats(connection, keys);
      if (heartbeats.some(isOurs)) return { providers: unite(heartbeats), unusable: new Set() };
      await delay(ASK_AGAIN_MS, undefined, { signal });
    }
  } finally {
    connection.disconnect();
  }
}

/** How long the api may take to hear of a worker, ms; it reads the heartbeats once a second. */
const HEAR_MS = 5_000;

/** Resolves when the api lists these models too, or does not in time: the curl that is printed must work at once. */
export async function waitForModels(
  origin: string,
  ids: readonly string[],
  apiKey: string | undefined,
): Promise<void> {
  const signal = AbortSignal.timeout(HEAR_MS);
  const headers = apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` };
  try {
    for (;;) {
      const response = await fetch(`${origin}/v1/models`, { headers, signal });
      if (!response.ok) return;
      const { data } = (await response.json()) as { data: readonly { id: string }[] };
      const listed = new Set(data.map(({ id }) => id));
      if (ids.every((id) => listed.has(id))) return;
      await delay(ASK_AGAIN_MS, undefined, { signal });
    }
  } catch {
    // Late or gone: what there is to say is said all the same.
  }
}

/** The model for the example: one that a worker can serve as far as it knows, else any; undefined if there is none. */
export function exampleModel(
  { models, providers }: Pick<Config, 'models' | 'providers'>,
  fleet: Fleet,
): string | undefined {
  const catalogue = { models, providers, fleet };
  const cards = listModels(catalogue);
  const served = cards.filter(({ id }) =>
    findRoute(id, catalogue)?.targets.some(({ provider }) => {
      const known = fleet.providers.get(provider);
      return known?.credential === 'ok' && known.reachable !== false;
    }),
  );
  return chooseModel(served.length > 0 ? served : cards, { models, providers });
}
