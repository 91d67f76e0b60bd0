/** A cloud account that a key in the environment is enough for. */
export interface CloudService {
  readonly name: string;
  /** Where its key may be; the first one that is set counts. */
  readonly variables: readonly [string, ...string[]];
  /** Root of its OpenAI-compatible API. */
  readonly baseUrl: string;
  /** What it answers with in place of a local model: small, general, and with a name that its vendor keeps. */
  readonly fallbackModel: string;
  /** What it offers, where its list cannot be asked for with the same credential. */
  readonly models?: readonly string[];
}

/** In the order in which they stand in for local models. */
export const CLOUD_SERVICES: readonly CloudService[] = [
  {
    name: 'openai',
    variables: ['OPENAI_API_KEY'],
    baseUrl: 'https://api.openai.com/v1',
    fallbackModel: 'gpt-4o-mini',
  },
  {
    name: 'anthropic',
    variables: ['ANTHROPIC_API_KEY'],
    baseUrl: 'https://api.anthropic.com/v1',
    fallbackModel: 'claude-haiku-4-5',
    // Its list takes `x-api-key` only, and answers a bearer token with 401; any other name works as anthropic/<name>.
    models: ['claude-haiku-4-5', 'claude-sonnet-4-5', 'claude-opus-4-5'],
  },
  {
    name: 'gemini',
    variables: ['GEMINI_API_KEY', 'GOOGLE_API_KEY'],
    baseUrl: 'https://generativelanguage.googleapis.com/v1beta/openai',
    fallbackModel: 'gemini-2.5-flash',
  },
  {
    name: 'groq',
    variables: ['GROQ_API_KEY'],
    baseUrl: 'https://api.groq.com/openai/v1',
    fallbackModel: 'llama-3.3-70b-versatile',
  },
  {
    name: 'mistral',
    variables: ['MISTRAL_API_KEY'],
    baseUrl: 'https://api.mistral.ai/v1',
    fallbackModel: 'mistral-small-latest',
  },
  {
    name: 'deepseek',
    variables: ['DEEPSEEK_API_KEY'],
    baseUrl: 'https://api.deepseek.com/v1',
    fallbackModel: 'deepseek-chat',
  },
  {
    name: 'xai',
    variables: ['XAI_API_KEY'],
    baseUrl: 'https://api.x.ai/v1',
    fallbackModel: 'grok-3-mini',
  },
  {
    name: 'together',
    variables: ['TOGETHER_API_KEY'],
    baseUrl: 'https://api.together.xyz/v1',
    fallbackModel: 'meta-llama/Llama-3.3-70B-Instruct-Turbo',
  },
  {
    name: 'fireworks',
    variables: ['FIREWORKS_API_KEY'],
    baseUrl: 'https://api.fireworks.ai/inference/v1',
    fallbackModel: 'accounts/fireworks/models/llama-v3p3-70b-instruct',
  },
  {
    name: 'openrouter',
    variables: ['OPENROUTER_API_KEY'],
    baseUrl: 'https://openrouter.ai/api/v1',
    fallbackModel: 'openrouter/auto',
  },
];

/** A model server that may run on this machine, on its usual port. */
export interface LocalService {
  readonly name: string;
  readonly port: number;
  /** Says where it is instead: the root of its OpenAI-compatible API. */
  readonly variable: string;
  /** Where its key may be, if it was started with one. */
  readonly keyVariable: string;
}

export const LOCAL_SERVICES: readonly LocalService[] = [
  { name: 'ollama', port: 11434, variable: 'OLLAMA_BASE_URL', keyVariable: 'OLLAMA_API_KEY' },
  { name: 'vllm', port: 8000, variable: 'VLLM_BASE_URL', keyVariable: 'VLLM_API_KEY' },
  { name: 'llama-server', port: 8080, variable: 'LLAMA_SERVER_BASE_URL', keyVariable: 'LLAMA_API_KEY' },
];
