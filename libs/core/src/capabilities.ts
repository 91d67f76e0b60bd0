import type { Endpoint } from './endpoint.js';

/**
 * What a provider, or the model of one target, lacks, limits or names differently. Every member is optional; absent
 * means: as OpenAI has it. The plan leaves out what cannot take a request (`judgeFit`), and the provider client gives the
 * rest a body that it understands (`adaptBody`).
 */
export interface Capabilities {
  /** What it can be asked for at all; absent: every endpoint. */
  readonly endpoints?: readonly Endpoint[];
  /** Several answers to one prompt: in one call, by as many calls that are merged, or not at all. */
  readonly n?: 'native' | 'emulated' | 'unsupported';
  readonly tools?: boolean;
  /** False: one tool call at a time, and `parallel_tool_calls` is not known. */
  readonly parallelToolCalls?: boolean;
  /** False: a `tool_choice` that asks for a call has no force; it is told as left out. */
  readonly forcedTools?: boolean;
  readonly logprobs?: boolean;
  /** `response_format` of the type `json_schema`. */
  readonly structuredOutputs?: boolean;
  readonly images?: boolean;
  /** Both ways. */
  readonly audio?: boolean;
  readonly files?: boolean;
  /** False: messages of the role `developer` become `system`. */
  readonly developerRole?: boolean;
  /** The names under which it takes the thoughts of earlier messages; those under others are left out. Absent: all. */
  readonly thoughts?: readonly ThoughtName[];
  /** The one name it knows; absent: as written. */
  readonly maxTokens?: 'max_tokens' | 'max_completion_tokens';
  /** Of embeddings: may they be chosen, and from which. */
  readonly dimensions?: boolean | readonly number[];
  /** Most inputs of one call for embeddings. */
  readonly embeddingBatch?: number;
  /** Further top-level members, by name: left out and told, or reason to leave the target out. */
  readonly parameters?: Readonly<Record<string, 'drop' | 'refuse'>>;
}

/** Members of assistants' messages that hold thoughts; no two services name them alike. */
export const THOUGHT_NAMES = ['reasoning', 'reasoning_content', 'reasoning_details'] as const;
export type ThoughtName = (typeof THOUGHT_NAMES)[number];

/** Most inputs of one call for embeddings, as OpenAI documents it for its own. */
export const DEFAULT_EMBEDDING_BATCH = 2_048;

/** What a provider has or has not, as the yes or no of a capability. */
export type FeatureName =
  'tools' | 'parallelToolCalls' | 'logprobs' | 'structuredOutputs' | 'images' | 'audio' | 'files';

/** What a request uses of all that a provider may lack; made by `readFeatures`. */
export interface Features {
  readonly endpoint: Endpoint;
  /** Answers that are asked for to each prompt. */
  readonly n: number;
  /** Candidates of which legacy completions choose the best; absent: none are asked for. */
  readonly bestOf?: number;
  /** Where it is used first: feature to the path of the member. */
  readonly uses: Readonly<Partial<Record<FeatureName, string>>>;
  readonly dimensions?: number;
  /** A tool is to be called, whatever the model would do. */
  readonly forcesTool?: true;
  /** Top-level members that are not null and that a provider may do without, in their order. */
  readonly members: readonly string[];
}

/** Why a target cannot take a request. */
export interface Lack {
  /** The member of the request at fault. */
  readonly param: string;
  /** What is said of the target: `knows no tools`. */
  readonly reason: string;
}

export type Fit =
  /** `dropped`: members that the target will not get. */
  | { readonly fits: true; readonly dropped: readonly string[] }
  | { readonly fits: false; readonly lack: Lack };

/** What is said of a provider without the feature. */
const WITHOUT: Readonly<Record<FeatureName, string>> = {
  tools: 'knows no tools',
  parallelToolCalls: 'makes one tool call at a time',
  logprobs: 'gives no log probabilities',
  structuredOutputs: 'knows no JSON schemas',
  images: 'takes no images',
  audio: 'knows no audio',
  files: 'takes no files',
};

/** Can the request be answered in full, but for members that may be dropped? */
export function judgeFit(features: Features, capabilities: Capabilities = {}): Fit {
  const lack = lackOf(features, capabilities);
  if (lack) return { fits: false, lack };
  const { parameters = {}, forcedTools = true } = capabilities;
  const dropped = features.members.filter((name) => ruleOf(parameters, name) === 'drop');
  const isUnforced = features.forcesTool && !forcedTools && !dropped.includes('tool_choice');
  return { fits: true, dropped: isUnforced ? [...dropped, 'tool_choice'] : dropped };
}

function lackOf(features: Features, capabilities: Capabilities): Lack | undefined {
  const { endpoint, uses, members } = features;
  const { parameters = {}, endpoints } = capabilities;
  if (endpoints && !endpoints.includes(endpoint)) return { param: 'model', reason: `has no ${endpoint}` };
  const lack = lackOfChoices(features, capabilities) ?? lackOfDimensions(features, capabilities);
  if (lack) return lack;
  for (const name of featureNames) {
    const param = uses[name];
    if (param !== undefined && capabilities[name] === false) return { param, reason: WITHOUT[name] };
  }
  const refused = members.find((name) => ruleOf(parameters, name) === 'refuse');
  return refused === undefined ? undefined : { param: refused, reason: `does not take \`${refused}\`` };
}

const featureNames = Object.keys(WITHOUT) as readonly FeatureName[];

function lackOfChoices({ n, bestOf = 1 }: Features, { n: how = 'native' }: Capabilities): Lack | undefined {
  if (how === 'native') return undefined;
  if (n > 1 && how === 'unsupported') return { param: 'n', reason: 'gives one answer per request' };
  // The best of several can be chosen only by whoever made them all.
  if (bestOf > 1)
    return { param: 'best_of', reason: 'makes one answer per call, and cannot choose the best' };
  return undefined;
}

function lackOfDimensions({ dimensions }: Features, { dimensions: has }: Capabilities): Lack | undefined {
  if (dimensions === undefined || has === undefined || has === true) return undefined;
  if (has === false) return { param: 'dimensions', reason: 'has embeddings of one length only' };
  if (has.includes(dimensions)) return undefined;
  return { param: 'dimensions', reason: `has embeddings of ${has.join(', ')} dimensions only` };
}

/** Own members only: names come from clients, and `constructor` is one, too. */
function ruleOf(parameters: Capabilities['parameters'] = {}, name: string): 'drop' | 'refuse' | undefined {
  return Object.hasOwn(parameters, name) ? parameters[name] : undefined;
}

/**
 * What holds where several places say something: member by member the later one, and of `parameters` name by name.
 * Undefined where nothing is said.
 */
export function mergeCapabilities(...said: readonly (Capabilities | undefined)[]): Capabilities | undefined {
  let merged: Capabilities = {};
  for (const each of said) {
    const parameters = { ...merged.parameters, ...each?.parameters };
    merged = { ...merged, ...each, ...(Object.keys(parameters).length > 0 && { parameters }) };
  }
  return Object.keys(merged).length === 0 ? undefined : merged;
}
