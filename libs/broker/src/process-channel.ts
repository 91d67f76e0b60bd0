import type { Redis } from 'ioredis';

/** What this process is told of a request: a log entry, `fetch` for one too large to publish, or `stop` for a run of ours. */
export interface ChannelMessage {
  readonly request: string;
  /** The entry's log id; for `stop` the run's epoch. */
  readonly id: string;
  /** The log id before it. */
  readonly previous: string;
  readonly kind: 'start' | 'data' | 'end' | 'fetch' | 'stop';
  readonly bytes: Buffer;
}

/**
 * What others tell this process, on one subscription (a channel per request costs several times the throughput), of
 * many requests in one message. Messages may be lost: whoever listens must be able to find out from the ledger.
 */
export class ProcessChannel {
  private readonly listeners = new Map<string, (message: ChannelMessage) => void>();
  private onReady: (() => void) | undefined;

  constructor(
    private readonly subscriber: Redis,
    private readonly channel: string,
  ) {
    subscriber.on('messageBuffer', (_: Buffer, message: Buffer) => this.receive(message));
    // Every new subscription may have missed something.
    subscriber.on('ready', () => this.onReady?.());
  }

  async start(): Promise<void> {
    await this.subscriber.subscribe(this.channel);
  }

  /** Hands this request's messages to `listener` until the returned function is called. */
  listen(request: string, listener: (message: ChannelMessage) => void): () => void {
    this.listeners.set(request, listener);
    return () => {
      if (this.listeners.get(request) === listener) this.listeners.delete(request);
    };
  }

  /** Calls back whenever messages may have been lost. */
  whenReconnected(callback: () => void): void {
    this.onReady = callback;
  }

  /** The form is made in lua/log.lua. */
  private receive(message: Buffer): void {
    // Once for the whole, which is cheaper than to look for each line's end in the bytes.
    const text = message.toString('latin1');
    let at = text.startsWith('\n') ? 1 : 0;
    while (at < text.length) {
      const begin = text.indexOf('\n', at) + 1;
      const [request, id, previous, kind, length] = text.slice(at, begin - 1).split(' ');
      if (begin === 0 || request === undefined || id === undefined || previous === undefined) return;
      // Earlier versions name no length: theirs hold one entry.
      const size = Number(length);
      at = size >= 0 ? begin + size : text.length;
      const bytes = message.subarray(begin, at);
      this.listeners.get(request)?.({ request, id, previous, kind: kind as ChannelMessage['kind'], bytes });
    }
  }
}
