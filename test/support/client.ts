import { once } from 'node:events';
import { Agent, request } from 'node:http';
import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { connect } from 'node:net';

/** Waits give up after this, ms. */
const WAIT_MS = 15_000;

export interface SendOptions {
  /** Default: POST with a body, else GET. */
  readonly method?: string;
  /** An object is sent as JSON; bytes and text are sent as they are. */
  readonly body?: Buffer | string | object;
  readonly headers?: Readonly<Record<string, string>>;
  /** Default: a connection of its own. */
  readonly agent?: Agent;
}

/** One line of an event stream that means something, in the order of arrival. */
export interface SseItem {
  readonly kind: 'event' | 'comment';
  /** The data of an event; the text of a comment without its colon and blank. */
  readonly text: string;
  /** ms after the request was sent. */
  readonly atMs: number;
  /** Of an event that came with one. */
  readonly id?: string;
}

/** A response as it came over the wire. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** What came as headers behind the body. */
  readonly trailers: Readonly<Record<string, string | undefined>>;
  readonly body: Buffer;
  readonly text: string;
  /** Empty unless it is an event stream. */
  readonly items: readonly SseItem[];
  /** The data of the events among `items`. */
  readonly events: readonly string[];
  /** False where the connection closed in the middle of the body. */
  readonly whole: boolean;
  /** From the request to the headers, and to the end of the body, ms. */
  readonly headMs: number;
  readonly totalMs: number;
}

/** A request under way: what came so far, and a way to leave. */
export class HttpCall {
  status = 0;
  headers: IncomingHttpHeaders = {};
  readonly items: SseItem[] = [];
  /** Settles once the response has ended or was cut off; rejects where there was none. */
  readonly done: Promise<Answer>;
  private readonly chunks: Buffer[] = [];
  private readonly startedAt = performance.now();
  private readonly watchers = new Set<() => void>();
  private headMs = 0;
  private line = '';
  private data: string[] = [];
  private id: string | undefined;
  private over = false;

  constructor(private readonly sent: ClientRequest) {
    this.done = this.receive();
    // Whoever left does not wait for the end.
    this.done.catch(() => undefined);
    sent.on('error', () => undefined);
  }

  /** The answer, once the response has ended. */
  async answer(timeoutMs = WAIT_MS): Promise<Answer> {
    try {
      return await withDeadline(this.done, 'the end of a response', timeoutMs);
    } catch (error) {
      // A call that nobody waits for must not hold its place into the next test.
      this.leave();
      throw error;
    }
  }

  /** The first event or comment that matches; rejects if the stream ends without it. */
  async waitForItem(
    matches: (item: SseItem) => boolean,
    what: string,
    timeoutMs = WAIT_MS,
  ): Promise<SseItem> {
    const found = new Promise<SseItem>((resolve, reject) => {
      const look = () => {
        const item = this.items.find(matches);
        if (item) resolve(item);
        else if (this.over) reject(new Error(`the response ended without ${what}: ${this.body.toString()}`));
        else return;
        this.watchers.delete(look);
      };
      this.watchers.add(look);
      look();
    });
    return withDeadline(found, what, timeoutMs);
  }

  /** Closes the connection without waiting for anything; answers when that was, Unix ms. */
  leave(): number {
    this.sent.destroy();
    return Date.now();
  }

  /** Bytes of the body so far. */
  get received(): number {
    return this.body.length;
  }

  private get body(): Buffer {
    return Buffer.concat(this.chunks);
  }

  private async receive(): Promise<Answer> {
    const [response] = (await once(this.sent, 'response')) as [IncomingMessage];
    this.status = response.statusCode ?? 0;
    this.headers = response.headers;
    this.headMs = this.now();
    const isStream = String(response.headers['content-type']).startsWith('text/event-stream');
    const decoder = new TextDecoder();
    response.on('data', (chunk: Buffer) => {
      this.chunks.push(chunk);
      if (isStream) this.read(decoder.decode(chunk, { stream: true }));
      this.notify();
    });
    response.on('error', () => undefined);
    await new Promise((resolve) => response.once('close', resolve));
    this.over = true;
    this.notify();
    const { status, headers, items, body, headMs } = this;
    const events = items.filter(({ kind }) => kind === 'event').map(({ text }) => text);
    const text = body.toString();
    return {
      status,
      headers,
      trailers: response.trailers,
      items,
      events,
      body,
      text,
      headMs,
      whole: response.complete,
      totalMs: this.now(),
    };
  }

  /** Knows exactly what a server of ours may send: data, ids, comments, blank lines. Anything else is an item too. */
  private read(text: string): void {
    const lines = (this.line + text).split('\n');
    this.line = lines.pop() ?? '';
    for (const line of lines) {
      if (line.startsWith(':')) this.note('comment', line.slice(1).trim());
      else if (line.startsWith('data: ')) this.data.push(line.slice('data: '.length));
      else if (line.startsWith('id: ')) this.id = line.slice('id: '.length);
      else if (line !== '') this.note('event', `unexpected line: ${line}`);
      else if (this.data.length > 0) this.note('event', this.data.splice(0).join('\n'));
    }
  }

  private note(kind: SseItem['kind'], text: string): void {
    const id = kind === 'event' ? this.id : undefined;
    if (kind === 'event') this.id = undefined;
    this.items.push({ kind, text, atMs: this.now(), ...(id !== undefined && { id }) });
  }

  private now(): number {
    return performance.now() - this.startedAt;
  }

  private notify(): void {
    for (const watcher of this.watchers) watcher();
  }
}

/** Sends a request and returns at once. */
export function send(url: string, { body, headers = {}, method, agent }: SendOptions = {}): HttpCall {
  const isJson = body !== undefined && typeof body === 'object' && !Buffer.isBuffer(body);
  const bytes = body === undefined ? undefined : isJson ? JSON.stringify(body) : body;
  const call = request(url, {
    method: method ?? (bytes === undefined ? 'GET' : 'POST'),
    agent: agent ?? false,
    headers: {
      ...(bytes !== undefined && {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(bytes),
      }),
      ...headers,
    },
  });
  call.end(bytes);
  return new HttpCall(call);
}

/** Sends a request and waits for the end of its response. */
export async function fetchAnswer(url: string, options: SendOptions = {}): Promise<Answer> {
  return send(url, options).answer();
}

/** The text that a stream's chunks carry, in order; `[DONE]` and usage chunks carry none. */
export function contentOf(answer: Pick<Answer, 'events'>): string {
  return chunksOf(answer)
    .map(({ choices }) => choices?.[0]?.delta?.content ?? '')
    .join('');
}

/** The JSON events of a stream; `[DONE]` is left out. */
export function chunksOf({ events }: Pick<Answer, 'events'>): Chunk[] {
  return events.filter((data) => data !== '[DONE]').map((data) => JSON.parse(data) as Chunk);
}

/** A chunk, an answer or an error, as far as tests look into it. */
export interface Chunk {
  readonly id?: string;
  readonly model?: string;
  readonly usage?: object | null;
  readonly error?: {
    readonly message: string;
    readonly type: string;
    readonly param: string | null;
    readonly code: string;
  };
  readonly choices?: readonly {
    readonly index: number;
    readonly delta?: { readonly content?: string };
    readonly message?: { readonly content?: string };
    readonly finish_reason: string | null;
  }[];
}

/** The body as JSON. */
export function jsonOf({ text }: Pick<Answer, 'text'>): Chunk {
  return JSON.parse(text) as Chunk;
}

/** Sends bytes over a connection of its own; resolves with all that came back once the server has closed it. */
export async function sendBytes(url: string, bytes: Buffer | string, timeoutMs = WAIT_MS): Promise<string> {
  const { port, hostname } = new URL(url);
  const socket = connect(Number(port), hostname, () => socket.write(bytes));
  let answer = '';
  socket.setEncoding('utf8').on('data', (piece: string) => (answer += piece));
  // A server that closes on unread bytes may reset; what it said before that has arrived.
  socket.on('error', () => undefined);
  try {
    await withDeadline(once(socket, 'close'), 'the server to close the connection', timeoutMs);
  } finally {
    socket.destroy();
  }
  return answer;
}

/** Rejects if `promise` takes longer, saying what for. */
export async function withDeadline<Value>(
  promise: Promise<Value>,
  what: string,
  timeoutMs = WAIT_MS,
): Promise<Value> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`waited ${timeoutMs} ms for ${what}`)), timeoutMs);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Asks again until the probe answers something; for what tells nobody when it happens. */
export async function eventually<Value>(
  probe: () => Promise<Value | undefined> | Value | undefined,
  what: string,
  timeoutMs = WAIT_MS,
): Promise<Value> {
  const endAt = performance.now() + timeoutMs;
  for (;;) {
    const value = await probe();
    if (value !== undefined) return value;
    if (performance.now() > endAt) throw new Error(`waited ${timeoutMs} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Resolves once the api at `url` has heard of a worker that offers this model. */
export async function waitForModel(url: string, model: string): Promise<void> {
  const isKnown = async () => (await fetchAnswer(`${url}/v1/models/${model}`)).status === 200 || undefined;
  await eventually(isKnown, `a worker that offers ${model}`);
}
