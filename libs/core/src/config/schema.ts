import { z } from 'zod';
import { capabilities } from './capabilities-schema.js';
import {
  durationMs,
  modelId,
  namedMap,
  redisUrl,
  secret,
  section,
  simpleName,
  wholeNumber,
  withoutPrototype,
} from './fields.js';
import { callTimeouts } from './provider-fields.js';
import { providersSchema } from './provider-schema.js';
import type { SecretRef } from './secret.js';

const server = section({
  host: z
    .string()
    .min(1)
    .default('127.0.0.1')
    .describe(
      'Address that the api listens on; `HOST` wins. Other than loopback needs `applications`, or `SPILLWAY_ALLOW_NO_AUTH=1`.',
    ),
  port: wholeNumber(0, 65_535).default(4100).describe('TCP port of the api; `PORT` wins. 0: any free one.'),
  holdMs: durationMs(0)
    .default(10_000)
    .describe(
      'How long a stream without output is held, ms. Until then a failure is a real HTTP status; after it the api answers 200 with heartbeats, and a failure is a data error. 0: at once.',
    ),
  heartbeatMs: durationMs(100)
    .default(10_000)
    .describe(
      'Longest silence on a stream that was answered, ms; then a comment is sent. Keep it below the idle time of the proxies in front (60 s is usual).',
    ),
  bodyLimitBytes: wholeNumber(1024, 1_073_741_824)
    .default(33_554_432)
    .describe(
      'Largest request body, bytes; a larger one is refused with 413. Bodies wait in Redis: its memory is what this costs.',
    ),
  requestTimeoutMs: durationMs()
    .default(30_000)
    .describe(
      'Time for a request to arrive whole, ms; then 408. Protects against clients that send a byte at a time.',
    ),
  headersTimeoutMs: durationMs()
    .default(10_000)
    .describe('Time for the headers of a request to arrive, ms; then 408.'),
  stallTimeoutMs: durationMs()
    .default(60_000)
    .describe(
      'How long a client may take nothing of its answer, ms; then it is cut off, noticed within twice that time. A kept request can be gone on with, any other is cancelled.',
    ),
  wholeAnswerKeepAlive: z
    .boolean()
    .default(false)
    .describe(
      '`true`: an answer without `stream` that is not there after `holdMs` begins with 200 and white space, which JSON allows, and gets more of it each `heartbeatMs`, for proxies that end silent connections. A later failure is then an error body under status 200: switch it on only if your clients look for it.',
    ),
});

const redis = section({
  url: redisUrl
    .default('redis://127.0.0.1:6379')
    .describe(
      'Redis or Valkey, `redis://` or `rediss://`; `REDIS_URL` wins. It must persist (AOF) and must not evict.',
    ),
  prefix: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,64}$/, 'expected 1 to 64 of A-Z, a-z, 0-9, ".", "_" and "-"')
    .default('spillway')
    .describe('Start of every key. Give each installation that shares a Redis its own.'),
  shards: wholeNumber(1, 256)
    .default(1)
    .describe(
      'Hash tags that the requests are spread over; for Redis Cluster. The same in every process; on a change, requests in flight under the higher shards are lost.',
    ),
});

const target = section({
  provider: z.string().min(1).describe('Name under `providers`.'),
  model: z
    .string()
    .min(1)
    .exactOptional()
    .describe("The provider's own name of the model. Default: the public id."),
  maxQueueWaitMs: durationMs(0)
    .exactOptional()
    .describe(
      'Longest wait in the queue of this target, ms; then the request moves on to the next one, or ends with 504 where there is none. Default: that of its provider, else up to the deadline.',
    ),
  contextTokens: wholeNumber(1, 1_000_000_000)
    .exactOptional()
    .describe(
      'Context length, tokens. A prompt too long for one target falls back only to one with a longer declared context. Default: not known.',
    ),
  timeouts: callTimeouts
    .prefault({})
    .describe('Timeouts of calls to this target, where they differ from its provider.'),
  capabilities: capabilities
    .prefault({})
    .describe('What this model lacks or has, where it differs from what its provider says.'),
});

const model = section({
  targets: z
    .array(target)
    .min(1)
    .describe('Where requests go: the first that can take it, then on failure the next.'),
});

const models = namedMap(modelId, model).transform((byId) =>
  withoutPrototype(
    Object.fromEntries(
      Object.entries(byId).map(([id, { targets }]) => [
        id,
        { targets: targets.map((each) => ({ ...each, model: each.model ?? id })) },
      ]),
    ),
  ),
);

const application = section({
  apiKeys: z
    .array(secret)
    .min(1)
    .describe(
      'Keys that its clients send as `Authorization: Bearer …`; several, so that they can be rotated. Secret: write `${NAME}`.',
    ),
  models: z
    .array(z.string().min(1))
    .min(1)
    .exactOptional()
    .describe(
      'Models that it may ask for, by the names that callers write; `*` stands for any characters, as in `gpu-box/*`. `GET /v1/models` lists no others, and a request for one is refused with 403 `model_not_allowed`. Default: all.',
    ),
});

const timeouts = section({
  firstTokenMs: durationMs()
    .default(60_000)
    .describe('Streams: from the start of a call to its first output, ms; then the next target is tried.'),
  idleMs: durationMs()
    .default(30_000)
    .describe(
      'Streams: longest silence after the first output, ms; then the stream ends as `stream_interrupted`.',
    ),
  streamMs: durationMs()
    .exactOptional()
    .describe(
      'Streams: from the start of a call to its end, ms; then the stream ends as `stream_interrupted`, however steadily it comes. Default: up to the deadline.',
    ),
  responseMs: durationMs()
    .default(300_000)
    .describe(
      'Non-streams: from the start of a call to the complete answer, ms; then the next target is tried.',
    ),
  totalMs: durationMs()
    .default(570_000)
    .describe(
      'From acceptance to the end of a request, waiting and all targets together, ms; then 504. Below the 600 s at which the SDKs give up. A client may ask for less.',
    ),
});

const queue = section({
  maxWaiting: wholeNumber(1, 10_000_000)
    .default(1000)
    .describe('Requests that may wait per provider; the next one is refused with 429 `queue_full`.'),
  maxRetryDelayMs: durationMs(0)
    .default(30_000)
    .describe(
      'Longest time that a request waits for a busy provider to take calls again, ms, where no other target is left: before its first call, and before each of up to three more. If the provider asks for more, the answer is 429. 0: never waits.',
    ),
});

const requests = section({
  keepMs: durationMs(1_000)
    .default(3_600_000)
    .describe(
      'How long a request that outlives its connection (with an `Idempotency-Key`, or told to continue) can be read after its end, ms. Its prompt is gone at the end, its answer after this time.',
    ),
});

const worker = section({
  drainMs: durationMs(0)
    .default(25_000)
    .describe(
      'Time for calls to finish when a worker is told to stop, ms; then they are aborted and handed back. Keep it below the grace time of what stops it (30 s in Kubernetes).',
    ),
});

/** The whole file. The input is what `substitute` returns; the output is `Config`. */
export const configSchema = section({
  server: server.prefault({}).describe('The HTTP edge; read by the api only.'),
  redis: redis.prefault({}).describe('The one stateful dependency; the same for every process.'),
  providers: providersSchema.describe('Upstream services by name; each has a queue.'),
  models: models.describe('Public model ids and where they are served.'),
  applications: namedMap(simpleName, application).describe(
    'Who may call, by name. None: any key is accepted, and only loopback may be bound.',
  ),
  timeouts: timeouts
    .prefault({})
    .describe('Limits of each request; providers and targets may differ in all but the last.'),
  queue: queue.prefault({}).describe('Limits of waiting.'),
  requests: requests.prefault({}).describe('What is kept of requests; read by the api only.'),
  worker: worker.prefault({}).describe('Read by workers only.'),
});

type DeepReadonly<Value> = Value extends SecretRef
  ? Value
  : Value extends readonly (infer Item)[]
    ? readonly DeepReadonly<Item>[]
    : Value extends object
      ? { readonly [Name in keyof Value]: DeepReadonly<Value[Name]> }
      : Value;

/**
 * A checked configuration with every default filled in. Its maps have no prototype; look names up directly. Secrets
 * are `SecretRef`s.
 */
export type Config = DeepReadonly<z.output<typeof configSchema>>;
export type ProviderConfig = Config['providers'][string];
export type OpenAiCompatibleConfig = Extract<ProviderConfig, { readonly kind: 'openai-compatible' }>;
export type AnthropicConfig = Extract<ProviderConfig, { readonly kind: 'anthropic' }>;
export type GeminiConfig = Extract<ProviderConfig, { readonly kind: 'gemini' }>;
export type BedrockConfig = Extract<ProviderConfig, { readonly kind: 'bedrock' }>;
export type DemoConfig = Extract<ProviderConfig, { readonly kind: 'demo' }>;
export type ModelConfig = Config['models'][string];
export type TargetConfig = ModelConfig['targets'][number];
