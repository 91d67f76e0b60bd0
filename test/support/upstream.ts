import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { answer, modelList } from './upstream-behaviours.js';
import type { Behaviour } from './upstream-behaviours.js';
import { LiveCall } from './upstream-call.js';
import type { UpstreamCall } from './upstream-call.js';

/** Which calls a behaviour is for: by model, or by text anywhere in the body (concurrent tests mark their prompts). */
export interface CallMatch {
  readonly model?: string;
  readonly marker?: string;
}

/** Where models are asked, whatever the base URL. */
const ENDPOINT = /\/(chat\/completions|completions|embeddings|moderations|rerank)(\?|$)/;

/** Waits give up after this, ms. */
const WAIT_MS = 5_000;

/**
 * An OpenAI-compatible upstream on loopback that does what the test scripts, and remembers what it was asked and
 * when it was hung up on.
 */
export class Upstream {
  /** All calls of models, whichever the endpoint, in the order of their arrival, once their body was whole. */
  readonly calls: UpstreamCall[] = [];
  /** Requests for the model list. */
  modelCalls = 0;
  /** What `GET /health` answers; beside the API's root, not under it. */
  healthStatus = 404;
  private queue: Behaviour[] = [];
  private matches: { readonly match: CallMatch; readonly behaviours: Behaviour[] }[] = [];
  private fallback: Behaviour = answer('Hello from the upstream');
  private listing: Behaviour = modelList('upstream-model');
  private readonly connections = new WeakMap<Socket, number>();
  private connectionCount = 0;
  private readonly watchers = new Set<() => void>();

  constructor(protected readonly server: Server) {
    server.on('connection', (socket) => {
      this.connections.set(socket, ++this.connectionCount);
      // Dropped connections are the point of this server.
      socket.on('error', () => undefined);
      socket.setNoDelay(true);
    });
    server.on('request', (request, response) => void this.serve(request, response));
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** `http://127.0.0.1:<port>/v1` */
  get baseUrl(): string {
    return `http://127.0.0.1:${this.port}/v1`;
  }

  /** The next calls that nothing else matches, one behaviour each; then the default again. */
  script(...behaviours: readonly Behaviour[]): void {
    this.queue.push(...behaviours);
  }

  /** The calls that match, one behaviour each; the last one repeats. Earlier matches come first. */
  when(match: CallMatch, ...behaviours: readonly Behaviour[]): void {
    this.matches.push({ match, behaviours: [...behaviours] });
  }

  /** What happens to calls that were not scripted. At first: `Hello from the upstream`, as a chat completion. */
  otherwise(behaviour: Behaviour): void {
    this.fallback = behaviour;
  }

  /** What `GET /models` does from now on. At first: one model, `upstream-model`. */
  scriptModels(behaviour: Behaviour): void {
    this.listing = behaviour;
  }

  /** The n-th call, from 1. */
  async waitForCall(number: number, timeoutMs = WAIT_MS): Promise<UpstreamCall> {
    return this.waitFor(() => this.calls[number - 1], `call ${number}`, timeoutMs);
  }

  /** When the client of this call closed before the answer was through, Unix ms. */
  async waitForHangUp(call: UpstreamCall, timeoutMs = WAIT_MS): Promise<number> {
    return this.waitFor(() => call.hungUpAt, `a hang-up on call ${call.number}`, timeoutMs);
  }

  /** When our side was through with the call, or its connection closed, Unix ms. */
  async waitForEnd(call: UpstreamCall, timeoutMs = WAIT_MS): Promise<number> {
    return this.waitFor(() => call.endedAt, `the end of call ${call.number}`, timeoutMs);
  }

  /** Calls that are neither answered nor closed. */
  get inFlight(): number {
    return this.calls.filter((call) => call.endedAt === undefined).length;
  }

  async close(): Promise<void> {
    if (!this.server.listening) return;
    this.server.close();
    this.server.closeAllConnections();
    await once(this.server, 'close');
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(request);
    if (!body) return;
    const path = request.url ?? '';
    if (request.method !== 'POST' || !this.isModelCall(path)) {
      const call = new LiveCall(toRecord(0, request, body, 0), response, this.changed);
      await this.answerOther(call, request.method ?? '', path);
      return;
    }
    const connection = this.connections.get(request.socket) ?? 0;
    const record = toRecord(this.calls.length + 1, request, body, connection);
    this.calls.push(record);
    const call = new LiveCall(record, response, this.changed);
    const behaviour = this.choose(record);
    this.changed();
    await this.perform(call, behaviour);
    if (response.writableFinished) record.endedAt ??= Date.now();
    this.changed();
  }

  /** Is a POST to this path a call of a model? */
  protected isModelCall(path: string): boolean {
    return ENDPOINT.test(path);
  }

  /** Everything but the calls of models. */
  protected async answerOther(call: LiveCall, method: string, path: string): Promise<void> {
    if (method === 'GET' && path === '/health') {
      call.response.writeHead(this.healthStatus).end('{}');
      return;
    }
    if (method !== 'GET' || !/\/models(\?|$)/.test(path)) {
      call.response.writeHead(404).end();
      return;
    }
    this.modelCalls++;
    await this.listing(call);
  }

  /** One call of a model. */
  protected async perform(call: LiveCall, behaviour: Behaviour): Promise<void> {
    await behaviour(call);
  }

  private choose(call: UpstreamCall): Behaviour {
    const matching = this.matches.find(({ match, behaviours }) => behaviours.length > 0 && fits(match, call));
    if (!matching) return this.queue.shift() ?? this.fallback;
    const [first, ...rest] = matching.behaviours;
    if (rest.length > 0) matching.behaviours.shift();
    return first ?? this.fallback;
  }

  protected readonly changed = (): void => {
    for (const watcher of this.watchers) watcher();
  };

  protected waitFor<Value>(look: () => Value | undefined, what: string, timeoutMs: number): Promise<Value> {
    return new Promise((resolve, reject) => {
      const stop = () => {
        clearTimeout(timer);
        this.watchers.delete(watcher);
      };
      const watcher = () => {
        const value = look();
        if (value === undefined) return;
        stop();
        resolve(value);
      };
      const timer = setTimeout(() => {
        stop();
        reject(
          new Error(
            `The upstream did not see ${what} within ${timeoutMs} ms (${this.calls.length} calls so far).`,
          ),
        );
      }, timeoutMs);
      this.watchers.add(watcher);
      watcher();
    });
  }
}

/** Starts an upstream on a free port of 127.0.0.1, or on `port` and on another address of this machine. */
export async function startUpstream({ port = 0, host = '127.0.0.1' } = {}): Promise<Upstream> {
  const server = createServer({ keepAliveTimeout: 60_000 });
  const upstream = new Upstream(server);
  server.listen(port, host);
  await once(server, 'listening');
  return upstream;
}

/** The whole body, or undefined where the client went before. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const pieces: Buffer[] = [];
  try {
    for await (const piece of request) pieces.push(piece as Buffer);
    return Buffer.concat(pieces);
  } catch {
    return undefined;
  }
}

function toRecord(number: number, request: IncomingMessage, body: Buffer, connection: number): UpstreamCall {
  const json = parseObject(body);
  return {
    number,
    headers: request.headers,
    body,
    json,
    model: typeof json?.['model'] === 'string' ? json['model'] : undefined,
    stream: json?.['stream'] === true,
    path: request.url ?? '',
    connection,
    from: request.socket.remoteAddress ?? '',
    startedAt: Date.now(),
  };
}

function parseObject(body: Buffer): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(body.toString());
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

function fits({ model, marker }: CallMatch, call: UpstreamCall): boolean {
  return (
    (model === undefined || call.model === model) && (marker === undefined || call.body.includes(marker))
  );
}
