import type { SdkUnderTest } from '../../support/sdk-under-test.js';
import type { UpstreamCall } from '../../support/upstream-call.js';
import type { Upstream } from '../../support/upstream.js';
import type { ErrorNames, FeatureId, SdkOperations } from '../features.js';

export interface Scene {
  readonly sdk: SdkUnderTest;
  readonly errors: ErrorNames;
  /** What the SDK asks for embeddings in, of itself. */
  readonly encoding: 'base64' | 'float';
}

/** Does it with an SDK, and fails where what came of it is not as it should be. */
export type Check<Id extends FeatureId> = (operate: SdkOperations[Id], scene: Scene) => Promise<void>;
export type Checks = { readonly [Id in FeatureId]: Check<Id> };

export const ASK = { model: 'm', prompt: 'What is “it”?' };

export function lastCall({ calls }: Upstream): UpstreamCall {
  const call = calls.at(-1);
  if (!call) throw new Error('the upstream has had no call');
  return call;
}
