import { afterEach, beforeEach } from '@jest/globals';
import {
  collectCall,
  type CollectedCall,
  type CollectOptions,
} from '../../../../../test/support/collect-call.js';
import { startOllama, type OllamaWire } from '../../../../../test/support/wire/ollama.js';
import { OllamaProvider, type OllamaOptions } from '../ollama-provider.js';

/** An Ollama with models that think in degrees, as a switch and not at all, and a provider that calls it. */
export interface OllamaScene {
  readonly wire: OllamaWire;
  readonly provider: OllamaProvider;
  /** Another provider for the same server; the test closes it. */
  readonly serve: (options?: Partial<OllamaOptions>) => OllamaProvider;
  /** A call of `llama3.2`. */
  readonly collect: (options?: CollectOptions) => Promise<CollectedCall>;
}

/** For use at the top of a file; the scene is new for each test, and there while it runs. */
export function ollamaScene(): OllamaScene {
  let wire: OllamaWire;
  let provider: OllamaProvider;
  const serve = (options: Partial<OllamaOptions> = {}) =>
    new OllamaProvider({ name: 'box', baseUrl: wire.baseUrl, location: 'local', ...options });
  beforeEach(async () => {
    wire = await startOllama({
      'llama3.2': {},
      'gpt-oss': { thinking: 'levels' },
      tiny: { thinking: 'none' },
    });
    provider = serve();
  });
  afterEach(async () => {
    await provider.close();
    await wire.close();
  });
  return {
    get wire() {
      return wire;
    },
    get provider() {
      return provider;
    },
    serve,
    collect: (options = {}) => collectCall(provider, { model: 'llama3.2', ...options }),
  };
}
