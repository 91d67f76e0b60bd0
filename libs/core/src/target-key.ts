import type { Target } from './target.js';

/** `provider/model`: what makes a target itself, and the form of `Fleet.unusable`. Provider names hold no slash. */
export function targetKey(target: Pick<Target, 'provider' | 'model'>): string {
  return `${target.provider}/${target.model}`;
}
