import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { Conversation } from './conversation.js';
import type { Counts } from './conversation.js';
import { TimerWheel } from './timer-wheel.js';

/** Connections that the kernel keeps until we take them: a burst of 1,000 must not be turned away. */
const BACKLOG = 4_096;

/**
 * The upstream of a benchmark: OpenAI's chat completions on loopback, saying what the script in each call says. Raw
 * sockets, because every millisecond that it takes of the CPU is missing where something is measured.
 */
export class UpstreamServer {
  readonly counts: Counts = { calls: 0, open: 0, cancelled: 0 };
  private readonly wheel = new TimerWheel();
  private readonly sockets = new Set<Socket>();

  private constructor(private readonly server: Server) {
    server.on('connection', (socket: Socket) => {
      this.sockets.add(socket);
      socket.once('close', () => this.sockets.delete(socket));
      new Conversation(socket, this.wheel, this.counts).start();
    });
  }

  static async listen(): Promise<UpstreamServer> {
    const upstream = new UpstreamServer(createServer({ noDelay: true }));
    upstream.server.listen({ host: '127.0.0.1', port: 0, backlog: BACKLOG });
    await once(upstream.server, 'listening');
    return upstream;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Hangs up on everyone. */
  close(): void {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
  }
}
