import type { Redis } from 'ioredis';

/** One message to this process: a log entry, `fetch` for one too large to publish, or `stop` for a run of ours. */
export interface ChannelMessage {
  readonly request: string;
  /** The entry's log id; for `stop` the run's epoch. */
  readonly id: string;
  /** The log id before it. */
  readonly previous: string;
  readonly kind: 'start' | 'data' | 'end' | 'fetch' | 'stop';
  readonly bytes: Buffer;
}

const NEWLINE = 0x0a;

/**
 * What others tell this process, on one subscription (a channel per request costs several times the throughput).
 * Messages may be lost: whoever listens must be able to find out from the ledger.
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

  private receive(message: Buffer): void {
    const end = message.indexOf(NEWLINE);
    const [request, id, previous, kind] = message.toString('latin1', 0, end).split(' ');
    if (request === undefined || id === undefined || previous === undefined) return;
    const bytes = message.subarray(end + 1);
    this.listeners.get(request)?.({ request, id, previous, kind: kind as ChannelMessage['kind'], bytes });
  }
}
