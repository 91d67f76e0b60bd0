import type { Capabilities } from './capabilities.js';

/** Members of OpenAI's that ask for no other answer: accounts, caches, ways of delivery. */
const OF_OPENAI_ONLY = {
  metadata: 'drop',
  modalities: 'drop',
  prediction: 'drop',
  prompt_cache_key: 'drop',
  prompt_cache_retention: 'drop',
  safety_identifier: 'drop',
  service_tier: 'drop',
  store: 'drop',
  verbosity: 'drop',
} as const;

/** Chat alone, translated: one answer per call, and what has no counterpart left out or refused. */
const TRANSLATED: Capabilities = {
  endpoints: ['chat'],
  n: 'emulated',
  logprobs: false,
  audio: false,
  parameters: {
    ...OF_OPENAI_ONLY,
    logit_bias: 'drop',
    functions: 'refuse',
    function_call: 'refuse',
    web_search_options: 'refuse',
  },
};

const NO_SAMPLING = { frequency_penalty: 'drop', presence_penalty: 'drop', seed: 'drop' } as const;

/**
 * What a kind lacks by its nature, whatever the provider. What the configuration says of a provider or a target wins,
 * member by member.
 */
const KINDS: Readonly<Record<string, Capabilities>> = {
  ollama: {
    endpoints: ['chat', 'completions', 'embeddings'],
    n: 'emulated',
    forcedTools: false,
    audio: false,
    files: false,
    parameters: {
      ...OF_OPENAI_ONLY,
      logit_bias: 'drop',
      // Several tools at once or one: as the model does.
      parallel_tool_calls: 'drop',
      user: 'drop',
      functions: 'refuse',
      function_call: 'refuse',
      web_search_options: 'refuse',
    },
  },
  anthropic: {
    ...TRANSLATED,
    parameters: { ...TRANSLATED.parameters, ...NO_SAMPLING },
  },
  gemini: {
    ...TRANSLATED,
    endpoints: ['chat', 'embeddings'],
    // Spoken to it, and not by it.
    audio: true,
    parameters: {
      ...TRANSLATED.parameters,
      audio: 'refuse',
      // It calls several tools at once, and cannot be told not to.
      parallel_tool_calls: 'drop',
      user: 'drop',
    },
  },
  bedrock: {
    ...TRANSLATED,
    endpoints: ['chat', 'embeddings'],
    parameters: { ...TRANSLATED.parameters, ...NO_SAMPLING, user: 'drop' },
  },
};

/** Undefined for a kind that lacks nothing by its nature. */
export function capabilitiesOfKind(kind: string | undefined): Capabilities | undefined {
  return kind !== undefined && Object.hasOwn(KINDS, kind) ? KINDS[kind] : undefined;
}
