import { anthropicWire } from '../../../../../test/support/wire/anthropic.js';
import { bedrockWire } from '../../../../../test/support/wire/bedrock.js';
import { geminiWire } from '../../../../../test/support/wire/gemini.js';
import type { Upstream } from '../../../../../test/support/upstream.js';
import type { Wire } from '../../../../../test/support/wire/wire.js';
import { AiSdkProvider, type AiSdkOptions } from '../ai-sdk-provider.js';

export const WIRES: readonly Wire[] = [anthropicWire, geminiWire, bedrockWire];

/** What every provider of the tests is let in with; it may be found in no error. */
const KEY = 'secret-key-of-ours';

/** A provider of the wire's kind. */
export function connect(wire: Wire, upstream: Upstream, options: Partial<AiSdkOptions> = {}): AiSdkProvider {
  const { kind } = wire;
  const account = { kind, apiKey: KEY, ...(kind === 'bedrock' && { region: 'eu-north-1' }) };
  return new AiSdkProvider({
    name: 'test',
    baseUrl: wire.baseUrl(upstream),
    ...account,
    ...options,
  } as AiSdkOptions);
}

/** A body with these members. */
export function bodyOf(members: Readonly<Record<string, unknown>>): Buffer {
  const messages = [{ role: 'user', content: 'Hi' }];
  return Buffer.from(JSON.stringify({ model: 'public', messages, ...members }));
}
