import { once } from 'node:events';
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';

/** What the upstream saw of one call. Times are Unix ms. */
export interface UpstreamCall {
  /** 1 for the first call. */
  readonly number: number;
  readonly headers: IncomingHttpHeaders;
  /** The body's own bytes. */
  readonly body: Buffer;
  /** The parsed body; undefined where it is not a JSON object. */
  readonly json: Readonly<Record<string, unknown>> | undefined;
  readonly model: string | undefined;
  readonly stream: boolean;
  readonly path: string;
  /** Which TCP connection it came on, from 1: equal numbers mean a reused socket. */
  readonly connection: number;
  /** Address of the client. */
  readonly from: string;
  readonly startedAt: number;
  /** When our side was through with it: answered, or dropped on purpose. */
  endedAt?: number;
  /** When the client closed before the answer was through. */
  hungUpAt?: number;
}

/** A call that a behaviour answers. */
export class LiveCall {
  private readonly gone = new AbortController();
  private readonly whenClosed: Promise<unknown>;

  constructor(
    readonly record: UpstreamCall,
    readonly response: ServerResponse,
    onChange: () => void,
  ) {
    this.whenClosed = once(response, 'close');
    response.once('close', () => {
      if (!response.writableFinished && record.endedAt === undefined) record.hungUpAt = Date.now();
      record.endedAt ??= Date.now();
      this.gone.abort();
      onChange();
    });
  }

  /** Aborted once the connection is closed, by whichever side. */
  get closed(): AbortSignal {
    return this.gone.signal;
  }

  /** Writes and waits until the bytes have left this process, so that a drop behind them loses none. */
  async write(bytes: Buffer | string): Promise<void> {
    if (this.closed.aborted) return;
    await this.unlessClosed(new Promise((resolve) => this.response.write(bytes, resolve)));
  }

  async end(bytes: Buffer | string = ''): Promise<void> {
    if (this.closed.aborted) return;
    this.response.end(bytes);
    await this.unlessClosed(once(this.response, 'finish'));
  }

  /** Closes the connection without ending the answer: a FIN, or with `reset` an RST. */
  drop(reset = false): void {
    this.record.endedAt ??= Date.now();
    const socket = this.response.socket;
    if (reset) socket?.resetAndDestroy();
    else socket?.destroy();
  }

  /** Waits for `work`, or for the connection to close. */
  async unlessClosed(work: Promise<unknown>): Promise<void> {
    await Promise.race([work, this.whenClosed]);
  }
}
