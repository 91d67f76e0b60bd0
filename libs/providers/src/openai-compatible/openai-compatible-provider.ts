import type { Dispatcher } from 'undici';
import { ENDPOINTS } from '#core/endpoint.js';
import type { CallFacts } from '#core/failure.js';
import type { CredentialState } from '#core/fleet.js';
import { shardOf } from '#core/ids.js';
import { embed } from '../embeddings.js';
import { DEFAULT_LIMITS, type AnswerLimits } from '../http/answer-limits.js';
import { awaitHead, type Head } from '../http/await-head.js';
import { buildHeaders, findSecrets, mediaType } from '../http/call-headers.js';
import type { Credentials } from '../http/call-headers.js';
import { createDispatcher } from '../http/dispatcher.js';
import type { ProxyEnvironment } from '../http/dispatcher.js';
import { Exchange } from '../http/exchange.js';
import { readBody, readErrorBody } from '../http/read-body.js';
import { readRefusal } from '../http/read-refusal.js';
import { findError, toStatusFacts } from '../http/upstream-error.js';
import { isRecord, parseJson } from '../json.js';
import type { CallEnd, Discovery, Provider, ProviderCall, ProviderFrame } from '../provider.js';
import { relayBody, relayStream } from './relay.js';
import type { RelayContext } from './relay.js';
import { readStopWords } from './stop-words.js';
import { toUpstreamBody, type BodyOptions } from './upstream-body.js';

export interface OpenAiCompatibleOptions extends Credentials, BodyOptions {
  /** The provider's name in the configuration. */
  readonly name: string;
  /** Up to and including the version: `http://10.0.0.5:8000/v1`. A query string is kept on every call. */
  readonly baseUrl: string;
  /** Sockets at once. Default: no limit, as the provider's concurrency bounds the calls. */
  readonly connections?: number | undefined;
  /** Where HTTPS_PROXY, HTTP_PROXY and NO_PROXY are read. Default: no proxy. */
  readonly environment?: ProxyEnvironment | undefined;
  /** Overrides of the bounds on what the upstream may send. */
  readonly limits?: Partial<AnswerLimits> | undefined;
  /** In place of the last part of `baseUrl`; 5xx means that it cannot take calls. Default: none is asked. */
  readonly healthPath?: string | undefined;
  /** It leaves the stop word at the end of the text. Default: false. */
  readonly stopInText?: boolean | undefined;
}

const DISCOVERY_MS = 5_000;

/** Any upstream that speaks OpenAI's API over HTTP: OpenAI, vLLM, llama.cpp, Ollama's /v1, and so on. */
export class OpenAiCompatibleProvider implements Provider {
  private readonly url: URL;
  private readonly dispatcher: Dispatcher;
  private readonly headers: Readonly<Record<string, string>>;
  private readonly limits: AnswerLimits;
  private readonly secrets: readonly string[];
  /** What the upstream last said of our credential; an unreachable one says nothing new. */
  private credential: CredentialState = 'ok';

  /** Throws where `baseUrl` or the proxy variable is not a URL. */
  constructor(private readonly options: OpenAiCompatibleOptions) {
    this.url = new URL(options.baseUrl);
    this.dispatcher = createDispatcher({
      url: this.url,
      connections: options.connections,
      environment: options.environment,
    });
    this.headers = buildHeaders(options);
    this.limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.secrets = findSecrets(options);
  }

  infer(call: ProviderCall, signal: AbortSignal): AsyncGenerator<ProviderFrame, CallEnd, void> {
    if (call.endpoint !== 'embeddings') return this.ask(call, signal);
    return embed(call, (body) => this.ask({ ...call, body }, signal));
  }

  /** One call over HTTP. */
  private async *ask(call: ProviderCall, signal: AbortSignal): AsyncGenerator<ProviderFrame, CallEnd, void> {
    const startedAt = performance.now();
    const exchange = new Exchange(this.dispatcher, this.request(call), signal);
    const { stream } = call;
    try {
      const head = await awaitHead(exchange, call, startedAt);
      if ('ok' in head) return head;
      const facts = await this.readRefusal(exchange, head, stream);
      if (exchange.aborted) return { ok: false, aborted: true, phase: exchange.phase };
      if (facts) return { ok: false, aborted: false, phase: exchange.phase, facts };
      const { limits, secrets } = this;
      const stopWords = this.options.stopInText ? readStopWords(call.body) : [];
      const context: RelayContext = { exchange, call, startedAt, limits, secrets, stopWords };
      return yield* stream ? relayStream(context) : relayBody(context);
    } finally {
      exchange.close();
    }
  }

  async discover(signal: AbortSignal): Promise<Discovery> {
    const deadlineAt = performance.now() + DISCOVERY_MS;
    const found = await this.list(deadlineAt, signal);
    const unready = found.models !== undefined && !(await this.isReady(deadlineAt, signal));
    return { ...found, ...(unready && { unready }) };
  }

  private async list(deadlineAt: number, signal: AbortSignal): Promise<Discovery> {
    const exchange = new Exchange(this.dispatcher, this.get(this.path('/models')), signal);
    try {
      const head = await exchange.next(deadlineAt);
      if (head.kind === 'error') return { credential: this.credential, away: true };
      if (head.kind !== 'head') return { credential: this.credential };
      if (head.status === 401 || head.status === 403) this.credential = 'rejected';
      else if (head.status < 500 && head.status !== 429) this.credential = 'ok';
      if (head.status >= 300) return { credential: this.credential };
      const read = await readBody(exchange, this.limits.bodyBytes, deadlineAt);
      const models = read.kind === 'body' ? readModels(parseJson(read.bytes)) : undefined;
      const isBroker = shardOf(String(head.headers['x-request-id'])) !== undefined;
      return { ...(models && { models }), credential: this.credential, ...(isBroker && { broker: true }) };
    } finally {
      exchange.close();
    }
  }

  /** False only where the server itself says so: whoever has no such path, or is slow, may take calls all the same. */
  private async isReady(deadlineAt: number, signal: AbortSignal): Promise<boolean> {
    const { healthPath } = this.options;
    if (healthPath === undefined) return true;
    const root = this.url.pathname.replace(/\/[^/]*\/*$/, '');
    const exchange = new Exchange(this.dispatcher, this.get(`${root}${healthPath}`), signal);
    try {
      const head = await exchange.next(deadlineAt);
      return head.kind !== 'head' || head.status < 500;
    } finally {
      exchange.release();
    }
  }

  async close(): Promise<void> {
    await this.dispatcher.destroy();
  }

  private get(path: string): Dispatcher.DispatchOptions {
    const headers = { accept: 'application/json', ...this.headers };
    return { origin: this.url.origin, path, method: 'GET', headers };
  }

  private request(call: ProviderCall): Dispatcher.DispatchOptions {
    return {
      origin: this.url.origin,
      path: this.path(ENDPOINTS[call.endpoint].path),
      method: 'POST',
      headers: {
        accept: call.stream ? 'text/event-stream, application/json' : 'application/json',
        'content-type': 'application/json',
        'x-request-id': `${call.request}-${call.epoch}`,
        ...this.headers,
      },
      body: toUpstreamBody(call, this.options),
    };
  }

  private path(suffix: string): string {
    return `${this.url.pathname.replace(/\/+$/, '')}${suffix}${this.url.search}`;
  }

  /** Why the head (and, where it helps, the body) is no answer; undefined where the answer follows. */
  private async readRefusal(exchange: Exchange, head: Head, stream: boolean): Promise<CallFacts | undefined> {
    const { secrets } = this;
    const refusal = await readRefusal(exchange, head, secrets);
    if (refusal) return refusal;
    const malformed = (reason: string): CallFacts => ({ kind: 'malformed', reason });
    const type = mediaType(head.headers);
    if (type === undefined || isMediaType(type, stream)) return undefined;
    if (!stream || !isMediaType(type, false)) return malformed('the response has another content type');
    const value = await readErrorBody(exchange);
    const error = isRecord(value) ? findError(value) : undefined;
    return error
      ? toStatusFacts(error, secrets, { status: head.status })
      : malformed('the response is not an event stream');
  }
}

function isMediaType(type: string, stream: boolean): boolean {
  return stream ? type === 'text/event-stream' : type === 'application/json' || type.endsWith('+json');
}

/** `{data: [{id}]}` as OpenAI has it, and a bare list; undefined for anything else. */
function readModels(value: unknown): readonly string[] | undefined {
  const list = isRecord(value) ? value['data'] : value;
  if (!Array.isArray(list)) return undefined;
  return list.flatMap((item) => (isRecord(item) && typeof item['id'] === 'string' ? [item['id']] : []));
}
