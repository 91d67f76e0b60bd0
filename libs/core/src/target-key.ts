import type { Endpoint } from './endpoint.js';
import type { Target } from './target.js';

/** `provider/model`: what makes a target itself. Provider names hold no slash. */
export function targetKey(target: Pick<Target, 'provider' | 'model'>): string {
  return `${target.provider}/${target.model}`;
}

/**
 * The form of `Fleet.unusable`: `provider/model`, with `embeddings:` and its like before it where another endpoint than
 * chat was asked. A server that has no embeddings of its chat model answers as one that does not have the model.
 */
export function unusableKey(target: Pick<Target, 'provider' | 'model'>, endpoint: Endpoint): string {
  return endpoint === 'chat' ? targetKey(target) : `${endpoint}:${targetKey(target)}`;
}
