import type { Call } from './call.js';
import { Connection } from './connection.js';
import type { RequestTemplate } from './request-template.js';

/** Connections at most; further calls wait for one of them. */
const LIMIT = 4_096;
/** Being opened at a time: more could overflow a server's backlog, and would be tried again after a second. */
const OPENING_LIMIT = 128;
/** How often silent connections are looked for, ms. */
const WATCH_MS = 1_000;

export interface PoolEvents {
  /** A call is over, whichever way. */
  over(): void;
  /** Bytes came that no request asked for. */
  stray(why: string): void;
}

export interface PoolOptions {
  /** Of the upstream's URL or the proxy's. */
  readonly origin: URL;
  readonly template: RequestTemplate;
  /** A call on whose connection nothing comes for so long is wrong, ms. */
  readonly silenceMs: number;
}

/** Keep-alive connections to one server: as many as there are calls at once. */
export class ConnectionPool {
  private readonly all = new Set<Connection>();
  /** The one used last is used next, so that surplus ones grow old and are closed by their server. */
  private readonly idle: Connection[] = [];
  private readonly waiting: Call[] = [];
  private opening = 0;
  private readonly watch = setInterval(() => this.closeSilent(), WATCH_MS);
  private readonly connectionEvents;

  constructor(
    private readonly options: PoolOptions,
    private readonly events: PoolEvents,
  ) {
    this.connectionEvents = {
      free: (connection: Connection) => {
        if (connection.isUsable) this.idle.push(connection);
        this.events.over();
        this.serve();
      },
      closed: (connection: Connection) => {
        this.all.delete(connection);
        this.serve();
      },
      stray: (why: string) => this.events.stray(why),
    };
  }

  /** @throws {Error} nobody listens */
  async prepare(count: number): Promise<void> {
    for (let left = Math.min(count, LIMIT); left > 0; left -= OPENING_LIMIT) {
      await Promise.all(Array.from({ length: Math.min(left, OPENING_LIMIT) }, async () => this.open()));
    }
  }

  ask(call: Call): void {
    this.waiting.push(call);
    this.serve();
  }

  close(): void {
    clearInterval(this.watch);
    for (const connection of this.all) connection.close('the load is over');
  }

  private serve(): void {
    while (this.waiting.length > 0) {
      const connection = this.idle.pop();
      if (connection === undefined) break;
      if (!connection.isUsable) continue;
      const call = this.waiting.shift();
      if (call !== undefined) connection.ask(call, this.options.template);
    }
    const wanted = Math.min(this.waiting.length, OPENING_LIMIT) - this.opening;
    const room = LIMIT - this.all.size - this.opening;
    for (let more = Math.min(wanted, room); more > 0; more--) void this.openForWaiting();
  }

  private async openForWaiting(): Promise<void> {
    try {
      await this.open();
      this.serve();
    } catch (error) {
      const call = this.waiting.shift();
      if (call === undefined) return;
      call.fail(
        `no connection: ${error instanceof Error ? error.message : String(error)}`,
        performance.now(),
      );
      this.events.over();
    }
  }

  private async open(): Promise<void> {
    const { hostname, port } = this.options.origin;
    this.opening++;
    try {
      const connection = await Connection.open(hostname, Number(port), this.connectionEvents);
      this.all.add(connection);
      this.idle.push(connection);
    } finally {
      this.opening--;
    }
  }

  private closeSilent(): void {
    const oldest = performance.now() - this.options.silenceMs;
    for (const connection of this.all) {
      if (connection.isBusy && connection.touchedAt < oldest) {
        connection.close(`nothing came for ${this.options.silenceMs} ms`);
      }
    }
  }
}
