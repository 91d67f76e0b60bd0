/** What a question is asked with, whichever the SDK. */
export interface Ask {
  readonly model: string;
  readonly prompt: string;
}

export interface Tokens {
  readonly inputTokens: number | undefined;
  readonly outputTokens: number | undefined;
}

/** A whole answer, as the SDK gave it. */
export interface Spoken extends Tokens {
  readonly text: string;
  /** In OpenAI's word: `stop`. */
  readonly finish: string | undefined;
}

/** A streamed answer: its texts that are not empty, in their order. */
export interface Streamed {
  readonly texts: readonly string[];
  readonly finish: string | undefined;
}

/** An error as a program catches it; what the SDK has no member for is undefined. */
export interface SdkError {
  /** Of its class. */
  readonly name: string;
  readonly status?: number | undefined;
  readonly code?: string | undefined;
  readonly type?: string | undefined;
  readonly param?: string | undefined;
  /** `x-request-id` */
  readonly request?: string | undefined;
}

/** The class of the error that the SDK has for each of these. */
export interface ErrorNames {
  readonly notFound: string;
  readonly midStream: string;
  /** A 502. */
  readonly failed: string;
}

export interface EmbedAsk {
  readonly inputs: readonly string[];
  /** Default: what the SDK asks for of itself. */
  readonly encoding?: 'float';
  readonly dimensions?: number;
}

type Vectors = readonly (readonly number[])[];

/** How a program does each of these with one SDK. The tool is `weather({ city })`, and answers with `WEATHER[city]`. */
export interface SdkOperations {
  chat(ask: Ask): Promise<Spoken>;
  /** The headers of a whole answer. */
  headers(ask: Ask): Promise<Readonly<Record<string, string>>>;
  stream(ask: Ask): Promise<Streamed>;
  streamUsage(ask: Ask): Promise<Tokens>;
  /** Calls the tools that the answer asks for, and resolves with the text of the answer to their results. */
  tools(ask: Ask): Promise<string>;
  streamTools(ask: Ask): Promise<string>;
  /** `{ city, days }`, checked by the SDK against a schema. */
  structured(ask: Ask): Promise<unknown>;
  streamStructured(ask: Ask): Promise<unknown>;
  /** Asks about the image at `url`, a data URL. */
  image(ask: Ask, url: string): Promise<string>;
  /** Asks with the control `cloudModelOnly`. */
  controls(ask: Ask): Promise<string>;
  complete(ask: Ask): Promise<Spoken>;
  streamCompletion(ask: Ask): Promise<Streamed>;
  /** Of a provider that sends it on the chunk of the finish. */
  streamCompletionUsage(ask: Ask): Promise<Tokens>;
  embed(ask: EmbedAsk): Promise<Vectors>;
  embedFloat(ask: EmbedAsk): Promise<Vectors>;
  embedDimensions(ask: EmbedAsk): Promise<Vectors>;
  embedMany(ask: EmbedAsk): Promise<Vectors>;
  /** Is the text flagged? */
  moderate(ask: Ask): Promise<boolean>;
  models(): Promise<readonly string[]>;
  model(id: string): Promise<string>;
  /** Asks for a whole answer, without retries, and resolves with the error. */
  error(ask: Ask): Promise<SdkError>;
  /** Reads a stream until its error. */
  streamError(ask: Ask): Promise<{ readonly texts: readonly string[]; readonly error: SdkError }>;
  /** Leaves a stream at its first text. */
  leave(ask: Ask): Promise<void>;
  /** Gives up a whole answer once `asked` has resolved. */
  cancel(ask: Ask, asked: Promise<unknown>): Promise<void>;
  /** With one retry of the SDK's own. */
  retry(ask: Ask): Promise<string>;
  /** The same, of a call that fails. */
  noRetry(ask: Ask): Promise<SdkError>;
}

export type FeatureId = keyof SdkOperations;

export interface Feature {
  readonly id: FeatureId;
  /** Without `/v1`. */
  readonly endpoint: string;
  readonly title: string;
}

/** What `weather({ city })` finds. */
export const WEATHER: Readonly<Record<string, string>> = { Rome: 'sunny', Oslo: 'snow' };

const rows: readonly (readonly [endpoint: string, id: FeatureId, title: string])[] = [
  ['chat/completions', 'chat', 'answer, finish reason, usage'],
  ['chat/completions', 'headers', 'request id and route headers'],
  ['chat/completions', 'stream', 'stream'],
  ['chat/completions', 'streamUsage', 'usage of a stream'],
  ['chat/completions', 'tools', 'two tool calls, their results, the final answer'],
  ['chat/completions', 'streamTools', 'the same, streamed, the calls interleaved'],
  ['chat/completions', 'structured', 'structured output'],
  ['chat/completions', 'streamStructured', 'structured output, streamed'],
  ['chat/completions', 'image', 'image input'],
  ['chat/completions', 'controls', 'fallback controls in the body'],
  ['completions', 'complete', 'answer, finish reason, usage'],
  ['completions', 'streamCompletion', 'stream'],
  ['completions', 'streamCompletionUsage', 'usage of a stream, on the chunk of the finish'],
  ['embeddings', 'embed', 'in the encoding that the SDK asks for, also of a provider that knows floats only'],
  ['embeddings', 'embedFloat', 'floats'],
  ['embeddings', 'embedDimensions', 'dimensions'],
  ['embeddings', 'embedMany', '2,500 inputs, in their order'],
  ['moderations', 'moderate', 'verdict'],
  ['models', 'models', 'list'],
  ['models', 'model', 'one, by an id with a slash'],
  ['any', 'error', "a refusal: the SDK's class of error, with code, type and param"],
  ['any', 'streamError', 'a failure in the middle of a stream is raised'],
  ['any', 'leave', 'leaving a stream ends the call of the provider'],
  ['any', 'cancel', 'giving up a whole answer ends the call of the provider'],
  ['any', 'retry', '429 with `retry-after` is tried again, and succeeds'],
  ['any', 'noRetry', '`x-should-retry: false` is obeyed'],
];

/** What each SDK is tried with; docs/compatibility.md has a row for each. */
export const FEATURES: readonly Feature[] = rows.map(([endpoint, id, title]) => ({ endpoint, id, title }));
