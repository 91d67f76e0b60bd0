import { afterEach, beforeEach } from '@jest/globals';
import type { Provider } from '#providers/provider.js';
import { collectCall, type CollectedCall, type CollectOptions } from '../support/collect-call.js';
import type { Upstream } from '../support/upstream.js';
import type { Said } from '../support/wire/wire.js';
import { connect, type ConformingKind } from './kinds.js';

/** A scripted upstream of the kind and a provider that calls it, new for each test. */
export interface Scene {
  readonly upstream: Upstream;
  readonly provider: Provider;
  /** A call that the upstream answers with this. */
  readonly ask: (said: Said, options?: CollectOptions) => Promise<CollectedCall>;
}

/** For use in a `describe`; the scene is there while a test runs. */
export function sceneOf(kind: ConformingKind): Scene {
  let upstream: Upstream;
  let provider: Provider;
  beforeEach(async () => {
    upstream = await kind.wire.start();
    provider = connect(kind, upstream);
  });
  afterEach(async () => {
    await provider.close();
    await upstream.close();
  });
  return {
    get upstream() {
      return upstream;
    },
    get provider() {
      return provider;
    },
    ask: (said, options = {}) => {
      upstream.script(kind.wire.says(said));
      return collectCall(provider, options);
    },
  };
}

/** A body with these members. */
export function bodyOf(members: Readonly<Record<string, unknown>>): Buffer {
  const messages = [{ role: 'user', content: 'Hi' }];
  return Buffer.from(JSON.stringify({ model: 'public', messages, ...members }));
}

export const TOOLS = [
  tool('time', 'How late it is.', {}),
  tool('weather', 'How it is outside.', { city: { type: 'string' } }),
];

function tool(name: string, description: string, properties: object) {
  return { type: 'function', function: { name, description, parameters: { type: 'object', properties } } };
}
