import type { Location } from '../target.js';
import { ollamaUrl } from './ollama-url.js';
import { readSet } from './read-set.js';
import type { Env } from './template.js';

/**
 * A service that needs no more than its name: `groq: { preset: groq }`. What it stands for is written out by
 * `expandPresets` before anything else looks at the file, and it is what is looked for where there is no file.
 */
export interface Preset {
  /** For people. */
  readonly title: string;
  readonly kind: 'openai-compatible' | 'ollama' | 'anthropic' | 'gemini' | 'bedrock';
  readonly location: Location;
  /** Root of its API; absent where it has none that fits all. */
  readonly baseUrl?: string;
  /** Variable that says another address; of our own, as those of the clients may point back at this broker. */
  readonly baseUrlVariable: string;
  /** The address that variables of the service itself say, in our form; where `baseUrlVariable` is not set. */
  readonly addressFrom?: (env: Env) => string | undefined;
  /** Where its key may be; the first one that is set counts. */
  readonly keys: readonly [string, ...string[]];
  /** It may run without a key: none is sent where no variable is set. Default: the first variable is required. */
  readonly keyOptional?: true;
  /** Header that takes the key. Default: `Authorization: Bearer …`. */
  readonly keyHeader?: string;
  /** `resource` names the address: what to put around it, and the variable where it may be instead. */
  readonly resource?: { readonly before: string; readonly after: string; readonly variable: string };
  /** Further settings of the provider, as a file would have them. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** The same, but for what the environment decides; with `ownKeys` the file names keys of its own. */
  readonly settingsFrom?: (env: Env, ownKeys: boolean) => Readonly<Record<string, unknown>>;
  /** How it is found without a file; absent: it is not. */
  readonly found?: {
    /** Name of the provider that it becomes. Default: the preset's. */
    readonly as?: string;
    /** Accounts: what stands in for a local model; small, general, and with a name that its vendor keeps. */
    readonly fallbackModel?: string;
  };
}

/** As AWS's own tools read them; the API key of Bedrock comes before keys that sign. */
function awsSettings(env: Env, ownKeys: boolean): Readonly<Record<string, unknown>> {
  const region = '${AWS_REGION:-us-east-1}';
  if (ownKeys || readSet(env, 'AWS_BEARER_TOKEN_BEDROCK') !== undefined) return { region };
  const session =
    readSet(env, 'AWS_SESSION_TOKEN') === undefined ? {} : { sessionToken: '${AWS_SESSION_TOKEN}' };
  const keys = { accessKeyId: '${AWS_ACCESS_KEY_ID}', secretAccessKey: '${AWS_SECRET_ACCESS_KEY}' };
  return { region, ...keys, ...session };
}

/** Own boxes load a model on its first call. */
const LOADS_MODELS = { timeouts: { firstTokenMs: 120_000 } } as const;

type Account = Pick<Preset, 'title' | 'keys'> & Partial<Preset>;

/** A cloud account, which needs a key. `variable`: the middle of `SPILLWAY_<…>_BASE_URL`. */
function account(variable: string, preset: Account): Preset {
  const baseUrlVariable = `SPILLWAY_${variable}_BASE_URL`;
  return { kind: 'openai-compatible', location: 'cloud', baseUrlVariable, ...preset };
}

type Server = Pick<Preset, 'title' | 'keys' | 'baseUrl' | 'baseUrlVariable'> & Partial<Preset>;

/** A model server of one's own. */
function server({ settings, ...preset }: Server): Preset {
  return {
    ...{ kind: 'openai-compatible', location: 'local', keyOptional: true },
    settings: { ...LOADS_MODELS, ...settings },
    ...preset,
  };
}

/**
 * Every preset, in the order in which accounts stand in for local models. Addresses and variables are those that the
 * services' own SDKs and documentation name; the page of each is in docs/providers.
 */
const PRESETS = {
  ollama: {
    title: 'Ollama',
    kind: 'ollama',
    location: 'local',
    baseUrl: 'http://127.0.0.1:11434',
    baseUrlVariable: 'OLLAMA_BASE_URL',
    addressFrom: (env) => ollamaUrl(env['OLLAMA_HOST']),
    keys: ['OLLAMA_API_KEY'],
    keyOptional: true,
    found: {},
  },
  vllm: server({
    title: 'vLLM',
    baseUrl: 'http://127.0.0.1:8000/v1',
    baseUrlVariable: 'VLLM_BASE_URL',
    keys: ['VLLM_API_KEY'],
    // 503 once its engine is gone; the list of models goes on. docs.vllm.ai: OpenAI-compatible server.
    settings: { healthPath: '/health' },
    found: {},
  }),
  'llama-cpp': server({
    title: 'llama.cpp (llama-server)',
    baseUrl: 'http://127.0.0.1:8080/v1',
    baseUrlVariable: 'LLAMA_SERVER_BASE_URL',
    keys: ['LLAMA_API_KEY'],
    // 503 while it loads the model; newer versions list it all the same, and older ones answer once whatever `n` is.
    // github.com/ggml-org/llama.cpp: tools/server.
    settings: { healthPath: '/health', capabilities: { n: 'emulated' } },
    found: { as: 'llama-server' },
  }),
  'lm-studio': server({
    title: 'LM Studio',
    baseUrl: 'http://127.0.0.1:1234/v1',
    baseUrlVariable: 'LM_STUDIO_BASE_URL',
    keys: ['LM_API_TOKEN'],
    // Its list of supported parameters has none of the others. lmstudio.ai/docs: OpenAI compatibility.
    settings: { capabilities: { n: 'emulated', logprobs: false, maxTokens: 'max_tokens' } },
    found: {},
  }),
  // On the port of vLLM too: without a file it is found, and called, as that one.
  omlx: server({
    title: 'oMLX',
    baseUrl: 'http://127.0.0.1:8000/v1',
    baseUrlVariable: 'OMLX_BASE_URL',
    keys: ['OMLX_API_KEY'],
    settings: { healthPath: '/health' },
  }),
  openai: account('OPENAI', {
    title: 'OpenAI',
    baseUrl: 'https://api.openai.com/v1',
    keys: ['OPENAI_API_KEY'],
    found: { fallbackModel: 'gpt-4o-mini' },
  }),
  azure: account('AZURE', {
    title: 'Azure OpenAI',
    keys: ['AZURE_OPENAI_API_KEY'],
    keyHeader: 'api-key',
    resource: {
      before: 'https://',
      after: '.openai.azure.com/openai/v1',
      variable: 'AZURE_OPENAI_RESOURCE',
    },
    // It lists every model of its region, and is called by the names of deployments, which only their owner knows: none
    // could stand in by itself. learn.microsoft.com: Azure OpenAI v1 API.
    settings: { quirks: { listsOthers: true } },
    found: {},
  }),
  anthropic: account('ANTHROPIC', {
    title: 'Anthropic',
    kind: 'anthropic',
    baseUrl: 'https://api.anthropic.com/v1',
    keys: ['ANTHROPIC_API_KEY'],
    found: { fallbackModel: 'claude-haiku-4-5' },
  }),
  gemini: account('GEMINI', {
    title: 'Google Gemini',
    kind: 'gemini',
    baseUrl: 'https://generativelanguage.googleapis.com/v1beta',
    keys: ['GEMINI_API_KEY', 'GOOGLE_API_KEY'],
    found: { fallbackModel: 'gemini-2.5-flash' },
  }),
  // What it offers depends on the account, and no list says it: its models are named in the file, or by their full names.
  bedrock: account('BEDROCK', {
    title: 'Amazon Bedrock',
    kind: 'bedrock',
    keys: ['AWS_BEARER_TOKEN_BEDROCK'],
    keyOptional: true,
    settingsFrom: awsSettings,
  }),
  groq: account('GROQ', {
    title: 'Groq',
    baseUrl: 'https://api.groq.com/openai/v1',
    keys: ['GROQ_API_KEY'],
    // Each is answered with 400. console.groq.com/docs/openai: currently unsupported features; and thoughts under others'
    // names, which many clients send back.
    settings: {
      capabilities: {
        ...{ endpoints: ['chat'], n: 'emulated', logprobs: false, thoughts: ['reasoning'] },
        parameters: { logit_bias: 'refuse' },
      },
    },
    found: { fallbackModel: 'llama-3.3-70b-versatile' },
  }),
  mistral: account('MISTRAL', {
    title: 'Mistral',
    baseUrl: 'https://api.mistral.ai/v1',
    keys: ['MISTRAL_API_KEY'],
    // Members that its reference does not have are answered with 422; its seed is `random_seed`. Usage comes by itself.
    // docs.mistral.ai/api: chat completion.
    settings: {
      quirks: { usageUnasked: true },
      capabilities: {
        ...{ developerRole: false, maxTokens: 'max_tokens', logprobs: false, thoughts: [] },
        parameters: {
          ...{ logit_bias: 'refuse', seed: 'drop', user: 'drop', store: 'drop', service_tier: 'drop' },
          ...{ safety_identifier: 'drop', prompt_cache_key: 'drop', verbosity: 'drop' },
        },
      },
    },
    found: { fallbackModel: 'mistral-small-latest' },
  }),
  deepseek: account('DEEPSEEK', {
    title: 'DeepSeek',
    baseUrl: 'https://api.deepseek.com/v1',
    keys: ['DEEPSEEK_API_KEY'],
    // What its reference does not have: further answers, other roles, schemas (`json_object` only), parts that are no text.
    // api-docs.deepseek.com: create chat completion.
    settings: {
      capabilities: {
        ...{ endpoints: ['chat', 'completions'], n: 'emulated', developerRole: false },
        ...{ maxTokens: 'max_tokens', structuredOutputs: false },
        ...{ images: false, audio: false, files: false },
        parameters: { logit_bias: 'refuse', seed: 'drop', parallel_tool_calls: 'drop' },
      },
    },
    found: { fallbackModel: 'deepseek-chat' },
  }),
  xai: account('XAI', {
    title: 'xAI',
    baseUrl: 'https://api.x.ai/v1',
    keys: ['XAI_API_KEY'],
    found: { fallbackModel: 'grok-3-mini' },
  }),
  together: account('TOGETHER', {
    title: 'Together AI',
    baseUrl: 'https://api.together.xyz/v1',
    keys: ['TOGETHER_API_KEY'],
    // Its `logprobs` is a number, and answered in another form. docs.together.ai/reference: chat completions.
    settings: { capabilities: { developerRole: false, maxTokens: 'max_tokens', logprobs: false } },
    found: { fallbackModel: 'meta-llama/Llama-3.3-70B-Instruct-Turbo' },
  }),
  fireworks: account('FIREWORKS', {
    title: 'Fireworks AI',
    baseUrl: 'https://api.fireworks.ai/inference/v1',
    keys: ['FIREWORKS_API_KEY'],
    // docs.fireworks.ai: OpenAI compatibility. Its own default lowers `max_tokens` without a word where the context is too
    // short; as OpenAI does it, the request is refused, and so can go on to a model with a longer context.
    settings: { quirks: { stopInText: true }, defaults: { context_length_exceeded_behavior: 'error' } },
    found: { fallbackModel: 'accounts/fireworks/models/llama-v3p3-70b-instruct' },
  }),
  openrouter: account('OPENROUTER', {
    title: 'OpenRouter',
    baseUrl: 'https://openrouter.ai/api/v1',
    keys: ['OPENROUTER_API_KEY'],
    found: { fallbackModel: 'openrouter/auto' },
  }),
  cerebras: account('CEREBRAS', {
    title: 'Cerebras',
    baseUrl: 'https://api.cerebras.ai/v1',
    keys: ['CEREBRAS_API_KEY'],
    // Answered with 400, but for the role, which it does not have. inference-docs.cerebras.ai: OpenAI compatibility.
    settings: {
      capabilities: {
        ...{ endpoints: ['chat', 'completions'], n: 'emulated', developerRole: false },
        maxTokens: 'max_completion_tokens',
        thoughts: ['reasoning'],
        parameters: {
          ...{ frequency_penalty: 'drop', presence_penalty: 'drop', service_tier: 'drop' },
          ...{ parallel_tool_calls: 'drop', logit_bias: 'refuse' },
        },
      },
    },
    found: { fallbackModel: 'gpt-oss-120b' },
  }),
} as const satisfies Readonly<Record<string, Preset>>;

export type PresetName = keyof typeof PRESETS;

export const PRESET_NAMES = Object.keys(PRESETS) as readonly PresetName[];

export function isPresetName(name: string): name is PresetName {
  return Object.hasOwn(PRESETS, name);
}

export function presetOf(name: PresetName): Preset {
  return PRESETS[name];
}
