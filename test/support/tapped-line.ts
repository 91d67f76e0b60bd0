import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { eventually } from './client.js';

export interface LineOptions {
  /** The last byte of what a client sends never arrives. Default: all of it does. */
  readonly keepsLastByte?: boolean;
}

/** A line to a server that a test listens in on, or that loses something on the way. */
export class TappedLine {
  /** All that the server sent, over all connections. */
  received = '';
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    private readonly target: string,
    private readonly options: LineOptions,
  ) {
    server.on('connection', (client) => this.join(client));
  }

  /** A line to the server at `target`, `http://host:port`. */
  static async open(target: string, options: LineOptions = {}): Promise<TappedLine> {
    const server = createServer();
    const line = new TappedLine(server, target, options);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return line;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Waits until the server has sent this text, behind the first `from` characters; answers where it ends. */
  async hears(text: string, from = 0): Promise<number> {
    return eventually(
      () => {
        const at = this.received.indexOf(text, from);
        return at === -1 ? undefined : at + text.length;
      },
      `${JSON.stringify(text)} on the line`,
    );
  }

  async close(): Promise<void> {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
    await once(this.server, 'close');
  }

  private join(client: Socket): void {
    const { port, hostname } = new URL(this.target);
    const server = connect(Number(port), hostname);
    let held = Buffer.alloc(0);
    client.on('data', (piece: Buffer) => {
      const bytes = Buffer.concat([held, piece]);
      held = this.options.keepsLastByte ? bytes.subarray(-1) : Buffer.alloc(0);
      server.write(bytes.subarray(0, bytes.length - held.length));
    });
    server.on('data', (bytes: Buffer) => {
      this.received += bytes.toString('latin1');
      client.write(bytes);
    });
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.sockets.add(one);
      one.on('error', () => undefined);
      one.on('end', () => other.end());
      one.on('close', () => {
        this.sockets.delete(one);
        other.destroy();
      });
    }
  }
}
