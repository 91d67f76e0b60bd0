import type { SharedV4Warning } from '@ai-sdk/provider';
import type { Dispatcher } from 'undici';
import type { CallFacts } from '#core/failure.js';
import type { CredentialState } from '#core/fleet.js';
import { DEFAULT_LIMITS, type AnswerLimits } from '../http/answer-limits.js';
import { createDispatcher, type ProxyEnvironment } from '../http/dispatcher.js';
import { Exchange } from '../http/exchange.js';
import { readBody } from '../http/read-body.js';
import { buildHeaders, findSecrets } from '../http/call-headers.js';
import { isRecord, parseJson } from '../json.js';
import type { CallEnd, Discovery, Provider, ProviderCall, ProviderFrame } from '../provider.js';
import { embedAll, spentOn, toEmbeddingBody, toEmbedOptions, type Embedded } from './embeddings.js';
import { isCallable } from './kinds.js';
import { modelListing } from './model-list.js';
import { PartStream } from './part-stream.js';
import { RequestError } from '../request-error.js';
import { toErrorFacts, toUnsentFacts } from './sdk-error.js';
import { loadSdkModels, type AiSdkAccount, type SdkModels } from './sdk-models.js';
import { toBody } from './to-body.js';
import { toCallOptions } from './to-call-options.js';
import { WireCall } from './wire-call.js';

export type AiSdkOptions = AiSdkAccount & {
  /** The provider's name in the configuration. */
  readonly name: string;
  /** The root of its API with the version. Default: the provider's own. */
  readonly baseUrl?: string | undefined;
  /** Fixed request headers; they win over our own, but cannot change how the body is framed. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Where the body does not say how long the answer may be. Default: the provider's, or the model's most. */
  readonly maxTokens?: number | undefined;
  /** Options of the AI SDK's package for every call, as `safetySettings`. */
  readonly providerOptions?: Readonly<Record<string, unknown>> | undefined;
  /** Sockets at once. Default: no limit, as the provider's concurrency bounds the calls. */
  readonly connections?: number | undefined;
  /** Where HTTPS_PROXY, HTTP_PROXY and NO_PROXY are read. Default: no proxy. */
  readonly environment?: ProxyEnvironment | undefined;
  /** Overrides of the bounds on what the upstream may send. */
  readonly limits?: Partial<AnswerLimits> | undefined;
  /** Told once of each thing that the AI SDK leaves out or changes. Default: nobody is. */
  readonly warn?: ((warning: FeatureWarning) => void) | undefined;
};

/** Nothing in it comes from a prompt. */
export interface FeatureWarning {
  readonly provider: string;
  /** As the AI SDK calls it: `seed`, `temperature`. */
  readonly feature: string;
}

/** An event ends where the AI SDK gives the next part, which may be several of the upstream's later. */
const LIMITS: AnswerLimits = { ...DEFAULT_LIMITS, eventLength: 8 * 1024 * 1024 };

const DISCOVERY_MS = 5_000;

const DONE = Buffer.from('data: [DONE]\n\n');

const NO_SUCH_MODEL: CallEnd = {
  ok: false,
  aborted: false,
  phase: 'not_sent',
  facts: { kind: 'status', status: 404, message: 'No model has such a name.' },
};

type Answer = AsyncGenerator<ProviderFrame, CallEnd, void>;

/** Anthropic, Gemini and Bedrock: OpenAI's API on this side, the AI SDK's model on the other, our HTTP under it. */
export class AiSdkProvider implements Provider {
  private readonly url: URL;
  private readonly dispatcher: Dispatcher;
  private readonly headers: Readonly<Record<string, string>>;
  private readonly secrets: readonly string[];
  private readonly models: Promise<SdkModels>;
  private readonly warned = new Set<string>();
  /** What the upstream last said of our credential; an unreachable one says nothing new. */
  private credential: CredentialState = 'ok';

  /** Throws where `baseUrl` or the proxy variable is not a URL. */
  constructor(private readonly options: AiSdkOptions) {
    const { connections, environment } = options;
    this.url = new URL(options.baseUrl ?? defaultBaseUrl(options));
    this.dispatcher = createDispatcher({ url: this.url, connections, environment });
    this.headers = buildHeaders({ headers: options.headers });
    this.secrets = secretsOf(options);
    this.models = loadSdkModels(options, this.baseUrl);
    // Whoever calls is told; nobody may call before the process ends.
    this.models.catch(() => undefined);
  }

  async *infer(call: ProviderCall, signal: AbortSignal): Answer {
    if (!isCallable(this.options.kind, call.model)) return NO_SUCH_MODEL;
    const wire = this.wire(call, signal);
    try {
      switch (call.endpoint) {
        case 'chat':
          return yield* call.stream ? this.stream(call, wire, signal) : this.generate(call, wire, signal);
        case 'embeddings':
          return yield* this.embed(call, wire, signal);
        case 'completions':
        case 'moderations':
        case 'rerank':
          throw new RequestError('model', `the provider has no ${call.endpoint}`);
      }
    } catch (error) {
      return this.failed(error, wire, signal);
    } finally {
      wire.close();
    }
  }

  async discover(signal: AbortSignal): Promise<Discovery> {
    const listing = modelListing(this.options);
    if (!listing) return { credential: this.credential };
    const request = {
      origin: this.url.origin,
      path: this.url.pathname.replace(/\/+$/, '') + listing.path,
      method: 'GET',
      headers: { accept: 'application/json', ...listing.headers, ...this.headers },
    } as const;
    const deadlineAt = performance.now() + DISCOVERY_MS;
    const exchange = new Exchange(this.dispatcher, request, signal);
    try {
      const head = await exchange.next(deadlineAt);
      if (head.kind === 'error') return { credential: this.credential, away: true };
      if (head.kind !== 'head') return { credential: this.credential };
      const limit = this.limits.bodyBytes;
      const read = await readBody(exchange, limit, deadlineAt);
      const value = read.kind === 'body' ? parseJson(read.bytes) : undefined;
      this.noteCredential(head.status, value);
      const models = head.status < 300 ? listing.read(value) : undefined;
      return { ...(models && { models }), credential: this.credential };
    } finally {
      exchange.close();
    }
  }

  async close(): Promise<void> {
    await this.dispatcher.destroy();
  }

  private async *stream(call: ProviderCall, wire: WireCall, signal: AbortSignal): Answer {
    const { fetch } = wire;
    const chat = (await this.models).chat(call.model, fetch);
    const { stream } = await chat.doStream(this.toOptions(call));
    const parts = new PartStream({
      ...this.headOf(call),
      kind: this.options.kind,
      model: call.model,
      includeUsage: call.includeUsage,
      secrets: this.secrets,
    });
    const counted = () => ({
      ...(parts.received.deltas > 0 && { received: parts.received }),
      ...(parts.usage && { usage: parts.usage }),
    });
    const reader = stream.getReader();
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return { ...this.end({ kind: 'truncated' }, wire, signal), ...counted() };
        wire.notePart();
        for (const step of parts.take(value)) {
          wire.outputSeen ||= parts.outputSeen;
          if (step.kind === 'warnings') this.warn(step.warnings);
          if (step.kind === 'failed') return { ...this.end(step.facts, wire, signal), ...counted() };
          if (step.kind === 'frame') yield step.frame;
          if (step.kind !== 'complete') continue;
          wire.release();
          yield { bytes: DONE, output: false, last: true };
          return { ok: true, ...(parts.usage ? { usage: parts.usage } : { received: parts.received }) };
        }
        // How the stream ended may be known already; that it was cancelled comes first.
        if (signal.aborted) return { ...this.end(undefined, wire, signal), ...counted() };
      }
    } catch (error) {
      return { ...this.failed(error, wire, signal), ...counted() };
    } finally {
      // The socket is closed by then; what is left in the pipes is nobody's.
      reader.cancel().catch(() => undefined);
    }
  }

  private async *generate(call: ProviderCall, wire: WireCall, signal: AbortSignal): Answer {
    const chat = (await this.models).chat(call.model, wire.fetch);
    const result = await chat.doGenerate(this.toOptions(call));
    this.warn(result.warnings);
    const { kind } = this.options;
    const answer = toBody(result, { kind, model: call.model }, this.headOf(call));
    const usage = answer.usage && { usage: answer.usage };
    if (answer.kind === 'failed') return { ...this.end(answer.facts, wire, signal), ...usage };
    yield { bytes: answer.bytes, output: true };
    return { ok: true, ...(usage ?? { received: answer.received }) };
  }

  private async *embed(call: ProviderCall, wire: WireCall, signal: AbortSignal): Answer {
    const { kind } = this.options;
    const { model } = call;
    const body = parseBody(call.body);
    const embedder = (await this.models).embedding?.(model, wire.fetch);
    if (!embedder) throw new RequestError('model', 'the provider has no embeddings');
    const options = toEmbedOptions(body, { kind, model });
    const embedded: Embedded = { embeddings: [], tokens: undefined };
    try {
      await embedAll(embedder, options, embedded);
    } catch (error) {
      return { ...this.failed(error, wire, signal), ...spentOn(embedded) };
    }
    yield { bytes: toEmbeddingBody(embedded, { model, body, bytes: call.body }), output: true };
    return { ok: true, ...spentOn(embedded) };
  }

  private toOptions({ body, model }: ProviderCall) {
    const { kind, maxTokens, providerOptions } = this.options;
    return toCallOptions(parseBody(body), { kind, model, maxTokens, providerOptions });
  }

  private headOf({ request, epoch }: ProviderCall) {
    return { id: `chatcmpl-${request}-${epoch}`, created: Math.floor(Date.now() / 1000) };
  }

  private wire({ request, epoch, stream, timeouts }: ProviderCall, signal: AbortSignal): WireCall {
    const { dispatcher, secrets, limits } = this;
    const headers = { 'x-request-id': `${request}-${epoch}`, ...this.headers };
    const { origin } = this.url;
    const { kind } = this.options;
    return new WireCall({ kind, dispatcher, origin, headers, stream, timeouts, limits, secrets }, signal);
  }

  private get limits(): AnswerLimits {
    return { ...LIMITS, ...this.options.limits };
  }

  private get baseUrl(): string {
    return this.url.href.replace(/\/+$/, '');
  }

  /** What went wrong inside the AI SDK, or under it: HTTP's own view comes first. */
  private failed(error: unknown, wire: WireCall, signal: AbortSignal): CallEnd {
    const facts =
      wire.phase === 'not_sent' ? toUnsentFacts(error, this.secrets) : toErrorFacts(error, this.secrets);
    return this.end(wire.facts ?? facts, wire, signal);
  }

  private end(facts: CallFacts | undefined, { phase }: WireCall, signal: AbortSignal): CallEnd {
    if (signal.aborted || !facts) return { ok: false, aborted: true, phase };
    return { ok: false, aborted: false, phase, facts };
  }

  private warn(warnings: readonly SharedV4Warning[]): void {
    for (const warning of warnings) {
      const feature =
        'feature' in warning ? warning.feature : 'setting' in warning ? warning.setting : 'other';
      if (this.warned.has(feature)) continue;
      this.warned.add(feature);
      this.options.warn?.({ provider: this.options.name, feature });
    }
  }

  private noteCredential(status: number, body: unknown): void {
    // Google says 400 of a key that is none.
    const isBadKey = status === 400 && JSON.stringify(body ?? null).includes('API_KEY_INVALID');
    if (status === 401 || status === 403 || isBadKey) this.credential = 'rejected';
    else if (status < 500 && status !== 429) this.credential = 'ok';
  }
}

function parseBody(bytes: Buffer): Readonly<Record<string, unknown>> {
  const value = parseJson(bytes);
  return isRecord(value) ? value : {};
}

function defaultBaseUrl(options: AiSdkAccount): string {
  switch (options.kind) {
    case 'anthropic':
      return 'https://api.anthropic.com/v1';
    case 'gemini':
      return 'https://generativelanguage.googleapis.com/v1beta';
    case 'bedrock': {
      const suffix = options.region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
      return `https://bedrock-runtime.${options.region}.${suffix}`;
    }
  }
}

/** Everything that lets us in. */
function secretsOf(options: AiSdkOptions): readonly string[] {
  const { accessKeyId, secretAccessKey, sessionToken } =
    options.kind === 'bedrock' ? options : ({} as Partial<Extract<AiSdkAccount, { kind: 'bedrock' }>>);
  const keys = [accessKeyId, secretAccessKey, sessionToken].filter((key) => key !== undefined);
  return [...findSecrets(options), ...keys].toSorted((a, b) => b.length - a.length);
}
