import type { Provider } from '../provider.js';
import { countEmulated, splitChoices } from './split-choices.js';
import { inferTogether } from './infer-together.js';

/**
 * The same provider, which gives several answers to a prompt although its upstream gives one: by as many calls at once.
 * Calls to targets that give them by themselves, or that ask for one, pass through.
 */
export function withEmulatedChoices(provider: Provider): Provider {
  return {
    infer: (call, signal) => {
      const count = countEmulated(call);
      if (count === 1) return provider.infer(call, signal);
      const start = splitChoices(call, count).map(
        (each) => (stop: AbortSignal) => provider.infer(each, stop),
      );
      return inferTogether(start, call.stream, signal);
    },
    discover: (signal) => provider.discover(signal),
    close: () => provider.close(),
  };
}
