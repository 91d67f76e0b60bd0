import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

/** A way to a Redis that can become a black hole. */
export interface RedisRelay {
  readonly url: string;
  /** Connections that were made to it so far. */
  readonly connections: number;
  /** From now on every connection, old or new, stays open and passes nothing. */
  swallow(): void;
  /**
   * New connections pass again. Old ones pass on what they held back, or with `lost: true` stay dead for ever, as where
   * whoever routed them has forgotten them.
   */
  release(options?: { readonly lost?: boolean }): void;
  close(): Promise<void>;
}

/** Passes connections on to the Redis on this port of loopback. */
export async function startRedisRelay(redisPort: number): Promise<RedisRelay> {
  const sockets = new Set<Socket>();
  let connections = 0;
  let swallowing = false;
  const server = createServer((client) => {
    connections++;
    const redis = connect(redisPort, '127.0.0.1');
    for (const [socket, other] of [
      [client, redis],
      [redis, client],
    ] as const) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('data', (chunk: Buffer) => other.write(chunk));
      socket.on('error', () => undefined);
      socket.once('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
      // Unread, its end is not seen either.
      if (swallowing) socket.pause();
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get connections() {
      return connections;
    },
    swallow: () => {
      swallowing = true;
      for (const socket of sockets) socket.pause();
    },
    release: ({ lost = false } = {}) => {
      swallowing = false;
      if (!lost) for (const socket of sockets) socket.resume();
    },
    close: async () => {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}
