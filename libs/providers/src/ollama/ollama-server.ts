import type { Dispatcher } from 'undici';
import { buildHeaders, findSecrets, type Credentials } from '../http/call-headers.js';
import { createDispatcher, type ProxyEnvironment } from '../http/dispatcher.js';
import { Exchange, type ResponseHeaders } from '../http/exchange.js';
import { readBody } from '../http/read-body.js';
import { parseJson } from '../json.js';

export interface ServerOptions extends Credentials {
  /** Root of the server: `http://127.0.0.1:11434`. */
  readonly baseUrl: string;
  /** Where HTTPS_PROXY, HTTP_PROXY and NO_PROXY are read. Default: no proxy. */
  readonly environment?: ProxyEnvironment | undefined;
}

/** What a question was answered with. `away`: nobody is there. */
export type JsonAnswer =
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers: ResponseHeaders;
      readonly value: unknown;
    }
  | { readonly kind: 'away' }
  | { readonly kind: 'slow' };

/** Longest list of models, bytes. */
const LIST_BYTES = 8 * 1024 * 1024;

/** The connections to one Ollama, and how it is spoken to. */
export class OllamaServer {
  /** What must not appear in the words of an error. */
  readonly secrets: readonly string[];
  private readonly url: URL;
  private readonly dispatcher: Dispatcher;
  private readonly headers: Readonly<Record<string, string>>;

  /** Throws where `baseUrl` or the proxy variable is not a URL. */
  constructor(options: ServerOptions) {
    this.url = new URL(options.baseUrl);
    this.dispatcher = createDispatcher({ url: this.url, environment: options.environment });
    this.headers = buildHeaders(options);
    this.secrets = findSecrets(options);
  }

  /** Sends a body; what comes back is for the caller to read. */
  post(
    path: string,
    body: object,
    signal: AbortSignal,
    headers: Readonly<Record<string, string>> = {},
  ): Exchange {
    const json = { 'content-type': 'application/json', ...headers };
    const options = { ...this.request('POST', path, json), body: JSON.stringify(body) };
    return new Exchange(this.dispatcher, options, signal);
  }

  /** Asks for a list. Never rejects. */
  async ask(path: string, signal: AbortSignal, timeoutMs: number): Promise<JsonAnswer> {
    const deadlineAt = performance.now() + timeoutMs;
    const exchange = new Exchange(this.dispatcher, this.request('GET', path, {}), signal);
    try {
      const head = await exchange.next(deadlineAt);
      if (head.kind === 'error') return { kind: 'away' };
      if (head.kind !== 'head') return { kind: 'slow' };
      const read = await readBody(exchange, LIST_BYTES, deadlineAt);
      const value = read.kind === 'body' ? parseJson(read.bytes) : undefined;
      return { kind: 'answer', status: head.status, headers: head.headers, value };
    } finally {
      exchange.close();
    }
  }

  async close(): Promise<void> {
    await this.dispatcher.destroy();
  }

  private request(
    method: 'GET' | 'POST',
    path: string,
    headers: Readonly<Record<string, string>>,
  ): Dispatcher.DispatchOptions {
    return {
      origin: this.url.origin,
      path: `${this.url.pathname.replace(/\/+$/, '')}${path}`,
      method,
      headers: { accept: 'application/x-ndjson, application/json', ...headers, ...this.headers },
    };
  }
}
