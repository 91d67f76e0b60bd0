import { AiSdkProvider, type AiSdkOptions } from './ai-sdk/ai-sdk-provider.js';
import { withEmulatedChoices } from './choices/with-emulated-choices.js';
import { DemoProvider } from './demo.js';
import { OpenAiCompatibleProvider } from './openai-compatible/openai-compatible-provider.js';
import type { OpenAiCompatibleOptions } from './openai-compatible/openai-compatible-provider.js';
import { OllamaProvider, type OllamaOptions } from './ollama/ollama-provider.js';
import type { Provider } from './provider.js';

/** What a provider client needs of the provider's configuration, its secrets resolved. */
export type ProviderOptions =
  | ({ readonly kind: 'openai-compatible' } & OpenAiCompatibleOptions)
  | ({ readonly kind: 'ollama' } & OllamaOptions)
  | AiSdkOptions
  | { readonly kind: 'demo' };

/**
 * The client for a configured provider, which can give several answers whether its upstream can or not. Throws where an
 * address in the options is not a URL.
 */
export function createProvider(options: ProviderOptions): Provider {
  return withEmulatedChoices(createClient(options));
}

function createClient(options: ProviderOptions): Provider {
  switch (options.kind) {
    case 'openai-compatible':
      return new OpenAiCompatibleProvider(options);
    case 'ollama':
      return new OllamaProvider(options);
    case 'anthropic':
    case 'gemini':
    case 'bedrock':
      return new AiSdkProvider(options);
    case 'demo':
      return new DemoProvider();
  }
}
