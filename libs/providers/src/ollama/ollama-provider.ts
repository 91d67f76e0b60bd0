import type { CredentialState } from '#core/fleet.js';
import type { CallFacts } from '#core/failure.js';
import { shardOf } from '#core/ids.js';
import type { Location } from '#core/target.js';
import { embed } from '../embeddings.js';
import { DEFAULT_LIMITS, type AnswerLimits } from '../http/answer-limits.js';
import { relayAnswer } from '../http/answer-stream.js';
import { awaitHead } from '../http/await-head.js';
import { mediaType } from '../http/call-headers.js';
import type { Exchange } from '../http/exchange.js';
import { readRefusal } from '../http/read-refusal.js';
import type { CallEnd, Discovery, Provider, ProviderCall, ProviderFrame, ProviderLog } from '../provider.js';
import { RequestError } from '../request-error.js';
import { createHead } from './answer.js';
import { LineStream } from './line-stream.js';
import { isCloudName, normalizeName } from './model-name.js';
import { OllamaServer, type ServerOptions } from './ollama-server.js';
import { Pulls } from './pulls.js';
import { readModels } from './read-models.js';
import { relayAnswerBody, relayEmbeddings } from './relay-body.js';
import { Residency } from './residency.js';
import { toRequest, type OllamaDefaults, type OllamaRequest } from './to-request.js';
import { REFUSES_THINKING, type Think } from './to-thinking.js';
import { waitAtMost } from './wait-at-most.js';

export interface OllamaOptions extends ServerOptions {
  /** The provider's name in the configuration. */
  readonly name: string;
  /** `local`: models that the server only passes on to a cloud are not offered, and refused. */
  readonly location: Location;
  /** What is added to calls that do not say otherwise. */
  readonly defaults?: OllamaDefaults | undefined;
  /**
   * Streams: from the start of a call to its first output where the model is not loaded yet, ms. Default: 120 000, or
   * `firstTokenMs` where that is more.
   */
  readonly coldStartMs?: number | undefined;
  /** May missing models be fetched, and which? Default: none. */
  readonly pull?: boolean | readonly string[] | undefined;
  /** Overrides of the bounds on what the upstream may send. */
  readonly limits?: Partial<AnswerLimits> | undefined;
  readonly log?: ProviderLog | undefined;
}

const COLD_START_MS = 120_000;
const DISCOVERY_MS = 5_000;
/** What is loaded is asked before a call: a server that is slow to say so must not hold the call up. */
const RESIDENCY_MS = 1_000;
/** When whoever could not wait for a model to be pulled may look again, ms. */
const PULL_AGAIN_MS = 5_000;

type Answer = AsyncGenerator<ProviderFrame, CallEnd, void>;
type Failed = Extract<CallEnd, { readonly ok: false }>;

/** One try at a call: the answer has begun, or there is none. */
type Begun = { readonly exchange: Exchange } | { readonly failed: Failed; readonly facts?: CallFacts };

/** An Ollama server, over its own API. */
export class OllamaProvider implements Provider {
  private readonly server: OllamaServer;
  private readonly limits: AnswerLimits;
  private readonly residency: Residency;
  private readonly pulls: Pulls;
  private readonly closing = new AbortController();
  /** Of the values for `think`, how many of the first ones a model has refused. */
  private readonly refused = new Map<string, number>();
  /** Models that the server passes on to a cloud, as it said last. */
  private remote: ReadonlySet<string> = new Set();
  /** It was asked for its models, and answered. */
  private hasAnswered = false;
  private credential: CredentialState = 'ok';

  /** Throws where `baseUrl` or the proxy variable is not a URL. */
  constructor(private readonly options: OllamaOptions) {
    const { name: provider, pull: allowed = false, log = SILENT } = options;
    const server = new OllamaServer(options);
    this.server = server;
    this.limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.residency = new Residency(() => this.readLoaded());
    this.pulls = new Pulls({ provider, allowed, server, log });
  }

  infer(call: ProviderCall, signal: AbortSignal): Answer {
    if (call.endpoint !== 'embeddings') return this.ask(call, signal);
    return embed(call, (body) => this.ask({ ...call, body }, signal));
  }

  private async *ask(call: ProviderCall, signal: AbortSignal): Answer {
    const startedAt = performance.now();
    if (!(await this.isListed(signal))) return signal.aborted ? LEFT_EARLY : NOT_LISTED;
    const request = this.translate(call);
    if ('ok' in request) return request;
    const loading = await this.awaitLoading(call, signal);
    const timed = { ...call, timeouts: { ...call.timeouts, firstTokenMs: loading.firstTokenMs } };
    try {
      const begun = await this.begin(timed, { request, startedAt, signal });
      if ('failed' in begun) return begun.failed;
      try {
        return yield* watch(this.relay(timed, begun.exchange, startedAt), loading.over);
      } finally {
        begun.exchange.close();
      }
    } finally {
      loading.over();
    }
  }

  async discover(signal: AbortSignal): Promise<Discovery> {
    const [tags] = await Promise.all([
      this.server.ask('/api/tags', signal, DISCOVERY_MS),
      this.residency.refresh(),
    ]);
    if (tags.kind === 'away') return { credential: this.credential, away: true };
    if (tags.kind === 'slow') return { credential: this.credential };
    this.hasAnswered = true;
    const { status, headers, value } = tags;
    if (status === 401 || status === 403) this.credential = 'rejected';
    else if (status < 500 && status !== 429) this.credential = 'ok';
    const listed = status < 300 ? readModels(value) : undefined;
    const isBroker = shardOf(String(headers['x-request-id'])) !== undefined;
    if (!listed) return { credential: this.credential, ...(isBroker && { broker: true }) };
    this.remote = new Set(listed.filter(({ isRemote }) => isRemote).map(({ name }) => normalizeName(name)));
    const models = listed.map(({ name }) => name).filter((name) => !this.isForeign(name));
    const loaded = this.residency.names;
    return {
      ...{ models, credential: this.credential },
      ...(loaded && { loaded }),
      ...(isBroker && { broker: true }),
    };
  }

  async close(): Promise<void> {
    this.closing.abort();
    this.pulls.close();
    await this.server.close();
  }

  /** Before its first list nobody knows which models of a local server run elsewhere; one that is away says so itself. */
  private async isListed(signal: AbortSignal): Promise<boolean> {
    if (this.options.location !== 'local' || this.hasAnswered) return true;
    return (await this.discover(signal)).away === true || this.hasAnswered;
  }

  /** The call in Ollama's terms, or why it has none. */
  private translate(call: ProviderCall): OllamaRequest | Failed {
    const notSent = (facts: CallFacts): Failed => ({ ok: false, aborted: false, phase: 'not_sent', facts });
    if (this.isForeign(call.model)) {
      const message = 'This server would pass the prompt on to a cloud, and it is configured as a local one.';
      return notSent({ kind: 'status', status: 404, message });
    }
    try {
      return toRequest(call, this.options.defaults ?? {});
    } catch (error) {
      if (error instanceof RequestError) return notSent(error.facts);
      throw error;
    }
  }

  /** Would a prompt for this model leave the machines that the configuration calls local? */
  private isForeign(model: string): boolean {
    if (this.options.location !== 'local') return false;
    return isCloudName(model) || this.remote.has(normalizeName(model));
  }

  /** How long the first output may take, and what to call once it is there. */
  private async awaitLoading({ model, stream, timeouts }: ProviderCall, signal: AbortSignal) {
    const { firstTokenMs } = timeouts;
    const { coldStartMs = Math.max(COLD_START_MS, firstTokenMs) } = this.options;
    // Without a stream there is no timer for the first output.
    const warm = { firstTokenMs, over: () => undefined };
    if (!stream) return warm;
    const loaded = await waitAtMost(this.residency.isLoaded(model), RESIDENCY_MS, signal);
    if (loaded === true) return warm;
    return { firstTokenMs: coldStartMs, over: this.residency.beginLoading(model) };
  }

  /** Calls until an answer begins: again where the model was missing and is pulled, or does not know the `think`. */
  private async begin(
    call: ProviderCall,
    { request, startedAt, signal }: { request: OllamaRequest; startedAt: number; signal: AbortSignal },
  ): Promise<Begun> {
    const { thinking } = request;
    const known = normalizeName(call.model);
    const isDefault = thinking.at(-1) === undefined;
    // Remembered for the defaults only: what a caller asks for is to be tried, as models are replaced.
    let at = isDefault ? Math.min(this.refused.get(known) ?? 0, thinking.length - 1) : 0;
    for (let isPulled = false; ;) {
      const begun = await this.try(call, { ...request, think: thinking[at], startedAt, signal });
      if (!('facts' in begun) || begun.facts?.kind !== 'status') return begun;
      const { status, message = '' } = begun.facts;
      if (status === 400 && REFUSES_THINKING.test(message) && at + 1 < thinking.length) {
        at++;
        if (isDefault) this.refused.set(known, at);
      } else if (status === 404 && !isPulled && this.pulls.allows(call.model)) {
        const failed = await this.pull(call, startedAt, signal);
        if (failed) return { failed };
        isPulled = true;
      } else return begun;
    }
  }

  private async try(
    call: ProviderCall,
    { path, body, think, startedAt, signal }: Omit<OllamaRequest, 'thinking'> & TryOptions,
  ): Promise<Begun> {
    const json = { ...body, ...(think !== undefined && { think }) };
    const id = { 'x-request-id': `${call.request}-${call.epoch}` };
    const exchange = this.server.post(path, json, signal, id);
    const head = await awaitHead(exchange, call, startedAt);
    if ('ok' in head) {
      exchange.close();
      return { failed: head };
    }
    const facts =
      (await readRefusal(exchange, head, this.server.secrets)) ?? refuseType(mediaType(head.headers));
    const { phase, aborted } = exchange;
    if (!facts && !aborted) return { exchange };
    exchange.close();
    if (aborted || !facts) return { failed: { ok: false, aborted: true, phase } };
    return { failed: { ok: false, aborted: false, phase, facts }, facts };
  }

  private relay(call: ProviderCall, exchange: Exchange, startedAt: number): Answer {
    const { endpoint, model, timeouts } = call;
    const { limits } = this;
    const { secrets } = this.server;
    const wire = {
      exchange,
      deadlineAt: startedAt + timeouts.responseMs,
      maxBytes: limits.bodyBytes,
      secrets,
    };
    if (endpoint === 'embeddings') return relayEmbeddings(wire, model);
    const head = createHead(endpoint === 'chat' ? 'chat' : 'completions', model);
    if (!call.stream) return relayAnswerBody(wire, head);
    const stream = new LineStream({
      ...{ head, secrets, includeUsage: call.includeUsage },
      maxLineLength: limits.eventLength,
      maxStreamBytes: limits.streamBytes,
    });
    return relayAnswer(stream, { exchange, startedAt, timeouts });
  }

  /** Undefined once the model is there. The pull goes on without the call if that cannot wait any longer. */
  private async pull(
    call: ProviderCall,
    startedAt: number,
    signal: AbortSignal,
  ): Promise<Failed | undefined> {
    const { firstTokenMs, responseMs } = call.timeouts;
    const leftMs = startedAt + (call.stream ? firstTokenMs : responseMs) - performance.now();
    const waited = await waitAtMost(this.pulls.pull(call.model, startedAt), leftMs, signal);
    if (waited === 'aborted') return { ok: false, aborted: true, phase: 'headers' };
    const failed = (facts: CallFacts): Failed => ({ ok: false, aborted: false, phase: 'headers', facts });
    if (waited !== 'timeout') return waited.ok ? undefined : failed(waited.facts);
    return failed({ kind: 'preparing', reason: 'the model is being pulled', retryAfterMs: PULL_AGAIN_MS });
  }

  private async readLoaded(): Promise<readonly string[] | undefined> {
    const answer = await this.server.ask('/api/ps', this.closing.signal, RESIDENCY_MS);
    if (answer.kind !== 'answer' || answer.status !== 200) return undefined;
    return readModels(answer.value)?.map(({ name }) => name);
  }
}

interface TryOptions {
  readonly think: Think;
  readonly startedAt: number;
  readonly signal: AbortSignal;
}

const LEFT_EARLY: Failed = { ok: false, aborted: true, phase: 'not_sent' };
const NOT_LISTED: Failed = {
  ...{ ok: false, aborted: false, phase: 'not_sent' },
  facts: { kind: 'preparing', reason: 'its models are not known yet', retryAfterMs: 1_000 },
};

const SILENT: ProviderLog = { info: () => undefined, warn: () => undefined };

function refuseType(type: string | undefined): CallFacts | undefined {
  if (type === undefined || /^application\/(x-ndjson|json)$/.test(type)) return undefined;
  return { kind: 'malformed', reason: 'the response has another content type' };
}

/** Passes an answer on, and says when its first output has come. */
async function* watch(answer: Answer, onOutput: () => void): Answer {
  for (;;) {
    const step = await answer.next();
    if (step.done) return step.value;
    if (step.value.output) onOutput();
    yield step.value;
  }
}
