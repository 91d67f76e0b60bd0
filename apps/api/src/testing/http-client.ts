import { request, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { withDeadline } from './with-deadline.js';

export interface Send {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Text is sent as it is, anything else as JSON. */
  readonly body?: unknown;
}

/** A response that is read piece by piece. */
export class Received {
  private text = '';
  private isOver = false;
  private readonly over: Promise<void>;
  private wake: (() => void) | undefined;

  constructor(private readonly message: IncomingMessage) {
    message.setEncoding('utf8');
    message.on('data', (piece: string) => {
      this.text += piece;
      this.wake?.();
    });
    this.over = new Promise((resolve) => {
      message.once('close', () => {
        this.isOver = true;
        this.wake?.();
        resolve();
      });
    });
  }

  get status(): number | undefined {
    return this.message.statusCode;
  }

  get headers(): IncomingHttpHeaders {
    return this.message.headers;
  }

  /** Did the whole response arrive, or did the connection break? */
  get isWhole(): boolean {
    return this.message.complete;
  }

  /** The body so far, once `part` is in it. */
  async until(part: string): Promise<string> {
    while (!this.text.includes(part)) {
      if (this.isOver) throw new Error(`the answer ended without ${JSON.stringify(part)}: ${this.text}`);
      await withDeadline(new Promise<void>((resolve) => (this.wake = resolve)), JSON.stringify(part));
    }
    return this.text;
  }

  /** The whole body. */
  async body(): Promise<string> {
    await withDeadline(this.over, 'the end of the answer');
    return this.text;
  }

  async json(): Promise<Record<string, unknown>> {
    return JSON.parse(await this.body()) as Record<string, unknown>;
  }

  /** Stops taking anything from the connection. */
  pause(): void {
    this.message.pause();
  }

  resume(): void {
    this.message.resume();
  }

  /** Closes the connection, as a client that goes away. */
  leave(): void {
    this.message.destroy();
  }
}

/** A request under way. */
export interface Sent {
  /** Resolves with the head of the response. */
  readonly received: Promise<Received>;
  /** Closes the connection, as a client that goes away. */
  leave(): void;
}

export function send(url: string, { method, headers = {}, body }: Send = {}): Sent {
  const text = typeof body === 'string' || body === undefined ? body : JSON.stringify(body);
  const type: Record<string, string> = text === undefined ? {} : { 'content-type': 'application/json' };
  const sent = request(url, {
    method: method ?? (text === undefined ? 'GET' : 'POST'),
    headers: { ...type, ...headers },
  });
  const response = new Promise<Received>((resolve, reject) => {
    sent.once('response', (message) => resolve(new Received(message)));
    sent.on('error', reject);
  });
  const received = withDeadline(response, `an answer to ${url}`);
  // Whoever leaves does not wait for it.
  received.catch(() => undefined);
  sent.end(text);
  return { received, leave: () => sent.destroy() };
}

/** Sends bytes over a connection of its own; resolves with all that came back once the server closed it. */
export async function sendRaw(port: number, text: string): Promise<string> {
  let answer = '';
  const socket = connect(port, '127.0.0.1', () => socket.write(text));
  socket.setEncoding('utf8').on('data', (piece: string) => (answer += piece));
  const closed = new Promise<void>((resolve, reject) =>
    socket.once('close', () => resolve()).once('error', reject),
  );
  try {
    await withDeadline(closed, 'the server to close the connection');
  } finally {
    socket.destroy();
  }
  return answer;
}
