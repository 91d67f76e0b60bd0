import OpenAI from 'openai';
import { TestBroker } from './start-broker.js';
import { startUpstream } from './upstream.js';
import type { Upstream } from './upstream.js';

/** A broker with an application's key, its scripted upstream, and the official SDK pointed at it. */
export interface SdkUnderTest {
  readonly upstream: Upstream;
  readonly broker: TestBroker;
  /** Base URL and key: all that a program changes to use Spillway. */
  readonly client: OpenAI;
  /** Another client: of another api of the same broker, or with another key. */
  connect(options?: { readonly url?: string; readonly apiKey?: string }): OpenAI;
  stop(): Promise<void>;
}

export const MESSAGES = [{ role: 'user' as const, content: 'Hi' }];

/**
 * Starts all of it. Models: `m` (local, then cloud), `lonely` (local), `refused` (a provider of its own),
 * `vectors` and `judge` for the other endpoints, and what workers announce, `org/announced`. An api with `HOLD_MS` sends heartbeats after it.
 */
export async function startSdk(): Promise<SdkUnderTest> {
  const upstream = await startUpstream();
  const apiKey = 'key-of-the-application';
  const provider = { kind: 'openai-compatible', baseUrl: upstream.baseUrl, models: ['org/announced'] };
  const [local, cloud] = [
    { provider: 'box', model: 'small' },
    { provider: 'cloud', model: 'large' },
  ];
  const broker = await TestBroker.start({
    config: {
      server: { holdMs: '${HOLD_MS:-10000}', heartbeatMs: 100 },
      providers: {
        box: { ...provider, location: 'local' },
        cloud: { ...provider, location: 'cloud' },
        refused: { ...provider, location: 'cloud' },
      },
      models: {
        m: { targets: [local, cloud] },
        lonely: { targets: [local] },
        refused: { targets: [{ provider: 'refused' }] },
        vectors: { targets: [{ provider: 'box' }] },
        judge: { targets: [{ provider: 'box' }] },
      },
      // A busy provider is told of at once: what the SDKs do then is the point.
      queue: { maxRetryDelayMs: 0 },
      applications: { web: { apiKeys: ['${WEB_KEY}'] } },
    },
    env: { WEB_KEY: apiKey },
  });
  const connect: SdkUnderTest['connect'] = (options) =>
    new OpenAI({ baseURL: `${options?.url ?? broker.url}/v1`, apiKey: options?.apiKey ?? apiKey });
  return {
    upstream,
    broker,
    client: connect(),
    connect,
    stop: async () => {
      await broker.stop();
      await upstream.close();
    },
  };
}
