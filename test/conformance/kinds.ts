import { createProvider, type ProviderOptions } from '#providers/create-provider.js';
import type { AnswerLimits } from '#providers/http/answer-limits.js';
import type { Provider } from '#providers/provider.js';
import type { Upstream } from '../support/upstream.js';
import { anthropicWire } from '../support/wire/anthropic.js';
import { bedrockWire } from '../support/wire/bedrock.js';
import { geminiWire } from '../support/wire/gemini.js';
import { ollamaWire } from '../support/wire/ollama-wire.js';
import { openaiWire } from '../support/wire/openai.js';
import type { Wire } from '../support/wire/wire.js';

/** What a kind may lack; the suite then looks that it is lacking indeed, and how that is told. */
export type Feature =
  /** Counts of tokens that came from a cache. */
  | 'cached tokens'
  /** Counts of tokens that were thought. */
  | 'reasoning tokens'
  /** Thoughts that a signature proves, for the next turn. */
  | 'signed thoughts'
  /** Thoughts that only the provider can read, for the next turn. */
  | 'encrypted thoughts'
  /** An ending of its own for what a filter has cut off. */
  | 'content filter'
  | 'embeddings'
  /** A list of the models there are. */
  | 'model list'
  /** A way to say that some tool has to be called. */
  | 'forced calls'
  /** A way to say in a stream that it is too busy. */
  | 'busy streams';

/** The kinds that call an upstream. Whoever adds one is told by the compiler what is missing here. */
export type Kind = Exclude<ProviderOptions['kind'], 'demo'>;

export interface ConformingKind {
  readonly kind: Kind;
  readonly wire: Wire<Kind>;
  /** What else a provider of the kind is configured with, beside address and key. */
  readonly account?: Readonly<Record<string, unknown>>;
  /** The header that carries the credential. */
  readonly credentialHeader: string;
  /** Where chat goes. */
  readonly path: { readonly stream: string; readonly whole: string };
  /** By feature, why there is none. */
  readonly lacks: Readonly<Partial<Record<Feature, string>>>;
}

const KINDS: { readonly [K in Kind]: Omit<ConformingKind, 'kind'> } = {
  'openai-compatible': {
    wire: openaiWire,
    credentialHeader: 'authorization',
    path: { stream: '/v1/chat/completions', whole: '/v1/chat/completions' },
    lacks: {},
  },
  ollama: {
    wire: ollamaWire,
    account: { location: 'local' },
    credentialHeader: 'authorization',
    path: { stream: '/api/chat', whole: '/api/chat' },
    lacks: {
      'cached tokens': 'its counts are of the whole prompt',
      'reasoning tokens': 'its counts are of all that was written',
      'signed thoughts': 'it signs nothing',
      'encrypted thoughts': 'it hides nothing',
      'content filter': 'it has none',
      'forced calls': 'it gives a model its tools, and no word on them',
      'busy streams': 'an error in a stream is a text without a type',
    },
  },
  anthropic: {
    wire: anthropicWire,
    credentialHeader: 'x-api-key',
    path: { stream: '/v1/messages', whole: '/v1/messages' },
    lacks: { embeddings: 'its API has none' },
  },
  gemini: {
    wire: geminiWire,
    credentialHeader: 'x-goog-api-key',
    path: {
      stream: '/v1beta/models/upstream-model:streamGenerateContent?alt=sse',
      whole: '/v1beta/models/upstream-model:generateContent',
    },
    lacks: { 'encrypted thoughts': 'its thoughts are summaries, and signed' },
  },
  bedrock: {
    wire: bedrockWire,
    account: { region: 'eu-north-1' },
    credentialHeader: 'authorization',
    path: { stream: '/model/upstream-model/converse-stream', whole: '/model/upstream-model/converse' },
    lacks: {
      'reasoning tokens': 'Converse counts them as answered',
      'model list': 'it is another service, with another address',
    },
  },
};

export const CONFORMING: readonly ConformingKind[] = Object.entries(KINDS).map(([kind, rest]) => ({
  kind: kind as Kind,
  ...rest,
}));

/** What every provider of the suite is let in with; it may be found in no error. */
export const KEY = 'secret-key-of-ours';

/** A provider of the kind, as a worker makes it. */
export function connect(
  { kind, wire, account }: ConformingKind,
  upstream: Upstream,
  limits?: Partial<AnswerLimits>,
): Provider {
  const options = { kind, name: 'test', baseUrl: wire.baseUrl(upstream), apiKey: KEY, ...account, limits };
  return createProvider(options as ProviderOptions);
}
