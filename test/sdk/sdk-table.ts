import type { ErrorNames, FeatureId } from './features.js';

export interface SdkRow {
  readonly title: string;
  /** Of package.json, which has its version; the one for Python is installed by the tests. */
  readonly dependency?: string;
  /** The class of its error for each of these. */
  readonly errors: ErrorNames;
  /** What it asks for embeddings in, of itself. */
  readonly encoding: 'base64' | 'float';
  /** Why a feature of the table is not to be had through it, and what to do instead. */
  readonly lacks: Partial<Record<FeatureId, string>>;
}

export type SdkId = 'node' | 'node-6' | 'python' | 'ai-sdk-openai' | 'ai-sdk-openai-compatible' | 'langchain';

const OPENAI_ERRORS = { notFound: 'NotFoundError', midStream: 'APIError', failed: 'InternalServerError' };
const AI_SDK_ERRORS = {
  notFound: 'AI_APICallError',
  midStream: 'AI_StreamProviderError',
  failed: 'AI_RetryError',
};

const AI_SDK_LACKS = {
  moderate: 'The AI SDK has no call for it.',
  models: 'The AI SDK has no call for it: `fetch` the list.',
  model: 'The AI SDK has no call for it: `fetch` the list.',
  noRetry:
    'The AI SDK goes by the status alone, and tries a 5xx twice more: set `maxRetries: 0`, as Spillway has tried every provider by then.',
};

/** The SDKs that are tried with each feature; docs/compatibility.md has a column for each. */
export const SDKS: Readonly<Record<SdkId, SdkRow>> = {
  node: {
    title: 'OpenAI for Node',
    dependency: 'openai',
    errors: OPENAI_ERRORS,
    encoding: 'base64',
    lacks: {},
  },
  'node-6': {
    title: 'OpenAI for Node',
    dependency: 'openai-6',
    errors: OPENAI_ERRORS,
    encoding: 'base64',
    lacks: {},
  },
  python: { title: 'OpenAI for Python', errors: OPENAI_ERRORS, encoding: 'base64', lacks: {} },
  'ai-sdk-openai': {
    title: 'AI SDK',
    dependency: '@ai-sdk/openai',
    errors: AI_SDK_ERRORS,
    encoding: 'float',
    lacks: {
      ...AI_SDK_LACKS,
      controls: 'It sends no members but those that it knows: `@ai-sdk/openai-compatible` does.',
    },
  },
  'ai-sdk-openai-compatible': {
    title: 'AI SDK',
    dependency: '@ai-sdk/openai-compatible',
    errors: AI_SDK_ERRORS,
    encoding: 'float',
    lacks: AI_SDK_LACKS,
  },
  langchain: {
    title: 'LangChain',
    dependency: '@langchain/openai',
    errors: OPENAI_ERRORS,
    encoding: 'base64',
    lacks: {
      headers: 'LangChain does not show them; a `fetch` of your own in `configuration` sees them.',
      streamCompletionUsage: 'LangChain does not read it.',
      moderate: 'LangChain has no call for it.',
      models: 'LangChain has no call for it: `fetch` the list.',
      model: 'LangChain has no call for it: `fetch` the list.',
      noRetry:
        'LangChain goes by the status alone, and tries a 5xx six times more: set `maxRetries: 0`, as Spillway has tried every provider by then.',
    },
  },
};
