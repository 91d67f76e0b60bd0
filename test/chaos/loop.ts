import { Redis } from 'ioredis';
import { ChaosClient } from './chaos-client.js';
import { ChaosUpstream } from './chaos-upstream.js';
import { Cluster, type ClusterOptions } from './cluster.js';
import { TOTAL_MS, type RequestPlan } from './plan-requests.js';

/** What a measured loop came to. */
export interface LoopResult {
  /** Counts and percentiles; written to the report as they are. */
  readonly figures: Readonly<Record<string, unknown>>;
  /** What did not hold, a sentence each; empty if all did. */
  readonly failures: readonly string[];
}

/** A cluster of its own for one loop. */
export interface Stage {
  readonly cluster: Cluster;
  readonly upstream: ChaosUpstream;
  readonly redis: Redis;
  /** Sends a request to one of the apis, in turn. Unless it says otherwise: a stream of 200 tokens in 20 s. */
  readonly ask: (marker: string, plan?: Partial<RequestPlan>) => ChaosClient;
}

/** Plays a loop on processes and a Redis of its own, which end with it. */
export async function onStage<Result>(
  options: Omit<ClusterOptions, 'upstream'>,
  play: (stage: Stage) => Promise<Result>,
): Promise<Result> {
  const upstream = await ChaosUpstream.start();
  const cluster = await Cluster.start({ ...options, upstream });
  const redis = new Redis(cluster.redis.url, { maxRetriesPerRequest: null });
  redis.on('error', () => undefined);
  let turn = 0;
  const nextApi = () => {
    const apis = cluster.ready('api');
    const api = apis[turn++ % apis.length];
    if (!api) throw new Error('There is no api to ask.');
    return api;
  };
  const ask: Stage['ask'] = (marker, over = {}) => {
    const plan: RequestPlan = {
      ...{ marker, model: 'one', stream: true, tokens: 200, firstMs: 0, paceMs: 100 },
      ...{ kept: 'no', clients: 1 },
      ...{ timeoutMs: TOTAL_MS, leaves: undefined, scripts: [], ...over },
    };
    upstream.expect(plan);
    return new ChaosClient(nextApi, plan);
  };
  try {
    return await play({ cluster, upstream, redis, ask });
  } finally {
    redis.disconnect();
    await cluster.stop();
    await upstream.close();
  }
}
